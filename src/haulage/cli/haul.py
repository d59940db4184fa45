"""A run, as the commands that haul show it, and the exit code that it ends with."""

import contextlib
import json
from collections.abc import Iterable, Iterator

from haulage import ENDED, Job, JobId, Kind, Pipeline, Query, Request, Status
from haulage.cli.display import Display
from haulage.cli.exits import Exit
from haulage.cli.report import document
from haulage.cli.settings import Settings
from haulage.cli.signals import graceful


def haul(
    settings: Settings, requests: Iterable[Request] | None, *, as_json: bool = False, forever: bool = False
) -> Exit:
    """Haul, show how it goes, and return the exit code.

    Args:
        settings: What every command takes.
        requests: What to haul; None for all that waits.
        as_json: Print a line of JSON for each job that ends, instead of a line for people.
        forever: Wait for more when nothing is left.
    """
    display = Display(quiet=settings.log_format == "json")
    try:
        return _haul(settings, requests, display, as_json, forever)
    except KeyboardInterrupt:
        display.last("stopped; what was not finished stays in the queue, and the same command goes on with it")
        return Exit.STOPPED


def _haul(
    settings: Settings, requests: Iterable[Request] | None, display: Display, as_json: bool, forever: bool
) -> Exit:
    named: list[JobId] = []
    outcomes: dict[JobId, Job] = {}
    with (
        settings.pipeline(display) as pipeline,
        display,
        graceful(pipeline.stop, display.say, display.abandon) as stopped,
    ):
        noted = None if requests is None else _noted(requests, named)
        with contextlib.closing(pipeline.run(noted, forever=forever)) as jobs:
            for job in jobs:
                if not forever:
                    outcomes[job.id] = job
                if stopped() and job.status not in ENDED:
                    continue
                if as_json:
                    print(json.dumps(document(job, pipeline), ensure_ascii=False), flush=True)  # noqa: T201
                else:
                    display.result(job, pipeline)
        if requests is None and not forever and not stopped():
            # Nobody named these, and nobody works on them: their sites wait for a person.
            outcomes |= {job.id: job for job in pipeline.find(Query(unfinished=True))}
        if not as_json:
            display.summary(job for job in outcomes.values() if job.status in ENDED or not stopped())
        display.closed(pipeline.sites(), outcomes.values())
        left = any(job.status not in ENDED for job in outcomes.values())
        if requests is None:
            left = forever or next(pipeline.find(Query(unfinished=True)), None) is not None
        if stopped() and left:
            display.say("stopped; what was not begun stays in the queue, and the same command goes on with it")
            return Exit.STOPPED
        return _code(pipeline, named, outcomes)


def _code(pipeline: Pipeline, named: list[JobId], outcomes: dict[JobId, Job]) -> Exit:
    if any(_waits_for(job, Kind.ENVIRONMENT) for job in outcomes.values()):
        return Exit.UNUSABLE
    good = all(_good(outcomes[each], pipeline) for each in named)
    bad = any(job.status is Status.FAILED or _waits_for(job, Kind.AUTH) for job in outcomes.values())
    return Exit.DONE if good and not bad else Exit.NOT_ALL


def _waits_for(job: Job, kind: Kind) -> bool:
    """Whether a job was yielded unfinished since a person has to do something first."""
    return job.status is Status.PENDING and bool(job.tries) and job.tries[-1].failure.kind is kind


def _good(job: Job, pipeline: Pipeline) -> bool:
    """Whether what was named is stored; where another job has the same video, whether that one stored it."""
    if job.status is Status.DUPLICATE and job.twin is not None:
        return all(_good(twin, pipeline) for twin in pipeline.find(Query(ids=(job.twin,))))
    return job.status in (Status.DOWNLOADED, Status.EXPANDED)


def _noted(requests: Iterable[Request], named: list[JobId]) -> Iterator[Request]:
    for request in requests:
        named.append(request.id)
        yield request
