"""A metadata store that keeps every law, as plainly as can be: rows in the memory of this process, and one lock."""

import secrets
import threading
import time
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from itertools import islice

from attrs import define, evolve, field, frozen

from haulage.plugin import (
    Again,
    AttemptId,
    AttemptLost,
    Done,
    Duplicate,
    Failure,
    Gate,
    Hold,
    Job,
    Keep,
    Kind,
    MetadataStore,
    Site,
    StoreError,
    Throughput,
    is_owed,
    option,
)

NEVER = float("inf")
BEGAN = datetime.now(UTC) - timedelta(seconds=time.monotonic())


@frozen
class StoreOptions:
    """The options of the stores of these tests."""

    shelf: str = option("", help="Stores of one shelf share their jobs; without a name each has its own.")


@define
class Row:
    """A job, and what belongs to its store."""

    job: Job
    batch: str
    due: float | None
    attempt: str | None = None
    worker: str = ""


@define
class Place:
    """A site."""

    opens: float | None = 0.0
    strikes: int = 0
    reason: str = ""


@define
class Shelf:
    """What all instances of a store share."""

    rows: dict = field(factory=dict)
    places: dict = field(factory=lambda: defaultdict(Place))
    receipts: dict = field(factory=dict)
    gates: dict = field(factory=dict)
    spans: dict = field(factory=dict)
    lock: object = field(factory=threading.RLock)


SHELVES = defaultdict(Shelf)


