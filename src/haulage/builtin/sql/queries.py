"""Which jobs a query means, page by page."""

from collections.abc import Iterator, Sequence

from attrs import evolve
from sqlalchemy import ColumnElement, select

from haulage.builtin.sql import rows
from haulage.builtin.sql.dialects.base import Database
from haulage.builtin.sql.engine import transaction
from haulage.builtin.sql.models import VideoProcessingJob, VideoRow
from haulage.contracts.metadata import Query
from haulage.values import Job, JobId

PAGE = 500
"""How many jobs are read or named in one statement; SQLite allows 32,766 parameters."""


def pages(ids: Sequence[JobId]) -> Iterator[Sequence[JobId]]:
    """Cut a list of ids into what fits into one statement."""
    for start in range(0, len(ids), PAGE):
        yield ids[start : start + PAGE]


def find(database: Database, query: Query) -> Iterator[Job]:
    """Read the jobs that a query means, in the order they were added; no transaction is open between pages."""
    if not query.ids:
        yield from _find(database, query)
        return
    with transaction(database, reads=True) as connection:
        named = select(VideoProcessingJob.number, VideoProcessingJob.id)
        found = [
            row
            for ids in pages(list(dict.fromkeys(query.ids)))
            for row in connection.execute(named.where(VideoProcessingJob.id.in_(ids)))
        ]
    found.sort(key=lambda row: row.number)
    for ids in pages([JobId(row.id) for row in found]):
        yield from _find(database, evolve(query, ids=tuple(ids)))


def _find(database: Database, query: Query) -> Iterator[Job]:
    last = 0
    while True:
        with transaction(database, reads=True) as connection:
            page = select(VideoProcessingJob.number, VideoProcessingJob.id).where(
                VideoProcessingJob.number > last, *_matching(query)
            )
            found = connection.execute(page.order_by(VideoProcessingJob.number).limit(PAGE)).all()
            jobs = rows.load(connection, [row.id for row in found])
        yield from jobs
        if len(found) < PAGE:
            return
        last = found[-1].number


def _matching(query: Query) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if query.ids:
        conditions.append(VideoProcessingJob.id.in_(query.ids))
    if query.status:
        conditions.append(VideoProcessingJob.status.in_([status.value for status in query.status]))
    if query.batch:
        conditions.append(VideoProcessingJob.batch == query.batch)
    if query.site:
        conditions.append(VideoProcessingJob.site == query.site)
    if query.video_id:
        conditions.append(VideoProcessingJob.id.in_(select(VideoRow.job).where(VideoRow.video_id == query.video_id)))
    if query.unfinished:
        conditions.append(VideoProcessingJob.due_at.is_not(None))
    return conditions
