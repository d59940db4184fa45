"""The metadata store on SQLAlchemy: each method is one transaction, and a save begins with its fence."""

import hashlib
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal, Self

from attrs import evolve
from sqlalchemy import ColumnElement, Connection, and_, exists, func, insert, inspect, or_, select, update

from haulage.builtin.sql import claims, queries, rows, totals
from haulage.builtin.sql.dialects.base import Database
from haulage.builtin.sql.dialects.portable import Lock, UtcTime, from_now, take
from haulage.builtin.sql.engine import Undone, open_database, repeated, transaction
from haulage.builtin.sql.models import (
    SCHEMA_VERSION,
    AttemptRow,
    Base,
    SchemaVersion,
    VideoProcessingJob,
    VideoRow,
)
from haulage.builtin.sql.records import job_values, try_values
from haulage.contracts.destinations import Mirror
from haulage.contracts.metadata import (
    Again,
    Beat,
    Done,
    Gate,
    Hold,
    Keep,
    MetadataStore,
    NewJob,
    Query,
    Site,
)
from haulage.contracts.totals import Holding, Tally, Throughput
from haulage.errors import AttemptLost, Duplicate, Failure, Kind, StoreError
from haulage.values import AttemptId, Job, JobId


class SqlStore(MetadataStore):
    """Jobs in a SQL database: SQLite, shared by the processes of one machine, or PostgreSQL, shared by many machines.

    Args:
        database: As `haulage.builtin.sql.engine.open_database` makes it.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._unsure: set[AttemptId] = set()

    @classmethod
    def open(cls, url: str, folder: Path, password: str | None = None) -> Self:
        """Open the database at a SQLAlchemy URL; relative paths start at `folder`.

        Raises:
            StoreError: The URL is none that is supported.
        """
        return cls(open_database(url, folder, password))

    @repeated
    def prepare(self) -> None:
        """See MetadataStore."""
        with transaction(self._database) as connection:
            take(connection, Lock.SCHEMA)
            if not inspect(connection).has_table(SchemaVersion.__tablename__):
                Base.metadata.create_all(connection)
                connection.execute(insert(SchemaVersion).values(version=SCHEMA_VERSION))
            version = connection.scalar(select(func.max(SchemaVersion.version)))
        if version != SCHEMA_VERSION:
            raise StoreError(
                Failure(
                    Kind.DENIED,
                    f"database {self._database.label} has schema {version}, this haulage reads {SCHEMA_VERSION}",
                    cure="upgrade haulage, or name another database",
                )
            )

    def add(self, jobs: Iterable[NewJob], *, batch: str = "", parent: JobId | None = None, again: bool = False) -> int:
        """See MetadataStore."""
        return self._add_all({job.request.id: job for job in jobs}, batch, parent, again)

    @repeated
    def _add_all(self, new: dict[JobId, NewJob], batch: str, parent: JobId | None, again: bool) -> int:
        count = 0
        with transaction(self._database) as connection:
            take(connection, Lock.ADDING)  # so that jobs become visible in the order of their numbers
            for ids in queries.pages(list(new)):
                count += self._add([new[each] for each in ids], connection, batch, parent, again)
        return count

    def _add(self, jobs: list[NewJob], connection: Connection, batch: str, parent: JobId | None, again: bool) -> int:
        for site in sorted({job.site for job in jobs}):
            rows.add_site(connection, site)
        known = rows.known(connection, [job.request.id for job in jobs])
        this = and_(VideoProcessingJob.id.in_(known), VideoProcessingJob.due_at.is_not(None))
        connection.execute(update(VideoProcessingJob).where(this).values(batch=batch))
        if again:
            self._reopen([job for job in jobs if job.request.id in known], connection, batch)
            owners = {rows.owner(connection, job.video): job.request.url for job in jobs if job.video is not None}
            which = VideoProcessingJob.id.in_(owners.keys() - known)
            free = or_(VideoProcessingJob.due_at.is_(None), rows.is_half_gone())
            for owner, url in owners.items():
                this, words = VideoProcessingJob.id == owner, VideoProcessingJob.url.not_like("%://%")
                connection.execute(update(VideoProcessingJob).where(this, which, words, free).values(url=url))
            self._ask(connection, batch, which, free)
        new: list[Job] = []
        owned: set[tuple[str, str, str]] = set()
        for job in jobs:
            if job.request.id in known:
                continue
            if job.video is not None:
                identity = (job.video.source, job.video.id, job.video.variant)
                if identity in owned or rows.owner(connection, job.video):
                    continue
                owned.add(identity)
            about: dict[str, Any] = {"parent": parent, "subscription": job.subscription, "video": job.video}
            new.append(Job(job.request.id, job.request, job.site, **about))
        rows.new_jobs(connection, new, batch)
        for record in new:
            if record.video is not None:
                try:
                    rows.save_video(connection, record, record.video)
                except Duplicate as error:  # another job got it since we looked: who looks anew knows it
                    raise Undone(error.failure) from None
        return len(new)

    @repeated
    def take_in(self, jobs: Sequence[Job], *, due: bool = False) -> int:
        """See MetadataStore. One transaction for all of them."""
        count = 0
        with transaction(self._database) as connection:
            take(connection, Lock.ADDING)
            for site in sorted({job.site for job in jobs}):
                rows.add_site(connection, site)
            by_id = {job.id: job for job in jobs}
            for ids in queries.pages(list(by_id)):
                known = rows.known(connection, ids)
                owned = rows.owned(connection, [video for each in ids if (video := by_id[each].video)])
                new = dict[tuple[str, str, str], Job]()
                for each in ids:
                    job, video = by_id[each], by_id[each].video
                    if video is not None and each not in known:
                        new.setdefault((video.source, video.id, video.variant), job)
                fresh = [job for identity, job in new.items() if identity not in owned]
                rows.whole_jobs(connection, fresh, due=due)
                count += len(fresh)
        return count

    def _reopen(self, jobs: list[NewJob], connection: Connection, batch: str) -> None:
        # One that waits is due at once too where its URL is signed afresh: the old signature may have run out. So is
        # one whose deletion was broken off: whoever goes on with it shall know that it is wanted.
        ended = VideoProcessingJob.due_at.is_(None)
        waits = VideoProcessingJob.attempt.is_(None)
        no_video = ~exists().where(VideoRow.job == VideoProcessingJob.id)
        for name in {job.subscription for job in jobs} - {""}:
            these = VideoProcessingJob.id.in_([job.request.id for job in jobs if job.subscription == name])
            connection.execute(update(VideoProcessingJob).where(these, no_video).values(subscription=name))
        for job in jobs:
            signed_afresh = and_(waits, VideoProcessingJob.url != job.request.url)
            this = VideoProcessingJob.id == job.request.id
            also: dict[str, Any] = {"url": job.request.url, **({} if job.subscription else {"listed": False})}
            self._ask(connection, batch, this, or_(ended, signed_afresh, rows.is_half_gone()), **also)

    def _ask(self, connection: Connection, batch: str, *which: ColumnElement[bool], **also: Any) -> None:
        """Make jobs due as if they had never been tried."""
        so_far = select(func.count()).where(AttemptRow.job == VideoProcessingJob.id).scalar_subquery()
        anew = {"due_at": from_now(), "batch": batch, "asked_after": so_far, "stage": "", "done": 0, "total": None}
        connection.execute(update(VideoProcessingJob).where(*which).values(**anew, **also))

    @repeated
    def claim(
        self,
        worker: str,
        lease: timedelta,
        *,
        home: str,
        handover: timedelta,
        batch: str = "",
        fetched: bool = False,
        job: JobId | None = None,
    ) -> Hold | None:
        """See MetadataStore."""
        attempt, unsure = AttemptId(secrets.token_hex(16)), set(self._unsure)
        try:
            with transaction(self._database) as connection:
                for each in unsure:
                    claims.take_back(connection, each)
                if job is None:
                    found = claims.due_job(connection, claims.Wanted(home, handover, batch, fetched))
                else:
                    found = claims.free_job(connection, job)
                hold = self._take(connection, attempt, found, worker, lease) if found else None
        except StoreError:
            self._unsure.add(attempt)  # its answer may have been lost, and nobody would work on that job
            raise
        self._unsure -= unsure
        return hold

    def _take(
        self, connection: Connection, attempt: AttemptId, found: claims.DueJob, worker: str, lease: timedelta
    ) -> Hold:
        before = select(func.count()).where(AttemptRow.job == found.id).scalar_subquery()
        connection.execute(
            insert(AttemptRow).values(id=attempt, job=found.id, number=before + 1, worker=worker, began_at=from_now())
        )
        [job] = rows.load(connection, [found.id])  # before its progress is wiped: a crash is told by its stage
        connection.execute(
            update(VideoProcessingJob)
            .where(VideoProcessingJob.id == found.id)
            .values(attempt=attempt, worker=worker, due_at=from_now(lease), stage="", done=0, total=None)
        )
        return Hold(attempt, job, AttemptId(found.attempt) if found.attempt else None, found.strikes)

    @repeated
    def beat(self, beats: Sequence[Beat], lease: timedelta) -> Mapping[AttemptId, Literal["lost"]]:
        """See MetadataStore."""
        with transaction(self._database) as connection:
            kept = {
                beat.attempt: connection.execute(
                    update(VideoProcessingJob)
                    .where(_held_by(beat.attempt))
                    .values(due_at=from_now(lease), stage=beat.stage, done=beat.done, total=beat.total)
                ).rowcount
                for beat in beats
            }
        return {attempt: "lost" for attempt, count in kept.items() if not count}

    @repeated
    def save(
        self, hold: Hold, job: Job, then: Keep | Again | Done, *, site: Gate | Literal["open"] | None = None
    ) -> Hold:
        """See MetadataStore."""
        due: dict[str, Any] = {}
        if not isinstance(then, Keep):
            due = {"attempt": None, "due_at": from_now(then.after) if isinstance(then, Again) else None}
        receipt = hashlib.sha256(repr((job, then, site)).encode()).hexdigest()
        with transaction(self._database) as connection:
            rows.add_site(connection, job.site)
            if isinstance(site, Gate):
                rows.hold_site(connection, job.site)
            fenced = update(VideoProcessingJob).where(VideoProcessingJob.id == job.id, _held_by(hold.attempt))
            if not connection.execute(fenced.values(**job_values(job), **due)).rowcount:
                known = select(AttemptRow.ended_at.is_not(None)).where(AttemptRow.receipt == receipt)
                if connection.scalar(known.where(AttemptRow.id == hold.attempt)):
                    return evolve(hold, job=job)  # the same save, repeated because its answer was lost
                raise AttemptLost(Failure(Kind.CRASHED, f"attempt {hold.attempt} does not hold its job any more"))
            if job.video:
                rows.save_copies(connection, rows.save_video(connection, job, job.video), job)
            for ended in job.tries:
                if ended.ended is None:
                    connection.execute(
                        update(AttemptRow)
                        .where(AttemptRow.id == ended.attempt, AttemptRow.ended_at.is_(None))
                        .values(ended_at=from_now(), **try_values(ended))
                    )
            this = update(AttemptRow).where(AttemptRow.id == hold.attempt)
            if not isinstance(then, Keep):
                ended_at = func.coalesce(AttemptRow.ended_at, from_now(), type_=UtcTime)
                connection.execute(this.values(ended_at=ended_at, receipt=receipt))
            elif isinstance(site, Gate):
                afresh = this.where(AttemptRow.receipt.is_distinct_from(receipt)).values(receipt=receipt)
                site = site if connection.execute(afresh).rowcount else None  # otherwise repeated, as above
            if isinstance(site, Gate):
                rows.close_site(connection, job.site, site)
            elif site == "open":
                rows.open_site(connection, job.site, hold.strikes)
        return evolve(hold, job=job)

    @repeated
    def release(self, worker: str) -> int:
        """See MetadataStore."""
        held = and_(VideoProcessingJob.worker == worker, VideoProcessingJob.attempt.is_not(None))
        with transaction(self._database) as connection:
            freed = update(VideoProcessingJob).where(held, VideoProcessingJob.due_at > from_now())
            return connection.execute(freed.values(due_at=from_now())).rowcount

    def sites(self) -> Iterator[Site]:
        """See MetadataStore."""
        yield from self._sites()

    @repeated
    def _sites(self) -> list[Site]:
        with transaction(self._database, reads=True) as connection:
            return rows.sites(connection)

    @repeated
    def gate(self, site: str, gate: Gate | Literal["open"]) -> bool:
        """See MetadataStore."""
        with transaction(self._database) as connection:
            return rows.gate_site(connection, site, gate)

    def find(self, query: Query) -> Iterator[Job]:
        """See MetadataStore."""
        yield from queries.find(self._database, query)

    @repeated
    def next_due(self, *, home: str, handover: timedelta, batch: str = "") -> timedelta | None:
        """See MetadataStore."""
        with transaction(self._database, reads=True) as connection:
            return claims.next_due(connection, claims.Wanted(home, handover, batch))

    @repeated
    def clock(self) -> datetime:
        """See MetadataStore."""
        with transaction(self._database, reads=True) as connection:
            return connection.execute(select(from_now())).scalar_one()

    @repeated
    def tally(self, owed_to: Sequence[Mirror] = ()) -> Tally:
        """See MetadataStore."""
        with transaction(self._database, reads=True) as connection:
            return totals.tally(connection, owed_to)

    def holdings(self) -> Iterator[Holding]:
        """See MetadataStore."""
        yield from totals.holdings(self._database)

    @repeated
    def throughput(self, within: timedelta) -> Throughput:
        """See MetadataStore."""
        with transaction(self._database, reads=True) as connection:
            return totals.throughput(connection, within)

    def close(self) -> None:
        """See MetadataStore."""
        self._database.engine.dispose()


def _held_by(attempt: AttemptId) -> ColumnElement[bool]:
    return and_(VideoProcessingJob.attempt == attempt, VideoProcessingJob.due_at > from_now())
