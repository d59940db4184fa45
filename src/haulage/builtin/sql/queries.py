"""Which jobs a query means, page by page."""

import itertools
from collections.abc import Iterator, Sequence

from attrs import evolve
from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.orm import aliased

from haulage.builtin.sql import rows
from haulage.builtin.sql.dialects.base import Database
from haulage.builtin.sql.dialects.portable import from_now
from haulage.builtin.sql.engine import repeated, transaction
from haulage.builtin.sql.models import AttemptRow, StoredObjectRow, VideoProcessingJob, VideoRow
from haulage.builtin.sql.totals import is_owed
from haulage.contracts.metadata import Query
from haulage.values import Job, JobId

PAGE = 500
"""How many jobs are read or named in one statement; SQLite allows 32,766 parameters."""


def pages(ids: Sequence[JobId]) -> Iterator[Sequence[JobId]]:
    """Cut a list of ids into what fits into one statement."""
    for start in range(0, len(ids), PAGE):
        yield ids[start : start + PAGE]


def find(database: Database, query: Query) -> Iterator[Job]:
    """Read the jobs that a query means, in its order; no transaction is open between pages."""
    yield from itertools.islice(_found(database, query), query.limit)


def _found(database: Database, query: Query) -> Iterator[Job]:
    if query.order == "failed":
        for named in pages(_failed_last(database, query)):
            jobs = {job.id: job for job in _load(database, named)}
            yield from (jobs[each] for each in named)
    elif query.ids:
        for named in pages(_in_order(database, query)):
            yield from _find(database, evolve(query, ids=tuple(named)))
    else:
        yield from _find(database, query)


@repeated
def _in_order(database: Database, query: Query) -> list[JobId]:
    jobs = select(VideoProcessingJob.number, VideoProcessingJob.id)
    with transaction(database, reads=True) as connection:
        found = [
            row
            for ids in pages(list(dict.fromkeys(query.ids)))
            for row in connection.execute(jobs.where(VideoProcessingJob.id.in_(ids)))
        ]
    backwards = query.order == "newest"
    return [JobId(row.id) for row in sorted(found, key=lambda row: row.number, reverse=backwards)]


@repeated
def _failed_last(database: Database, query: Query) -> list[JobId]:
    """Whose last failure is the youngest comes first."""
    found = (
        select(VideoProcessingJob.id)
        .join(AttemptRow, AttemptRow.job == VideoProcessingJob.id)
        .where(_is_last_failure(), *_of_its_failure(query), *_of_itself(evolve(query, ids=())), *_of_its_video(query))
        .order_by(AttemptRow.ended_at.desc(), VideoProcessingJob.number.desc())
    )
    asked = frozenset(query.ids)
    with transaction(database, reads=True) as connection:
        ids = connection.scalars(found if asked else found.limit(query.limit))
        return [JobId(each) for each in ids if not asked or each in asked]


@repeated
def _load(database: Database, ids: Sequence[JobId]) -> list[Job]:
    with transaction(database, reads=True) as connection:
        return rows.load(connection, ids)


def _find(database: Database, query: Query) -> Iterator[Job]:
    last: int | None = None
    while True:
        jobs, last = _page(database, query, last)
        yield from jobs
        if last is None:
            return


@repeated
def _page(database: Database, query: Query, last: int | None) -> tuple[list[Job], int | None]:
    """The jobs that follow on one of a number, and the number of the last of them where there may be more."""
    number, backwards = VideoProcessingJob.number, query.order == "newest"
    page = select(number, VideoProcessingJob.id).where(*_matching(query))
    if last is not None:
        page = page.where(number < last if backwards else number > last)
    size = PAGE if query.limit is None else min(PAGE, query.limit)
    with transaction(database, reads=True) as connection:
        found = connection.execute(page.order_by(number.desc() if backwards else number).limit(size)).all()
        jobs = rows.load(connection, [row.id for row in found])
    return jobs[::-1] if backwards else jobs, found[-1].number if found and len(found) == size else None


def _matching(query: Query) -> list[ColumnElement[bool]]:
    conditions = _of_itself(query) + _of_its_video(query)
    if asked := _of_its_failure(query):
        conditions.append(exists().where(AttemptRow.job == VideoProcessingJob.id, _is_last_failure(), *asked))
    return conditions


def _of_itself(query: Query) -> list[ColumnElement[bool]]:
    job, conditions = VideoProcessingJob, list[ColumnElement[bool]]()
    if query.ids:
        conditions.append(job.id.in_(query.ids))
    if query.status:
        conditions.append(job.status.in_([status.value for status in query.status]))
    if query.batch:
        conditions.append(job.batch == query.batch)
    if query.site:
        conditions.append(job.site == query.site)
    if query.subscription:
        conditions.append(job.subscription == query.subscription)
    if query.added_since is not None:
        conditions.append(job.added_at >= query.added_since)
    if query.added_until is not None:
        conditions.append(job.added_at < query.added_until)
    if query.unfinished:
        conditions.append(job.due_at.is_not(None))
    if query.running:
        conditions.append(and_(job.attempt.is_not(None), job.due_at > from_now()))
    return conditions


def _of_its_video(query: Query) -> list[ColumnElement[bool]]:
    job, conditions = VideoProcessingJob.id, list[ColumnElement[bool]]()
    if query.video_id:
        conditions.append(job.in_(select(VideoRow.job).where(VideoRow.video_id == query.video_id)))
    if query.channel_id:
        conditions.append(job.in_(select(VideoRow.job).where(VideoRow.channel_id == query.channel_id)))
    if query.source:
        known = select(VideoRow.source).where(VideoRow.job == job).scalar_subquery()
        conditions.append(func.coalesce(known, VideoProcessingJob.site) == query.source)
    if query.storage:
        stored = and_(StoredObjectRow.storage == query.storage, StoredObjectRow.state == "stored")
        held = exists().where(StoredObjectRow.video == VideoRow.number, stored)
        conditions.append(exists().where(VideoRow.job == job, held))
    if query.owed:
        conditions.append(exists().where(VideoRow.job == job, or_(*map(is_owed, query.owed))))
    return conditions


def _of_its_failure(query: Query) -> list[ColumnElement[bool]]:
    """What is asked of the attempt that was the last one to fail."""
    conditions: list[ColumnElement[bool]] = []
    if query.kinds:
        conditions.append(AttemptRow.kind.in_([kind.value for kind in query.kinds]))
    if query.failed_since is not None:
        conditions.append(AttemptRow.ended_at >= query.failed_since)
    return conditions


def _is_last_failure() -> ColumnElement[bool]:
    """Whether an attempt is the last of its job that failed."""
    later = aliased(AttemptRow)
    after = exists().where(later.job == AttemptRow.job, later.number > AttemptRow.number, later.kind.is_not(None))
    return and_(AttemptRow.kind.is_not(None), ~after)
