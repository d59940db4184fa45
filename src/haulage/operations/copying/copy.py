"""Copy many videos to another storage, some at once."""

import contextlib
import threading
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import timedelta

from attrs import define, evolve, field, frozen

from haulage.contracts.metadata import Query
from haulage.contracts.policies import Event, History, Progressed, Settled, Stored
from haulage.errors import ConfigError, Kind, StorageError, StoreError
from haulage.operations.copying.carry import Carrier, Outcome
from haulage.operations.copying.plan import Plan, Wanted, plan_of
from haulage.operations.holding import holder
from haulage.pipeline.assembly import Assembly
from haulage.values import AttemptId, Job, Try

BUSY = "a worker has it just now; copy it later"

_USELESS = (Kind.DENIED, Kind.CONFIG, Kind.AUTH, Kind.ENVIRONMENT, Kind.NO_SPACE, Kind.BUG)
"""After these failures whatever comes next would fail likewise."""

_PASSING = (Kind.STORAGE, Kind.TRANSIENT)
"""After these the retry policy of the config is asked."""

_MOST_IN_A_ROW = 10
"""After so many failures of storages, with nothing copied in between, one of them is taken for unusable."""

_PAUSE_SECONDS = 0.5


@frozen
class _Turn:
    """A video whose turn comes.

    Attributes:
        job: Its record.
        due: Not before, by `time.monotonic`.
        busy_since: When it was first found in another worker's hands; 0 where it was not.
        tries: How it failed so far.
        before: What was done then all the same.
    """

    job: Job
    due: float = 0.0
    busy_since: float = 0.0
    tries: tuple[Try, ...] = ()
    before: tuple[Outcome, ...] = ()

    def whole(self, outcome: Outcome) -> Outcome:
        """The outcome with all that was done before."""
        copied = (copy for each in (*self.before, outcome) for copy in each.copied)
        return evolve(outcome, copied=tuple(copied), inside=sum(each.inside for each in self.before) + outcome.inside)


@define
class Progress:
    """How far a copy is; may be read from any thread. A subclass may show it.

    Attributes:
        videos: How many videos are done with.
    """

    videos: int = 0
    _stored: int = field(init=False, default=0)
    _moving: dict[AttemptId, int] = field(init=False, factory=dict)
    _lock: threading.Lock = field(init=False, factory=threading.Lock)

    @property
    def size(self) -> int:
        """How many bytes were copied, those of what is under way among them."""
        with self._lock:
            return self._stored + sum(self._moving.values())

    def tell(self, event: Event) -> None:
        """Take an event of what is held."""
        with self._lock:
            match event:
                case Progressed(attempt=attempt, done=done):
                    self._moving[attempt] = done
                case Settled(attempt=attempt):
                    self._moving.pop(attempt, None)
                case Stored(attempt=attempt, copy=copy):
                    self._moving.pop(attempt, None)
                    self._stored += copy.size or 0
        self.moved()

    def ended(self) -> None:
        """One more video is done with."""
        self.videos += 1
        self.moved()

    def moved(self) -> None:
        """Called after each change, by the thread that made it."""


def planned(assembly: Assembly, wanted: Wanted) -> Iterator[tuple[Job, Plan]]:
    """List the videos that something is to be done for, page by page, and what that is."""
    query = Query(ids=wanted.jobs, channel_id=wanted.channel_id)
    only = wanted.sources[0] if len(wanted.sources) == 1 and not wanted.jobs else ""
    for job in assembly.store.find(evolve(query, storage=only)):
        if plan := plan_of(job, wanted):
            yield job, plan
    if only and wanted.move:
        # Where a kill came while a video was being deleted, the source holds nothing of it, and its job waits.
        for job in assembly.store.find(evolve(query, unfinished=True)):
            stored = any((copy.storage, copy.state) == (only, "stored") for copy in job.copies)
            if not stored and (plan := plan_of(job, wanted)):
                yield job, plan


