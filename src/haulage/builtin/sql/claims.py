"""Which job may be claimed, and when the next one may.

Both questions are asked site by site, each answered from the front of an index, so that they cost the same however
many jobs wait and however many of them belong to a site that is closed.
"""

from datetime import datetime, timedelta
from typing import Any, TypeVar

from attrs import frozen
from sqlalchemy import ColumnElement, Connection, Select, Text, and_, cast, delete, func, or_, select, update
from sqlalchemy.orm import InstrumentedAttribute, aliased

from haulage.builtin.sql.dialects.portable import LONGEST, from_now
from haulage.builtin.sql.models import AttemptRow, SiteRow, VideoProcessingJob

_Jobs = TypeVar("_Jobs", bound="Select[*tuple[Any, ...]]")


@frozen
class Wanted:
    """Which jobs a worker may take: see MetadataStore.claim."""

    home: str
    handover: timedelta
    batch: str
    fetched: bool = False


@frozen
class DueJob:
    """A job that may be claimed: its id, who held it last, and its site's strikes."""

    id: str
    attempt: str | None
    strikes: int


def due_job(connection: Connection, wanted: Wanted) -> DueJob | None:
    """The job that has been due longest and that may be claimed; others can claim neither it nor its site meanwhile."""
    tried: list[str] = []
    while (site := _site(connection, tried, wanted)) is not None:
        found = _job_of(connection, site, wanted)
        if found is not None:
            return found
        tried.append(site)  # others were quicker
    return None


def free_job(connection: Connection, name: str) -> DueJob | None:
    """This job, due or not, unless somebody holds it; others cannot claim it meanwhile."""
    job = VideoProcessingJob
    free = or_(job.attempt.is_(None), job.due_at <= from_now())
    found = select(job.id, job.attempt, job.site).where(job.id == name, free).with_for_update(skip_locked=True)
    row = connection.execute(found).one_or_none()
    if row is None:
        return None
    strikes = connection.scalar(select(SiteRow.strikes).where(SiteRow.name == row.site))
    return DueJob(row.id, row.attempt, strikes or 0)


def take_back(connection: Connection, attempt: str) -> None:
    """Undo the claim of an attempt that nobody has heard of, as if it had never been; nothing where there is none."""
    before = (
        select(AttemptRow.id)
        .where(AttemptRow.job == VideoProcessingJob.id, AttemptRow.id != attempt, AttemptRow.ended_at.is_(None))
        .order_by(AttemptRow.number.desc())
        .limit(1)
        .scalar_subquery()
    )
    held = update(VideoProcessingJob).where(VideoProcessingJob.attempt == attempt)
    if connection.execute(held.values(attempt=before, due_at=from_now())).rowcount:
        connection.execute(delete(AttemptRow).where(AttemptRow.id == attempt))


def _site(connection: Connection, tried: list[str], wanted: Wanted) -> str | None:
    """The open site whose job has been due longest."""
    job = aliased(VideoProcessingJob)
    front = _ready(select(job.number), job, SiteRow.name, wanted).correlate(SiteRow).scalar_subquery()
    found = (
        select(SiteRow.name)
        .join(VideoProcessingJob, VideoProcessingJob.number == front)
        .where(_lets_in())
        .order_by(VideoProcessingJob.due_at, VideoProcessingJob.number)
        .limit(1)
    )
    return connection.scalar(found.where(SiteRow.name.not_in(tried)) if tried else found)


def _job_of(connection: Connection, site: str, wanted: Wanted) -> DueJob | None:
    # Who claims holds the row of the site, so that of a site with strikes no two can claim at once.
    this = connection.execute(select(SiteRow.name).where(SiteRow.name == site).with_for_update()).one_or_none()
    strikes = this and connection.scalar(select(SiteRow.strikes).where(SiteRow.name == site, _lets_in()))
    if strikes is None:
        return None
    job = VideoProcessingJob
    front = _ready(select(job.id, job.attempt), job, site, wanted)
    row = connection.execute(front.with_for_update(skip_locked=True)).one_or_none()
    return DueJob(row.id, row.attempt, strikes) if row else None


def _lets_in() -> ColumnElement[bool]:
    """A site is open, and if it has strikes nobody holds a job of it."""
    held = aliased(VideoProcessingJob)
    busy = select(held.number).where(
        _unindexed(held.site) == SiteRow.name, held.attempt.is_not(None), held.due_at > from_now()
    )
    return and_(SiteRow.opens_at <= from_now(), or_(SiteRow.strikes == 0, ~busy.exists()))


def _ready(jobs: _Jobs, job: type[VideoProcessingJob], site: InstrumentedAttribute[str] | str, wanted: Wanted) -> _Jobs:
    due = jobs.where(job.due_at <= from_now()).order_by(job.due_at, job.number).limit(1)
    if wanted.fetched:
        of_batch = [_unindexed(job.batch) == wanted.batch] if wanted.batch else []
        files_here = and_(job.home == wanted.home, cast(job.files, Text) != "[]")
        return due.where(files_here, _unindexed(job.site) == site, *of_batch)
    handed_over = job.due_at <= from_now(-min(wanted.handover, LONGEST))
    ours = or_(job.home.is_(None), job.home == wanted.home, handed_over)
    return due.where(ours, job.site == site, *_of(job, wanted.batch))


def next_due(connection: Connection, wanted: Wanted) -> timedelta | None:
    """How long until a claim may succeed; None where no job is left, or only ones whose site waits for a person."""
    job = aliased(VideoProcessingJob)

    def first(*conditions: ColumnElement[bool]) -> ColumnElement[datetime | None]:
        of_site = select(func.min(job.due_at)).where(job.due_at.is_not(None), *conditions)
        return of_site.correlate(SiteRow).scalar_subquery()

    ours = first(job.site == SiteRow.name, or_(job.home.is_(None), job.home == wanted.home), *_of(job, wanted.batch))
    of_batch = [_unindexed(job.batch) == wanted.batch] if wanted.batch else []
    theirs = first(_unindexed(job.site) == SiteRow.name, job.home.is_not(None), job.home != wanted.home, *of_batch)
    rows = connection.execute(
        select(from_now().label("now"), SiteRow.opens_at, ours.label("ours"), theirs.label("theirs")).where(
            SiteRow.opens_at.is_not(None)
        )
    )
    waits = [
        max(due, row.opens_at) - row.now
        for row in rows
        for due in (row.ours, row.theirs and row.theirs + min(wanted.handover, LONGEST))
        if due
    ]
    return max(min(waits), timedelta(0)) if waits else None


def _unindexed(column: InstrumentedAttribute[str]) -> ColumnElement[str]:
    """Keep SQLite from walking along the column's index where another one leads to a few rows at once."""
    return column.concat("")


def _of(job: type[VideoProcessingJob], batch: str) -> list[ColumnElement[bool]]:
    return [and_(job.batch == batch)] if batch else []
