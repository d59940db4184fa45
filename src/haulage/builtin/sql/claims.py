"""Which job may be claimed, and when the next one may.

Both questions are asked site by site, each answered from the front of an index, so that they cost the same however
many jobs wait and however many of them belong to a site that is closed.
"""

from datetime import datetime, timedelta

from attrs import frozen
from sqlalchemy import ColumnElement, Connection, and_, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, aliased

from haulage.builtin.sql.clock import from_now
from haulage.builtin.sql.models import SiteRow, VideoProcessingJob


@frozen
class DueJob:
    """A job that may be claimed: its id, who held it last, and its site's strikes."""

    id: str
    attempt: str | None
    strikes: int


def due_job(connection: Connection, *, home: str, handover: timedelta, batch: str) -> DueJob | None:
    """The job that has been due longest and that may be claimed."""
    job, held = aliased(VideoProcessingJob), aliased(VideoProcessingJob)
    front = (
        select(job.number)
        .where(job.site == SiteRow.name, job.due_at <= from_now(), *_of(job, batch))
        .where(or_(job.home.is_(None), job.home == home, job.due_at <= from_now(-handover)))
        .order_by(job.due_at, job.number)
        .limit(1)
        .correlate(SiteRow)
        .scalar_subquery()
    )
    busy = select(held.number).where(
        _unindexed(held.site) == SiteRow.name, held.attempt.is_not(None), held.due_at > from_now()
    )
    found = (
        select(VideoProcessingJob.id, VideoProcessingJob.attempt, SiteRow.strikes)
        .join(SiteRow, VideoProcessingJob.number == front)
        .where(SiteRow.opens_at <= from_now(), or_(SiteRow.strikes == 0, ~busy.exists()))
        .order_by(VideoProcessingJob.due_at, VideoProcessingJob.number)
        .limit(1)
    )
    row = connection.execute(found).one_or_none()
    return DueJob(row.id, row.attempt, row.strikes) if row else None


def next_due(connection: Connection, *, home: str, handover: timedelta, batch: str) -> timedelta | None:
    """How long until a claim may succeed; None where no job is left, or only ones whose site waits for a person."""
    job = aliased(VideoProcessingJob)

    def first(*conditions: ColumnElement[bool]) -> ColumnElement[datetime | None]:
        of_site = select(func.min(job.due_at)).where(job.due_at.is_not(None), *conditions)
        return of_site.correlate(SiteRow).scalar_subquery()

    ours = first(job.site == SiteRow.name, or_(job.home.is_(None), job.home == home), *_of(job, batch))
    of_batch = [_unindexed(job.batch) == batch] if batch else []
    theirs = first(_unindexed(job.site) == SiteRow.name, job.home.is_not(None), job.home != home, *of_batch)
    rows = connection.execute(
        select(from_now().label("now"), SiteRow.opens_at, ours.label("ours"), theirs.label("theirs")).where(
            SiteRow.opens_at.is_not(None)
        )
    )
    waits = [
        max(due, row.opens_at) - row.now
        for row in rows
        for due in (row.ours, row.theirs and row.theirs + handover)
        if due
    ]
    return max(min(waits), timedelta(0)) if waits else None


def _unindexed(column: InstrumentedAttribute[str]) -> ColumnElement[str]:
    """Keep SQLite from walking along the column's index where another one leads to a few rows at once."""
    return column.concat("")


def _of(job: type[VideoProcessingJob], batch: str) -> list[ColumnElement[bool]]:
    return [and_(job.batch == batch)] if batch else []
