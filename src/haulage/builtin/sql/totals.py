"""What an archive comes to, added up by the database."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from sqlalchemy import BigInteger, ColumnElement, Connection, and_, case, cast, func, select, true

from haulage.builtin.sql.dialects.base import Database
from haulage.builtin.sql.dialects.portable import UtcTime, from_now
from haulage.builtin.sql.engine import repeated, transaction
from haulage.builtin.sql.models import AttemptRow, StoredObjectRow, VideoProcessingJob, VideoRow
from haulage.contracts.destinations import Mirror
from haulage.contracts.totals import LET_GO, Amount, Holding, Tally, Throughput
from haulage.errors import Kind
from haulage.values import Status

PAGE = 100_000
"""How many videos are read in one statement; PostgreSQL may read whole tables for each."""


def tally(connection: Connection, owed_to: Sequence[Mirror] = ()) -> Tally:
    """Count jobs and objects, and what is owed to these mirrors."""
    job, stored = VideoProcessingJob, StoredObjectRow
    counts = connection.execute(select(job.status, func.count()).group_by(job.status)).all()
    there = stored.state.in_(["stored", "deleting"])
    sums = select(stored.storage, func.count(), func.sum(stored.size)).where(there).group_by(stored.storage)
    amounts = {name: Amount(objects, int(size or 0)) for name, objects, size in connection.execute(sums)}
    lacking = {}
    for mirror in owed_to:
        storage = mirror.storage
        # Added up at once: to look for the objects of each video by itself takes several times as long.
        held = select(stored.video, _objects().label("objects")).where(stored.storage == storage).group_by(stored.video)
        of = held.subquery()
        lacks = func.coalesce(of.c.objects, 0) <= func.json_array_length(job.files)
        videos = select(func.count()).select_from(job).join(VideoRow, VideoRow.job == job.id)
        if count := connection.scalar(
            videos.outerjoin(of, of.c.video == VideoRow.number).where(_shall_hold(mirror), lacks)
        ):
            lacking[storage] = count
    return Tally({Status(status): count for status, count in counts}, amounts, lacking)


def is_owed(mirror: Mirror) -> ColumnElement[bool]:
    """Whether a mirror lacks a file of a video that is downloaded; of a job and its video."""
    held = select(_objects()).where(StoredObjectRow.video == VideoRow.number, StoredObjectRow.storage == mirror.storage)
    objects = held.correlate_except(StoredObjectRow).scalar_subquery()
    return and_(_shall_hold(mirror), func.coalesce(objects, 0) <= func.json_array_length(VideoProcessingJob.files))


def _objects() -> ColumnElement[int]:
    """How many objects are stored; more than any video has where the main file goes, or went, on purpose."""
    stored = StoredObjectRow
    let_go = and_(stored.role == "video", stored.state.in_(LET_GO))
    return func.sum(case((let_go, 1_000_000), (stored.state == "stored", 1), else_=0))


def _shall_hold(mirror: Mirror) -> ColumnElement[bool]:
    """Whether a video is downloaded, and a mirror shall hold it."""
    job = VideoProcessingJob
    named = job.subscription.in_(mirror.subscriptions)
    whose = (~named if mirror.subscriptions else true()) if mirror.others else named
    return and_(job.status == Status.DOWNLOADED.value, func.json_array_length(job.files) > 0, whose)


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
                (func.max(case((stored.attempt == "", 1), else_=0)) == 1).label("imported"),
            )
            .where(of_page, stored.state.not_in(["intended", "damaged"]))
            .group_by(stored.video, stored.storage, deleted)
            .subquery()
        )
        what = [video.job, video.source, video.video_id, video.variant, video.title, video.channel_id]
        measured = [video.download_format, video.download_resolution]
        columns = select(*what, *measured, *list(added.c)[1:], VideoProcessingJob.subscription)
        joined = columns.join(added, added.c.video == video.number)
        joined = joined.join(VideoProcessingJob, VideoProcessingJob.id == video.job).where(named)
        return [Holding._make(row) for row in connection.execute(joined)], upto


def throughput(connection: Connection, within: timedelta) -> Throughput:
    """Add up what was first stored lately, and the time in which at least one attempt at it ran."""
    video, stored, attempt = VideoRow, StoredObjectRow, AttemptRow
    since = from_now(-within)
    first = func.min(stored.stored_at)
    fresh = (
        select(stored.video, func.max(stored.size).label("size"), first.label("stored_at"))
        .where(stored.role == "video", stored.state == "stored", stored.attempt != "")  # the rest nobody hauled
        .group_by(stored.video)
        .having(first > since)
        .subquery()
    )
    size = connection.scalar(select(func.sum(fresh.c.size)))
    ended = func.coalesce(attempt.ended_at, fresh.c.stored_at, type_=UtcTime)  # it still stores the rest
    until_stored = and_(attempt.began_at <= fresh.c.stored_at, ended > since)
    spans = (
        select(attempt.began_at, ended)
        .join(video, video.job == attempt.job)
        .join(fresh, fresh.c.video == video.number)
        .where(until_stored, attempt.kind.is_distinct_from(Kind.CRASHED.value))
        .order_by(attempt.began_at)
    )
    spent, last = timedelta(0), None
    for began, end in connection.execute(spans, execution_options={"yield_per": 1000}):
        begin = began if last is None else max(began, last)
        if end > begin:
            spent, last = spent + (end - begin), end
    return Throughput(int(size or 0), spent)
