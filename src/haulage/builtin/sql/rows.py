"""Read and write the rows that make up a job, inside the caller's transaction."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    case,
    delete,
    exists,
    false,
    insert,
    or_,
    select,
    true,
    tuple_,
    update,
)

from haulage.builtin.sql.dialects.portable import from_now, upsert
from haulage.builtin.sql.models import AttemptRow, SiteRow, StoredObjectRow, VideoProcessingJob, VideoRow
from haulage.builtin.sql.records import copy_values, job_of, job_values, video_values
from haulage.contracts.metadata import Gate, Site
from haulage.errors import Duplicate, Failure, Kind
from haulage.values import Job, JobId, Video

_OPEN: dict[str, Any] = {"strikes": 0, "opens_at": from_now(), "reason": ""}


def owner(connection: Connection, video: Video) -> str | None:
    """The job that has a video; None where none has."""
    found = select(VideoRow.job).where(
        VideoRow.source == video.source, VideoRow.video_id == video.id, VideoRow.variant == video.variant
    )
    return connection.scalar(found)


def save_video(connection: Connection, job: Job, video: Video) -> int:
    """Write the row of a job's video and return its number.

    Raises:
        Duplicate: Another job has that video.
    """
    other = owner(connection, video)
    if other not in (None, job.id):
        raise Duplicate(Failure(Kind.CONFLICT, f"{video.source} {video.id} has a job already"), str(other))
    row = {"job": job.id, "source": video.source, "video_id": video.id, "variant": video.variant}
    row |= video_values(video, job)
    written = upsert(connection, VideoRow).values(row).on_conflict_do_update(index_elements=[VideoRow.job], set_=row)
    number: int = connection.execute(written.returning(VideoRow.number)).scalar_one()
    return number


def save_copies(connection: Connection, video: int, job: Job) -> None:
    """Make the rows of a video's copies those of the job."""
    kept = [(copy.role, copy.storage) for copy in job.copies]
    gone = tuple_(StoredObjectRow.role, StoredObjectRow.storage).not_in(kept)
    connection.execute(delete(StoredObjectRow).where(StoredObjectRow.video == video, gone))
    for copy in job.copies:
        row = copy_values(copy)
        new: dict[str, Any] = {"video": video, "role": copy.role, "storage": copy.storage}
        new |= {"stored_at": from_now() if copy.state == "stored" else None}
        new |= {"deleted_at": from_now() if copy.state == "deleted" else None}
        written = upsert(connection, StoredObjectRow).values(**row, **new)
        # A copy keeps the time at which it was stored also when it goes, and when it stays after all.
        there = StoredObjectRow.state.in_(["stored", "deleting", "damaged"])
        keeps = {"intended": false(), "stored": there}.get(copy.state, true())
        again = StoredObjectRow.state == copy.state
        times = {
            "stored_at": case((keeps, StoredObjectRow.stored_at), else_=written.excluded.stored_at),
            "deleted_at": case((again, StoredObjectRow.deleted_at), else_=written.excluded.deleted_at),
        }
        identity = [StoredObjectRow.video, StoredObjectRow.role, StoredObjectRow.storage]
        connection.execute(written.on_conflict_do_update(index_elements=identity, set_=row | times))


def add_site(connection: Connection, name: str) -> None:
    """Write the row of a site, open, where there is none."""
    row = {"name": name, "opens_at": from_now(), "strikes": 0, "reason": ""}
    connection.execute(upsert(connection, SiteRow).values(row).on_conflict_do_nothing())


def hold_site(connection: Connection, name: str) -> None:
    """Wait for those who claim of a site just now: what is dated from here on comes after them, and nobody follows."""
    connection.execute(select(SiteRow.name).where(SiteRow.name == name).with_for_update())


def close_site(connection: Connection, name: str, gate: Gate) -> None:
    """Close a site, for as long as the strictest who did so says; that is a strike if it was open."""
    opens: ColumnElement[datetime] | None = None
    if gate.closed_for is not None:
        until = from_now(gate.closed_for)
        # A site that waits for a person does, whatever else it waits for.
        stricter = or_(SiteRow.opens_at.is_(None), SiteRow.opens_at > until)
        opens = case((stricter, SiteRow.opens_at), else_=until)
    # Of those that were under way when it refused, each one meets the same refusal.
    known = and_(SiteRow.strikes > 0, or_(SiteRow.opens_at.is_(None), SiteRow.opens_at > from_now()))
    strikes = case((known, SiteRow.strikes), else_=SiteRow.strikes + 1)
    this = update(SiteRow).where(SiteRow.name == name)
    connection.execute(this.values(opens_at=opens, strikes=strikes, reason=gate.reason))


def open_site(connection: Connection, name: str, strikes: int) -> None:
    """Open a site that has served, if it has not refused since there were so many strikes, and is not closed."""
    unchanged = and_(SiteRow.strikes > 0, SiteRow.strikes == strikes, SiteRow.opens_at <= from_now())
    connection.execute(update(SiteRow).where(SiteRow.name == name, unchanged).values(**_OPEN))


