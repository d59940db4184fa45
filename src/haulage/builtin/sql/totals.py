"""What an archive comes to, added up by the database."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import BigInteger, Connection, and_, case, cast, func, select

from haulage.builtin.sql.dialects.base import Database
from haulage.builtin.sql.engine import repeated, transaction
from haulage.builtin.sql.models import StoredObjectRow, VideoProcessingJob, VideoRow
from haulage.contracts.totals import Amount, Holding, Tally
from haulage.values import Status

PAGE = 50_000
"""How many videos are read in one statement; PostgreSQL may read whole tables for each."""


def tally(connection: Connection) -> Tally:
    """Count jobs and objects."""
    job, stored = VideoProcessingJob, StoredObjectRow
    counts = connection.execute(select(job.status, func.count()).group_by(job.status)).all()
    there = stored.state.in_(["stored", "deleting"])
    sums = select(stored.storage, func.count(), func.sum(stored.size)).where(there).group_by(stored.storage)
    amounts = {name: Amount(objects, int(size or 0)) for name, objects, size in connection.execute(sums)}
    return Tally({Status(status): count for status, count in counts}, amounts)


def holdings(database: Database) -> Iterator[Holding]:
    """Read what each video takes up in each storage; no transaction is open between pages."""
    last: int | None = 0
    while last is not None:
        found, last = _page(database, last)
        yield from found


@repeated
def _page(database: Database, last: int) -> tuple[list[Holding], int | None]:
    """The holdings of the videos behind a number, and the number of the last of these where there may be more."""
    video, stored = VideoRow, StoredObjectRow
    deleted = stored.state == "deleted"
    with transaction(database, reads=True) as connection:
        end = select(video.number).where(video.number > last).order_by(video.number).limit(1).offset(PAGE - 1)
        upto = connection.scalar(end)
        of_page, named = (
            number > last if upto is None else and_(number > last, number <= upto)
            for number in (stored.video, video.number)
        )
        # Added up before videos are joined to it: sorting is cheaper the less there is in a row.
        added = (
            select(
                stored.video,
                stored.storage,
                func.count().label("objects"),
                cast(func.coalesce(func.sum(stored.size), 0), BigInteger).label("size"),
                func.min(stored.stored_at).label("stored_at"),
                func.max(case((deleted, stored.deleted_at))).label("deleted_at"),
                (func.max(case((stored.state == "deleting", 1), else_=0)) == 1).label("deleting"),
            )
            .where(of_page, stored.state.not_in(["intended", "damaged"]))
            .group_by(stored.video, stored.storage, deleted)
            .subquery()
        )
        what = [video.job, video.source, video.video_id, video.variant, video.title, video.channel_id]
        measured = [video.download_format, video.download_resolution]
        columns = select(*what, *measured, *list(added.c)[1:]).join(added, added.c.video == video.number).where(named)
        rows: Sequence[Sequence[Any]] = connection.execute(columns).all()
    return [Holding(*row) for row in rows], upto
