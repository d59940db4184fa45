"""Which jobs people mean: by URL, by the video's id at its source, or by the job's own id."""

from collections.abc import Iterable

import click

from haulage import Job, JobId, Pipeline, Query, Request, Status
from haulage.secrets import public_url


def named(pipeline: Pipeline, names: Iterable[str], status: tuple[Status, ...] = ()) -> list[Job]:
    """The jobs that are named, each once; all of them without a name.

    Args:
        pipeline: Knows them.
        names: URLs, ids of videos, ids of jobs.
        status: Only those in one of these states.

    Raises:
        UsageError: A name means nothing.
    """
    jobs: dict[JobId, Job] = {}
    for name in names:
        found = list(_named(pipeline, name)) if is_text(name) else []
        if not found:
            raise click.UsageError(f"no video {public_url(name)!r}; see: haulage list")
        jobs |= {job.id: job for job in found if not status or job.status in status}
    return list(jobs.values()) if names else list(pipeline.find(Query(status=status)))


def is_text(name: str) -> bool:
    """Whether a name from the command line is text; one that holds other bytes names nothing."""
    return not any("\udc80" <= each <= "\udcff" for each in name)


def _named(pipeline: Pipeline, name: str) -> Iterable[Job]:
    if "://" in name:
        return pipeline.find(Query(ids=(Request(name).id,)))
    return [*pipeline.find(Query(ids=(JobId(name),))), *pipeline.find(Query(video_id=name))]
