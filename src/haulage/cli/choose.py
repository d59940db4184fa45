"""Which jobs people mean: by URL, by the video's id at its source, by the job's own id, or by what is so of them."""

from collections.abc import Iterable

import click
from attrs import evolve

from haulage import Job, JobId, Kind, Pipeline, Query, Request, Status
from haulage.secrets import public_url


def named(pipeline: Pipeline, names: Iterable[str], query: Query | None = None) -> list[Job]:
    """The jobs that are named, each once; all of them without a name.

    Args:
        pipeline: Knows them.
        names: URLs, ids of videos, ids of jobs.
        query: Only those of them that it finds.

    Raises:
        UsageError: A name means nothing.
    """
    ids: dict[JobId, None] = {}
    for name in names:
        found = [job.id for job in _named(pipeline, name)] if is_text(name) else []
        if not found:
            raise click.UsageError(f"no video {public_url(name)!r}; see: haulage list")
        ids |= dict.fromkeys(found)
    jobs = pipeline.find(evolve(query or Query(), ids=tuple(ids)))
    place = {each: number for number, each in enumerate(ids)}
    return sorted(jobs, key=lambda job: place.get(job.id, 0))


def one(pipeline: Pipeline, name: str) -> Job:
    """The job that is named.

    Raises:
        UsageError: The name means nothing, or several.
    """
    job, *others = named(pipeline, [name])
    if others:
        # Not by their URLs: variants of a video have one in common.
        ids = ", ".join(
            " ".join(filter(None, (each.id, public_url(each.request.url), each.request.variant)))
            for each in (job, *others)
        )
        raise click.UsageError(f"{name!r} means {1 + len(others)} videos; name one by what comes first here: {ids}")
    return job


def holders(pipeline: Pipeline, jobs: Iterable[Job]) -> list[Job]:
    """The jobs that have the videos of these, each once: another URL of a video stands for the one that has it."""
    found = {}
    for job in jobs:
        for holder in pipeline.find(Query(ids=(job.twin,))) if job.twin else (job,):
            found[holder.id] = holder
    return list(found.values())


def kinds(names: Iterable[str]) -> tuple[Kind, ...]:
    """The kinds of failures that are named.

    Raises:
        UsageError: There is no such kind.
    """
    return tuple(Kind(_known(name, list(Kind), "kind of failure")) for name in names)


def states(names: Iterable[str]) -> tuple[Status, ...]:
    """The states of jobs that are named.

    Raises:
        UsageError: There is no such state.
    """
    return tuple(Status(_known(name, list(Status), "status")) for name in names)


def _known(name: str, all_of_them: Iterable[str], what: str) -> str:
    if name not in all_of_them:
        raise click.UsageError(f"no such {what}: {name!r}; there are: {', '.join(all_of_them)}")
    return name


def is_text(name: str) -> bool:
    """Whether a name from the command line is text; one that holds other bytes names nothing."""
    return not any("\udc80" <= each <= "\udcff" for each in name)


def _named(pipeline: Pipeline, name: str) -> Iterable[Job]:
    if "://" in name:
        return pipeline.find(Query(ids=(Request(name).id,)))
    return [*pipeline.find(Query(ids=(JobId(name),))), *pipeline.find(Query(video_id=name))]
