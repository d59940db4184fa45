"""What `status` tells: one look at the queue, and how fast it moves as of several."""

import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from attrs import frozen

from haulage import Failure, Job, JobId, Pipeline, Query, Site, Status
from haulage.cli.moments import local
from haulage.cli.report import name
from haulage.documents import NOT_WELL, time_document
from haulage.secrets import one_line, public_url

_FAILURES = 12
"""How many failures are looked for; no screen has room for more."""

_LONGEST = 100 * 86_400
"""Seconds; what takes longer at its present rate does not move at all."""


@frozen
class Running:
    """A job in the hands of a worker.

    Attributes:
        job: Its id.
        name: Its title or URL.
        url: What was asked for, without what gives access.
        status: Its state.
        stage: The step it is in: "fetch", "store:archive", ...
        done: Bytes of that step that are done.
        total: Bytes it will be, where that is known.
        rate: Bytes a second over the last few looks; None before there were two.
    """

    job: JobId
    name: str
    url: str
    status: Status
    stage: str
    done: int
    total: int | None
    rate: float | None

    @property
    def left(self) -> timedelta | None:
        """How long the step still takes at this rate; None where that cannot be said, or longer than anybody waits."""
        if not self.total or not self.rate:
            return None
        rest = max(self.total - self.done, 0)
        return timedelta(seconds=rest / self.rate) if rest <= self.rate * _LONGEST else None


@frozen
class Failed:
    """A job whose last attempt failed, and that is not stored.

    Attributes:
        job: Its id.
        name: Its title or URL.
        url: What was asked for, without what gives access.
        status: Its state; unless that is failed or unavailable, it will be tried again.
        failure: Why.
        at: When.
    """

    job: JobId
    name: str
    url: str
    status: Status
    failure: Failure
    at: datetime


@frozen
class Snapshot:
    """What there is to see at a moment.

    Attributes:
        at: The moment, by the clock of this machine.
        counts: How many jobs there are of each status, in the order of a job's life.
        stored_bytes: The size of all that is stored.
        running: What workers hold, in the order in which it was added.
        sites: Those that have refused, by name.
        failed: The last failures, the last one first.
        owed: How many videos are owed to each mirror that lacks any.
    """

    at: datetime
    counts: Mapping[Status, int]
    stored_bytes: int
    running: tuple[Running, ...] = ()
    sites: tuple[Site, ...] = ()
    failed: tuple[Failed, ...] = ()
    owed: Mapping[str, int] = {}

    @property
    def closed(self) -> tuple[Site, ...]:
        """The sites whose jobs wait, for a while or for a person."""
        return tuple(site for site in self.sites if site.opens is None or site.opens > self.at)

    def rate(self, stage: str) -> float | None:
        """Bytes a second of all jobs in a step, "fetch" or "store", together; None where no job has a rate."""
        rates = [each.rate for each in self.running if each.rate is not None and each.stage.split(":")[0] == stage]
        return sum(rates) if rates else None


class Rates:
    """How fast jobs move, from how far they were before.

    Args:
        over: For how many seconds a reading counts.
    """

    def __init__(self, over: float = 10.0) -> None:
        self._over = over
        self._read: dict[JobId, tuple[str, deque[tuple[float, int]]]] = {}

    def read(self, jobs: Iterable[Job], now: float) -> dict[JobId, float]:
        """Take the next reading, and return the bytes a second of each job of which there are two.

        Args:
            jobs: All that run; others are forgotten.
            now: Seconds, by a clock that never goes back.
        """
        before, self._read = self._read, {}
        rates: dict[JobId, float] = {}
        for job in jobs:
            stage, readings = before.get(job.id, ("", deque[tuple[float, int]]()))
            if stage != job.stage or (readings and readings[-1][1] > job.done):
                readings = deque()
            while len(readings) > 1 and readings[1][0] < now - self._over:
                readings.popleft()
            readings.append((now, job.done))
            self._read[job.id] = (job.stage, readings)
            (began, first), (ended, last) = readings[0], readings[-1]
            if ended > began:
                rates[job.id] = (last - first) / (ended - began)
        return rates


