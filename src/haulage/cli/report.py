"""A job as machines and people read it."""

from datetime import timedelta
from typing import Any

from rich.filesize import decimal

from haulage import Failure, Job, Kind, Pipeline
from haulage.billing.rates import Rate
from haulage.documents import job_document, time_document
from haulage.secrets import one_line, public_url

_FOR_PEOPLE = (Kind.AUTH, Kind.ENVIRONMENT, Kind.DENIED, Kind.CONFIG)
"""After these failures nothing is tried again before a person has done something."""


def document(job: Job, pipeline: Pipeline) -> dict[str, Any]:
    """A job as a JSON object: sizes in bytes, durations in seconds."""
    return job_document(job, pipeline.object_url)


def tries_document(job: Job) -> list[dict[str, Any]]:
    """The attempts at a job that failed, oldest first, as JSON objects: waits in seconds, times in RFC 3339, UTC."""
    return [
        {
            "attempt": each.attempt,
            "number": job.attempts.index(each.attempt) + 1,
            "stage": each.stage,
            "kind": each.failure.kind.value,
            "message": each.failure.message,
            "cure": each.failure.cure,
            "counted": each.counted,
            "wait": None if each.wait is None else each.wait.total_seconds(),
            "ended": time_document(each.ended),
        }
        for each in job.tries
    ]


def name(job: Job) -> str:
    """What to call a job: its title, or its URL."""
    return one_line((job.video and job.video.title) or public_url(job.request.url))


def facts_text(job: Job) -> str:
    """What was measured, in a few words: "360p, 0:04, 932.3 kB"."""
    parts = [job.facts and job.facts.resolution]
    if job.facts and job.facts.duration is not None:
        parts.append(clock(job.facts.duration))
    if job.files:
        parts.append(decimal(job.files[0].size))
    return ", ".join(part for part in parts if part)


def again_text(failure: Failure, wait: timedelta) -> str:
    """When a job is tried again after a failure: "again in 2 s"."""
    if failure.kind in _FOR_PEOPLE:
        return "again once that is mended"
    return f"again in {wait.total_seconds():g} s" if wait else "again at once"


def clock(seconds: float) -> str:
    """A duration as players show it: "0:04", "1:02:03"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def price_text(storage: str, rate: Rate | None) -> str:
    """What a storage costs, and who says so."""
    if rate is None:
        return f"{storage}: no price known, since the config does not name that storage any more"
    if rate.storage is None:
        return f"{storage}: {rate.origin}"
    unit = "GiB" if rate.gigabyte == 1 << 30 else "GB"
    return f"{storage}: {rate.storage:g} USD for a {unit} and month ({rate.origin})"


def counted(number: int, what: str) -> str:
    """So many of something: "1 video", "2 videos"."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"
