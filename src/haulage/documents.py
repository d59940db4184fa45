"""Jobs as machines read them: JSON objects, with sizes in bytes and durations in seconds."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from haulage.errors import Failure
from haulage.secrets import public_url
from haulage.values import Copy, Job, Status

_WELL = (Status.DOWNLOADED, Status.EXPANDED, Status.DUPLICATE, Status.PRUNED)

NOT_WELL = tuple(each for each in Status if each not in _WELL)
"""The states in which what failed last still matters."""


def job_document(job: Job, object_url: Callable[[Copy], str | None]) -> dict[str, Any]:
    """A job, with all that was stored of it.

    Args:
        job: The job.
        object_url: What people call an object, where that is known.
    """
    video, facts = job.video, job.facts
    main = job.files[0] if job.files else None
    last = job.tries[-1].failure if job.tries and job.status in NOT_WELL else None
    return {
        "source": video and video.source,
        "video_id": video and video.id,
        "variant": job.request.variant,
        "subscription": job.subscription or None,
        "channel_id": video and video.channel_id,
        "title": video and video.title,
        "url": public_url(job.request.url),
        "status": job.status.value,
        "size": main and main.size,
        "duration": facts and facts.duration,
        "width": facts and facts.width,
        "height": facts and facts.height,
        "resolution": facts and facts.resolution,
        "format": facts and facts.container,
        "sha256": main and main.sha256,
        "attempts": len(job.attempts),
        "error": last and failure_document(last),
        "objects": [object_document(copy, object_url(copy)) for copy in job.copies if copy.state == "stored"],
    }


def object_document(copy: Copy, url: str | None) -> dict[str, Any]:
    """One object, and what people call it."""
    return {
        "storage": copy.storage,
        "role": copy.role,
        "key": copy.key,
        "url": url,
        "size": copy.size,
        "sha256": copy.sha256,
    }


def failure_document(failure: Failure) -> dict[str, str]:
    """What went wrong, and what a person can do about it."""
    return {"kind": failure.kind.value, "message": failure.message, "cure": failure.cure}


def time_document(time: datetime | None) -> str | None:
    """A time in RFC 3339, UTC, to the millisecond: "2026-11-23T09:30:00.250Z"."""
    return None if time is None else time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