class RightStore(MetadataStore):
    """Jobs on a shelf."""

    def __init__(self, options):
        self.shelf = SHELVES[options.shelf] if options.shelf else Shelf()
        self.lock, self.rows, self.places = self.shelf.lock, self.shelf.rows, self.shelf.places

    def now(self):
        return time.monotonic()

    def time(self):
        return datetime.now(UTC)

    def later(self, after):
        return self.now() + min(after, timedelta(days=365 * 1000)).total_seconds()

    def told(self, moment):
        return BEGAN + timedelta(seconds=moment)

    def prepare(self):
        pass

    def add(self, jobs, *, batch="", parent=None, again=False):
        jobs = {job.request.id: job for job in jobs}
        with self.lock:
            return sum(self.add_one(job, batch, parent, again) for job in jobs.values())

    def add_one(self, new, batch, parent, again):
        row = self.rows.get(new.request.id)
        owner = self.rows.get(new.video and self.owner(new.video))
        if again and owner and owner is not row and (owner.due is None or self.is_half_gone(owner)):
            self.reopen(owner, owner.job if "://" in owner.job.request.url else new, batch)
        if row is None:
            if new.video and self.owner(new.video):
                return 0
            about = {"parent": parent, "subscription": new.subscription, "video": new.video}
            job = Job(new.request.id, new.request, new.site, added=self.time(), **about)
            self.places[new.site] = self.places[new.site]
            self.rows[job.id] = Row(job, batch, self.now())
            return 1
        fresh = row.attempt is None and row.job.request != new.request
        if row.due is not None:
            row.batch = batch
        if again and row.job.video is None and new.subscription:
            self.subscribe(row, new)
        if again and (row.due is None or fresh or self.is_half_gone(row)):
            self.reopen(row, new, batch)
            row.job = evolve(row.job, listed=row.job.listed and bool(new.subscription))
        return 0

    def subscribe(self, row, new):
        row.job = evolve(row.job, subscription=new.subscription)

    def is_half_gone(self, row):
        free = row.attempt is None or row.due <= self.now()
        return free and any(copy.state == "deleting" for copy in row.job.copies)

    def reopen(self, row, new, batch):
        asked = len(row.job.attempts)
        row.job = evolve(row.job, request=new.request, asked_after=asked, stage="", done=0, total=None)
        row.due, row.batch = self.now(), batch

    def owner(self, video):
        wanted = (video.source, video.id, video.variant)
        owners = (row.job for row in self.rows.values() if row.job.video)
        return next((job.id for job in owners if (job.video.source, job.video.id, job.video.variant) == wanted), None)

    def claim(self, worker, lease, *, home, handover, batch="", fetched=False, job=None):
        with self.lock:
            ready = [row for row in self.rows.values() if self.may_take(row, home, handover, batch)]
            ready = [row for row in ready if not fetched or self.is_fetched(row, home)]
            if job is not None:
                ready = [row for row in self.rows.values() if row.job.id == job and not self.held(row)]
            if not ready:
                return None
            row = ready[0] if job else min(ready, key=lambda row: row.due)
            attempt, previous = AttemptId(secrets.token_hex(16)), row.attempt
            job = evolve(row.job, attempts=(*row.job.attempts, attempt))
            row.job = evolve(job, stage="", done=0, total=None)
            self.shelf.spans[attempt] = (self.time(), None)
            row.attempt, row.worker, row.due = attempt, worker, self.later(lease)
            return Hold(attempt, job, previous, self.places[job.site].strikes)

    def is_fetched(self, row, home):
        return row.job.home == home and row.job.files

    def may_take(self, row, home, handover, batch):
        return (
            row.due is not None
            and row.due <= self.now()
            and batch in ("", row.batch)
            and (row.job.home in (None, home) or row.due + handover.total_seconds() <= self.now())
            and self.lets_in(row.job.site)
        )

    def lets_in(self, site):
        place = self.places[site]
        return self.is_open(place) and not (place.strikes and self.busy(site))

    def busy(self, site):
        return any(row.job.site == site and self.held(row) for row in self.rows.values())

    def held(self, row):
        return row.attempt is not None and row.due is not None and row.due > self.now()

    def held_by(self, attempt):
        return next((row for row in self.rows.values() if row.attempt == attempt and self.held(row)), None)

    def beat(self, beats, lease):
        with self.lock:
            return {beat.attempt: "lost" for beat in beats if not self.beat_one(beat, lease)}

    def beat_one(self, beat, lease):
        row = self.held_by(beat.attempt)
        if row is not None:
            row.job = evolve(row.job, stage=beat.stage, done=beat.done, total=beat.total)
            row.due = self.later(lease)
        return row

    def save(self, hold, job, then, *, site=None):
        with self.lock:
            row = self.held_by(hold.attempt)
            if row is None or row.job.id != job.id:
                if self.shelf.receipts.get(hold.attempt) == (job, then, site):
                    return evolve(hold, job=job)
                raise AttemptLost(Failure(Kind.CRASHED, "another one holds the job now"))
            self.check_video(job)
            self.write(row, job)
            again = self.shelf.gates.get(hold.attempt) == (job, then, site)
            self.put_down(row, hold, (job, then, site))
            if isinstance(site, Gate) and not again:
                self.shelf.gates[hold.attempt] = (job, then, site)
                self.close_site(job.site, site)
            elif site == "open" and self.places[job.site].strikes == hold.strikes:
                self.served(job.site)
            return evolve(hold, job=job)

    def check_video(self, job):
        other = job.video and self.owner(job.video)
        if other not in (None, job.id):
            raise Duplicate(Failure(Kind.CONFLICT, "another job has the video"), other)

    def write(self, row, job):
        self.places[job.site] = self.places[job.site]
        now = self.time()
        ended = {each.attempt: each for each in row.job.tries}
        tries = tuple(ended.get(each.attempt) or evolve(each, ended=each.ended or now) for each in job.tries)
        kept = {name: getattr(row.job, name) for name in ("attempts", "stage", "done", "total", "asked_after", "added")}
        row.job = evolve(job, tries=tries, copies=self.timed(job.copies, row.job.copies, now), **kept)

    def timed(self, copies, before, now):
        known = {(copy.storage, copy.role): copy for copy in before}
        return tuple(self.dated(copy, known.get((copy.storage, copy.role)), now) for copy in copies)

    def dated(self, copy, before, now):
        if before is not None and before.state == copy.state:
            return evolve(copy, stored_at=before.stored_at, deleted_at=before.deleted_at)
        was_there = before is not None and before.state in ("deleting", "damaged")
        stored = now if copy.state == "stored" else None
        if copy.state in ("deleting", "deleted", "damaged") or (was_there and copy.state == "stored"):
            stored = before and before.stored_at
        return evolve(copy, stored_at=stored, deleted_at=now if copy.state == "deleted" else None)

    def put_down(self, row, hold, receipt):
        then = receipt[1]
        if isinstance(then, Keep):
            return
        self.shelf.spans[hold.attempt] = (self.shelf.spans[hold.attempt][0], self.time())
        row.attempt, row.due = None, None if isinstance(then, Done) else self.later(then.after)
        self.shelf.receipts[hold.attempt] = receipt

    def close_site(self, name, gate):
        place = self.places[name]
        place.strikes += self.is_open(place) or not place.strikes
        until = NEVER if gate.closed_for is None else self.later(gate.closed_for)
        opens = max(NEVER if place.opens is None else place.opens, until)
        place.opens, place.reason = None if opens == NEVER else opens, gate.reason

    def served(self, name):
        if self.is_open(self.places[name]):
            self.open_site(name)

    def is_open(self, place):
        return place.opens is not None and place.opens <= self.now()

    def open_site(self, name):
        self.places[name] = Place()

    def release(self, worker):
        with self.lock:
            held = [row for row in self.rows.values() if row.worker == worker and self.held(row)]
            for row in held:
                row.due = self.now()
            return len(held)

    def sites(self):
        with self.lock:
            found = [
                Site(name, None if place.opens is None else self.told(place.opens), place.strikes, place.reason)
                for name, place in sorted(self.places.items())
                if place.strikes
            ]
        yield from found

    def gate(self, site, gate):
        with self.lock:
            if site not in self.places:
                return False
            if isinstance(gate, Gate):
                self.close_site(site, gate)
            else:
                self.open_site(site)
                self.wake(site)
            return True

    def wake(self, site):
        for row in self.rows.values():
            if row.job.site == site and row.attempt is None and row.due is not None:
                row.due = min(row.due, self.now())

    def clock(self):
        return self.time()

    def find(self, query):
        found = self.in_order(query) if query.order == "oldest" else self.at_once(query)
        yield from islice(found, query.limit)

    def at_once(self, query):
        found = list(self.in_order(query))[::-1]
        if query.order == "newest":
            return found
        failed = [job for job in found if job.tries]
        return sorted(failed, key=lambda job: job.tries[-1].ended, reverse=True)

    def in_order(self, query):
        position = 0
        while page := self.page(query, position):
            yield from page[0]
            position = page[1]

    def page(self, query, position, size=20):
        with self.lock:
            rows = list(self.rows.values())[position : position + size]
            return ([row.job for row in rows if self.matches(row, query)], position + len(rows)) if rows else None

    def matches(self, row, query):
        job = row.job
        return (
            (not query.ids or job.id in query.ids)
            and (not query.status or job.status in query.status)
            and query.batch in ("", row.batch)
            and query.site in ("", job.site)
            and query.subscription in ("", job.subscription)
            and (not query.added_since or job.added >= query.added_since)
            and (not query.added_until or job.added < query.added_until)
            and (not query.unfinished or row.due is not None)
            and (not query.running or self.held(row))
            and (
                not query.storage or any((query.storage, "stored") == (each.storage, each.state) for each in job.copies)
            )
            and (not query.owed or any(is_owed(job, storage) for storage in query.owed))
            and self.is_of_video(job, query)
            and self.failed(job, query)
        )

    def is_of_video(self, job, query):
        return (
            (not query.video_id or (job.video is not None and job.video.id == query.video_id))
            and (not query.channel_id or (job.video is not None and job.video.channel_id == query.channel_id))
            and query.source in ("", job.video.source if job.video else job.site)
        )

    def failed(self, job, query):
        last = job.tries[-1] if job.tries else None
        return (not query.kinds or (last is not None and last.failure.kind in query.kinds)) and (
            not query.failed_since or (last is not None and last.ended >= query.failed_since)
        )

    def next_due(self, *, home, handover, batch=""):
        with self.lock:
            waits = [self.wait(row, home, handover) for row in self.rows.values() if batch in ("", row.batch)]
            left = [wait for wait in waits if wait is not None]
            return timedelta(seconds=max(0.0, min(left))) if left else None

    def wait(self, row, home, handover):
        opens = self.places[row.job.site].opens
        if row.due is None or opens is None:
            return None
        due = row.due if row.job.home in (None, home) else row.due + handover.total_seconds()
        return max(due, opens) - self.now()

    def throughput(self, within):
        with self.lock:
            since = self.time() - within
            fresh = [row.job for row in self.rows.values() if min(self.mains(row.job), default=since) > since]
            spans = sorted(self.shelf.spans[each] for job in fresh for each in job.attempts)
            size = sum(self.size_of([each.size for each in job.copies if each.role == "video"]) for job in fresh)
            return Throughput(size, self.spent([(began, ended) for began, ended in spans if ended]))

    def mains(self, job):
        return [each.stored_at for each in job.copies if (each.role, each.state) == ("video", "stored")]

    def size_of(self, sizes):
        return sizes[0]

    def spent(self, spans):
        spent, last = timedelta(0), None
        for began, ended in spans:
            begin = max(began, last or began)
            spent, last = spent + max(ended - begin, timedelta(0)), max(ended, begin)
        return spent


__all__ = ["Again", "AttemptLost", "Duplicate", "RightStore", "Shelf", "StoreError", "StoreOptions"]