def gate_site(connection: Connection, name: str, gate: Gate | Literal["open"]) -> bool:
    """Close a site, or open it whatever closed it, and have its jobs wait no more; whether it is known."""
    if isinstance(gate, Gate):
        close_site(connection, name, gate)
    else:
        connection.execute(update(SiteRow).where(SiteRow.name == name).values(**_OPEN))
        job = VideoProcessingJob
        waits = and_(job.site == name, job.attempt.is_(None), job.due_at > from_now())
        connection.execute(update(job).where(waits).values(due_at=from_now()))
    return connection.scalar(select(SiteRow.name).where(SiteRow.name == name)) is not None


def sites(connection: Connection) -> list[Site]:
    """The sites that have refused, by name."""
    refused = select(SiteRow.__table__).where(SiteRow.strikes > 0)
    found = [Site(row.name, row.opens_at, row.strikes, row.reason) for row in connection.execute(refused)]
    return sorted(found, key=lambda site: site.name)  # each database has an alphabet of its own


def load(connection: Connection, ids: Sequence[str]) -> list[Job]:
    """Read whole jobs, in the order they were added."""
    jobs = connection.execute(
        select(VideoProcessingJob.__table__).where(VideoProcessingJob.id.in_(ids)).order_by(VideoProcessingJob.number)
    ).all()
    videos = connection.execute(select(VideoRow.__table__).where(VideoRow.job.in_(ids))).all()
    video_of = {row.job: row for row in videos}
    copies = connection.execute(
        select(StoredObjectRow.__table__)
        .where(StoredObjectRow.video.in_([row.number for row in videos]))
        .order_by(StoredObjectRow.number)
    )
    copies_of = _grouped(copies, "video")
    attempts = connection.execute(
        select(AttemptRow.__table__).where(AttemptRow.job.in_(ids)).order_by(AttemptRow.job, AttemptRow.number)
    )
    attempts_of = _grouped(attempts, "job")
    return [
        job_of(row, video, copies_of[video.number] if video else [], attempts_of[row.id])
        for row in jobs
        for video in [video_of.get(row.id)]
    ]


def new_jobs(connection: Connection, jobs: Iterable[Job], batch: str, *, due: bool = True) -> None:
    """Write the rows of new jobs, due now unless nothing is left to do for them."""
    written = [
        {
            "id": job.id,
            "variant": job.request.variant,
            "batch": batch,
            "parent": job.parent,
            "subscription": job.subscription,
            **job_values(job),
        }
        for job in jobs
    ]
    if written:
        times = {"due_at": from_now() if due else None, "added_at": from_now()}
        connection.execute(insert(VideoProcessingJob).values(**times, asked_after=0, stage="", done=0), written)


def owned(connection: Connection, videos: Iterable[Video]) -> set[tuple[str, str, str]]:
    """Of which of these videos there is a job, by their identities."""
    row, ids = VideoRow, [video.id for video in videos]
    found = select(row.source, row.video_id, row.variant).where(row.video_id.in_(ids))
    return {(source, video_id, variant) for source, video_id, variant in connection.execute(found)}


def whole_jobs(connection: Connection, jobs: Sequence[Job], *, due: bool) -> None:
    """Write the rows of new jobs with all that belongs to them, some statements for all."""
    if not jobs:
        return
    new_jobs(connection, jobs, "", due=due)
    now = from_now()
    if attempts := [{"id": each, "job": job.id} for job in jobs for each in job.attempts[:1]]:
        connection.execute(insert(AttemptRow).values(number=1, worker="", began_at=now, ended_at=now), attempts)
    videos = [(job, job.video) for job in jobs if job.video is not None]
    connection.execute(
        insert(VideoRow),
        [
            {"job": job.id, "source": video.source, "video_id": video.id, "variant": video.variant}
            | video_values(video, job)
            for job, video in videos
        ],
    )
    named = select(VideoRow.job, VideoRow.number).where(VideoRow.job.in_([job.id for job in jobs]))
    number = {row.job: row.number for row in connection.execute(named)}
    copies: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for job in jobs:
        for copy in job.copies:
            row = {"video": number[job.id], "role": copy.role, "storage": copy.storage}
            copies[copy.state].append(row | copy_values(copy))
    for state, written in copies.items():
        times = {"stored_at": now if state == "stored" else None, "deleted_at": now if state == "deleted" else None}
        connection.execute(insert(StoredObjectRow).values(**times), written)


def _grouped(rows: Iterable[Row[Any]], column: str) -> dict[Any, list[Row[Any]]]:
    groups: dict[Any, list[Row[Any]]] = defaultdict(list)
    for row in rows:
        groups[getattr(row, column)].append(row)
    return groups


def is_half_gone() -> ColumnElement[bool]:
    """Whether a job that nobody holds has an object that is being deleted."""
    job = VideoProcessingJob
    goes = exists().where(
        VideoRow.job == job.id, StoredObjectRow.video == VideoRow.number, StoredObjectRow.state == "deleting"
    )
    return and_(or_(job.attempt.is_(None), job.due_at <= from_now()), goes.correlate(job))


def known(connection: Connection, ids: Sequence[JobId]) -> set[str]:
    """Which of these jobs are there."""
    return set(connection.scalars(select(VideoProcessingJob.id).where(VideoProcessingJob.id.in_(ids))))
