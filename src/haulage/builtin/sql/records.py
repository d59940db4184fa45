"""Between rows and values, without a database at hand."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Row

from haulage.errors import Failure, Kind
from haulage.secrets import public_url
from haulage.values import (
    AttemptId,
    Copy,
    Job,
    JobId,
    MediaFacts,
    MediaFile,
    Request,
    Status,
    Try,
    Video,
)

Values = dict[str, Any]


def job_values(job: Job) -> Values:
    """The columns of a job that belong to its holder."""
    return {
        "url": job.request.url,
        "site": job.site,
        "status": job.status.value,
        "listed": job.listed,
        "twin": job.twin,
        "home": job.home,
        "files": [
            {
                "path": str(file.path),
                "role": file.role,
                "extension": file.extension,
                "media_type": file.media_type,
                "size": file.size,
                "sha256": file.sha256,
            }
            for file in job.files
        ],
    }


def video_values(video: Video, job: Job) -> Values:
    """The columns of a video; what gives access to its URL is left out."""
    facts = job.facts
    main = job.files[0] if job.files else None
    return {
        "title": video.title,
        "channel_id": video.channel_id,
        "announced_duration": video.duration,
        "download_status": job.status.value,
        "download_url": public_url(video.url),
        "download_size": main and main.size,
        "download_duration": facts and facts.duration,
        "download_resolution": facts and facts.resolution,
        "download_format": facts and facts.container,
        "width": facts and facts.width,
        "height": facts and facts.height,
        "video_codec": facts and facts.video_codec,
        "audio_codec": facts and facts.audio_codec,
        "fetched_by": facts and facts.fetched_by,
        "sha256": main and main.sha256,
    }


def copy_values(copy: Copy) -> Values:
    """The columns of a copy beside its identity and its times."""
    return {
        "key": copy.key,
        "state": copy.state,
        "size": copy.size,
        "sha256": copy.sha256,
        "attempt": copy.attempt,
        "token": copy.token,
        "version": copy.version,
    }


def try_values(ended: Try) -> Values:
    """The columns of an attempt that failed."""
    return {
        "stage": ended.stage,
        "kind": ended.failure.kind.value,
        "message": ended.failure.message,
        "cure": ended.failure.cure,
        "counted": ended.counted,
        "wait": None if ended.wait is None else ended.wait.total_seconds(),
    }


def job_of(row: Row[Any], video: Row[Any] | None, copies: Iterable[Row[Any]], attempts: Sequence[Row[Any]]) -> Job:
    """Put a job together from its rows; attempts come oldest first."""
    return Job(
        id=JobId(row.id),
        request=Request(row.url, row.variant),
        site=row.site,
        status=Status(row.status),
        parent=row.parent and JobId(row.parent),
        subscription=row.subscription,
        listed=row.listed,
        twin=row.twin and JobId(row.twin),
        video=video and _video(video, row.url),
        facts=_facts(video) if video is not None and video.download_format else None,
        files=tuple(MediaFile(**{**file, "path": Path(file["path"])}) for file in row.files),
        home=row.home,
        copies=tuple(_copy(copy) for copy in copies),
        tries=tuple(_try(attempt) for attempt in attempts if attempt.kind),
        attempts=tuple(AttemptId(attempt.id) for attempt in attempts),
        asked_after=row.asked_after,
        stage=row.stage,
        done=row.done,
        total=row.total,
        added=row.added_at,
    )


def _video(row: Row[Any], url: str) -> Video:
    # An entry of a list has a URL of its own; in any case the job's URL is the one that still signs its requests.
    return Video(row.source, row.video_id, row.variant, url, row.title, row.channel_id, duration=row.announced_duration)


def _facts(row: Row[Any]) -> MediaFacts:
    return MediaFacts(
        row.download_format,
        row.download_duration,
        row.width,
        row.height,
        row.video_codec,
        row.audio_codec,
        row.fetched_by,
    )


def _copy(row: Row[Any]) -> Copy:
    return Copy(
        row.storage,
        row.role,
        row.key,
        row.state,
        AttemptId(row.attempt),
        row.size,
        row.sha256,
        row.token,
        row.version,
        row.stored_at,
        row.deleted_at,
    )


def _try(row: Row[Any]) -> Try:
    return Try(
        AttemptId(row.id),
        row.stage or "",
        Failure(Kind(row.kind), row.message, cure=row.cure or ""),
        counted=bool(row.counted),
        wait=None if row.wait is None else timedelta(seconds=row.wait),
        ended=row.ended_at,
    )
