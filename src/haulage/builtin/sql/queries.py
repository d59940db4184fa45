"""Which jobs a query means, page by page."""

from collections.abc import Iterable, Iterator, Sequence

from attrs import evolve
from sqlalchemy import ColumnElement, select

from haulage.builtin.sql import rows
from haulage.builtin.sql.dialects.base import Database
from haulage.builtin.sql.engine import repeated, transaction
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
    for ids in pages(_in_order(database, query.ids)):
        yield from _find(database, evolve(query, ids=tuple(ids)))


@repeated
def _in_order(database: Database, named: Iterable[JobId]) -> list[JobId]:
    jobs = select(VideoProcessingJob.number, VideoProcessingJob.id)
    with transaction(database, reads=True) as connection:
        found = [
            row
            for ids in pages(list(dict.fromkeys(named)))
            for row in connection.execute(jobs.where(VideoProcessingJob.id.in_(ids)))
        ]
    return [JobId(row.id) for row in sorted(found, key=lambda row: row.number)]


def _find(database: Database, query: Query) -> Iterator[Job]:
    last: int | None = 0
    while last is not None:
        jobs, last = _page(database, query, last)
        yield from jobs


@repeated
def _page(database: Database, query: Query, last: int) -> tuple[list[Job], int | None]:
    """The jobs behind a number, and the number of the last one where there may be more."""
    with transaction(database, reads=True) as connection:
        page = select(VideoProcessingJob.number, VideoProcessingJob.id).where(
            VideoProcessingJob.number > last, *_matching(query)
        )
        found = connection.execute(page.order_by(VideoProcessingJob.number).limit(PAGE)).all()
        return rows.load(connection, [row.id for row in found]), found[-1].number if len(found) == PAGE else None


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