class Copier:
    """Copies videos to another storage.

    A copy is recorded before its object can become visible, and as stored once it was verified; nothing is deleted
    before all files of its video are. So it may be killed at any moment: the next one goes on.

    Args:
        assembly: The components of a config.
        wanted: What to do.
        workers: How many videos are copied at once.
        progress: Told how far it is.
    """

    def __init__(self, assembly: Assembly, wanted: Wanted, workers: int, progress: Progress) -> None:
        self._assembly, self._wanted, self._workers, self._progress = assembly, wanted, workers, progress
        self._stopping = threading.Event()
        self._carrier: Carrier | None = None
        self._in_a_row = 0

    @property
    def stopped(self) -> bool:
        """Whether it was told to stop."""
        return self._stopping.is_set()

    def stop(self) -> bool:
        """Begin no further video; whether one is under way. From any thread, and from a signal handler."""
        self._stopping.set()
        return self._carrier is not None and bool(self._carrier.holder.held())

    def abandon(self) -> None:
        """Put down what is under way, though it goes on: only for who ends the process next, since it would not end.

        Nothing that still runs can record anything. From any thread.
        """
        if self._carrier is None:
            return
        for attempt in self._carrier.holder.held():
            with contextlib.suppress(StoreError):
                attempt.settle(*self._carrier.at_rest(attempt.job, timedelta(0)))

    def outcomes(self) -> Iterator[Outcome]:
        """Copy, and yield what became of each video as it ends.

        A video that a worker has just now is tried again, for as long as a lease lasts; one that failed, as the retry
        policy says. Leaving the loop cancels what is under way.

        Raises:
            HaulageError: Something that every video needs cannot be used; what was done is recorded.
        """
        for name in (self._wanted.to, *self._wanted.sources[:1]):
            self._assembly.place(name)  # what cannot be used is told at once
        with holder(self._assembly, self._progress.tell) as holding:
            self._carrier = Carrier(self._wanted, holding, self._assembly.transfer, self._assembly.remover)
            pool = ThreadPoolExecutor(self._workers, "haulage-copy")
            try:
                yield from self._all(self._carrier, pool, holding.lease.total_seconds())
            except BaseException:
                holding.cancel()
                raise
            finally:
                pool.shutdown(cancel_futures=True)

    def _all(self, carrier: Carrier, pool: ThreadPoolExecutor, patience: float) -> Iterator[Outcome]:
        jobs = (_Turn(job) for job, _ in planned(self._assembly, self._wanted))
        running: dict[Future[Outcome | None], _Turn] = {}
        later: list[_Turn] = []
        while True:
            while len(running) < self._workers and not self.stopped and (turn := _next(later, jobs)) is not None:
                running[pool.submit(carrier.carry, turn.job.id)] = turn
            if not running and (self.stopped or not later):
                return
            due = min((turn.due for turn in later), default=None)
            seconds = None if due is None or self.stopped else max(due - time.monotonic(), 0)
            if not running:
                self._stopping.wait(seconds)
            for ended in wait(running, seconds, FIRST_COMPLETED).done:
                turn, outcome = running.pop(ended), ended.result()
                again = self._again(turn, outcome, patience)
                if again is not None:
                    later.append(again)
                    continue
                outcome = turn.whole(outcome or Outcome(turn.job, left=BUSY))
                self._give_up(outcome)
                self._progress.ended()
                yield outcome

    def _again(self, turn: _Turn, outcome: Outcome | None, patience: float) -> _Turn | None:
        """When a video that another worker has, or that failed, is tried again; None where it is not."""
        now = time.monotonic()
        if outcome is None:
            since = turn.busy_since or now
            return evolve(turn, due=now + _PAUSE_SECONDS, busy_since=since) if now < since + patience else None
        failure = outcome.failure
        if failure is None or failure.kind not in _PASSING:
            return None
        failed = Try(outcome.job.attempts[-1], f"store:{self._wanted.to}", failure, counted=True, wait=None)
        tries = (*turn.tries, failed)
        delay = self._assembly.policy.next_delay(History(tries, 0.5))
        return (
            None
            if delay is None
            else evolve(turn, due=now + delay.total_seconds(), tries=tries, before=(*turn.before, outcome))
        )

    def _give_up(self, outcome: Outcome) -> None:
        """Raise where the next video would fare no better."""
        failure = outcome.failure
        if failure is None or failure.kind is Kind.CONFLICT:
            self._in_a_row = 0
            return
        self._in_a_row += 1
        if failure.kind is Kind.CONFIG:
            raise ConfigError(str(failure))
        if failure.kind in _USELESS or self._in_a_row >= _MOST_IN_A_ROW:
            raise StorageError(failure)


def _next(later: list[_Turn], jobs: Iterator[_Turn]) -> _Turn | None:
    """Whose turn it is: of those that are to be tried again the first that is due, else the next one."""
    now = time.monotonic()
    due = next((turn for turn in later if turn.due <= now), None)
    if due is None:
        return next(jobs, None)
    later.remove(due)
    return due