def look(pipeline: Pipeline, rates: Rates | None = None) -> Snapshot:
    """Look at the queue; with rates, which remember how far jobs were at the look before, also at how fast it moves."""
    tally = pipeline.tally()
    jobs = list(pipeline.find(Query(running=True)))
    read = (rates or Rates()).read(jobs, time.monotonic())
    failed = pipeline.find(Query(status=NOT_WELL, order="failed", limit=_FAILURES))
    return Snapshot(
        at=datetime.now(UTC),
        counts={status: tally.jobs[status] for status in Status if tally.jobs.get(status)},
        stored_bytes=tally.size,
        running=tuple(_running(job, read.get(job.id)) for job in jobs),
        sites=tuple(pipeline.sites()),
        failed=tuple(map(_failed, failed)),
        owed=tally.owed,
    )


def _running(job: Job, rate: float | None) -> Running:
    url = public_url(job.request.url)
    return Running(job.id, name(job), url, job.status, job.stage, job.done, job.total, rate)


def _failed(job: Job) -> Failed:
    last = job.tries[-1]
    ended = last.ended or datetime.now(UTC)
    return Failed(job.id, name(job), public_url(job.request.url), job.status, last.failure, ended)


def document(snapshot: Snapshot) -> dict[str, Any]:
    """A snapshot as a JSON object: sizes in bytes, rates in bytes a second, durations in seconds, times in RFC 3339."""
    return {
        "at": time_document(snapshot.at),
        "counts": {status.value: count for status, count in snapshot.counts.items()},
        "stored_bytes": snapshot.stored_bytes,
        "owed": dict(snapshot.owed),
        "rates": {stage: snapshot.rate(stage) for stage in ("fetch", "store")},
        "running": [
            {
                "url": each.url,
                "name": each.name,
                "status": each.status.value,
                "stage": each.stage,
                "done": each.done,
                "total": each.total,
                "rate": each.rate,
                "left": each.left and each.left.total_seconds(),
            }
            for each in snapshot.running
        ],
        "sites": [
            {"name": site.name, "opens": time_document(site.opens), "strikes": site.strikes, "reason": site.reason}
            for site in snapshot.sites
        ],
        "failures": [
            {
                "url": each.url,
                "name": each.name,
                "status": each.status.value,
                "kind": each.failure.kind.value,
                "message": each.failure.message,
                "cure": each.failure.cure,
                "at": time_document(each.at),
            }
            for each in snapshot.failed
        ],
    }


def lines(snapshot: Snapshot) -> Iterator[str]:
    """A snapshot as plain lines: counts, what runs, and which sites are closed."""
    from rich.filesize import decimal

    if not snapshot.counts:
        yield "Nothing yet; haul something with: haulage get URL"
        return
    counts = ", ".join(f"{count} {status.value}" for status, count in snapshot.counts.items())
    yield f"{counts}; {decimal(snapshot.stored_bytes)} stored"
    for storage, count in snapshot.owed.items():
        yield f"owed to {storage}: {count} video{'s' if count > 1 else ''}"
    for each in snapshot.running:
        share = f" {100 * each.done // each.total} %" if each.total else ""
        speed = "" if each.rate is None else f", {decimal(round(each.rate))}/s"
        yield f"{each.status.value:<11}  {each.name}: {each.stage}{share}, {decimal(each.done)}{speed}"
    for site in snapshot.closed:
        if site.opens is None:
            reason = one_line(site.reason)
            yield f"closed       {site.name}: {reason}; once that is mended: haulage resume {site.name}"
        else:
            yield f"closed       {site.name} until {local(site.opens)}: {one_line(site.reason)}"


def failures(snapshot: Snapshot) -> Iterator[str]:
    """The last failures of a snapshot as plain lines, the last one first."""
    for each in snapshot.failed:
        yield f"{each.failure.kind.value:<11}  {local(each.at)} {one_line(f'{each.name}: {each.failure}')}"
