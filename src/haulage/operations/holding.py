"""Hold one job for an operation, as a worker does, so that nobody else works on it meanwhile."""

import contextlib
import logging
import threading
import time
from collections.abc import Iterator
from datetime import timedelta

from attrs import evolve, frozen

from haulage.cancel import Cancelled
from haulage.contracts.metadata import Again, Done, MetadataStore, Query
from haulage.errors import AttemptLost, Failure, Kind, StoreError
from haulage.pipeline.assembly import Assembly
from haulage.pipeline.attempt import Attempt, Tell
from haulage.pipeline.heart import LOST, Heart
from haulage.values import AttemptId, Job, JobId, Try

_log = logging.getLogger(__name__)


class Held:
    """A job in the hands of an operation.

    Attributes:
        attempt: The attempt.
        rest: How long the job would have waited on; None where it was not due at all.
        settled: Whether it was put down.
    """

    def __init__(self, attempt: Attempt, rest: timedelta | None) -> None:
        self.attempt, self.rest, self.settled = attempt, rest, False

    @property
    def job(self) -> Job:
        """The record, as it was last saved."""
        return self.attempt.job

    def settle(self, job: Job, then: Again | Done) -> None:
        """Record the job and put it down."""
        self.attempt.settle(job, then)
        self.settled = True


class Hands:
    """What an operation holds just now, and the heart that keeps it. Safe to use from many threads.

    Args:
        store: Remembers jobs.
        lease: How long a job is held at a time.
    """

    def __init__(self, store: MetadataStore, lease: timedelta) -> None:
        self._lock = threading.Lock()
        self._attempts: dict[AttemptId, Attempt] = {}
        self._cancelled = False
        self.heart = Heart(store, lease, self.attempts)

    @contextlib.contextmanager
    def keeping(self, attempt: Attempt, began: float) -> Iterator[None]:
        """Keep an attempt's lease alive while the block runs.

        Args:
            attempt: The attempt.
            began: When its job was claimed or before, by `time.monotonic`.
        """
        self.heart.holds_since(began, attempt)
        with self._lock:
            self._attempts[attempt.attempt] = attempt
            cancelled = self._cancelled
        self.heart.start()
        if cancelled:
            attempt.cancel.cancel("stopped")
        try:
            yield
        finally:
            with self._lock:
                del self._attempts[attempt.attempt]

    def attempts(self) -> tuple[Attempt, ...]:
        """Those that are under way."""
        with self._lock:
            return tuple(self._attempts.values())

    def cancel(self) -> None:
        """End all attempts as soon as they can, and whatever is begun from now on."""
        with self._lock:
            self._cancelled = True
        for attempt in self.attempts():
            attempt.cancel.cancel("stopped")


@frozen
class Holder:
    """Looks at jobs and holds them; safe to use from many threads.

    Attributes:
        store: Remembers jobs.
        lease: How long a job is held at a time.
        home: The name of the workspace here; empty where nothing is held.
        worker: Who holds.
        hands: What is held; without any nothing is.
        tell: Is told of events.
    """

    store: MetadataStore
    lease: timedelta
    home: str = ""
    worker: str = ""
    hands: Hands | None = None
    tell: Tell = lambda _: None

    def held(self) -> tuple[Attempt, ...]:
        """The attempts that are under way."""
        return self.hands.attempts() if self.hands else ()

    def cancel(self) -> None:
        """End them as soon as they can, and whatever is held from now on."""
        if self.hands:
            self.hands.cancel()

    def job(self, job: JobId) -> Job | None:
        """The record as it is now."""
        return next(iter(self.store.find(Query(ids=(job,)))), None)

    def waits(self, *jobs: JobId) -> set[JobId]:
        """Which of these jobs are due some time, or held."""
        return {job.id for job in self.waiting(*jobs)}

    def waiting(self, *jobs: JobId) -> Iterator[Job]:
        """Those of these jobs that are due some time, or held."""
        if jobs:
            yield from self.store.find(Query(ids=jobs, unfinished=True))

    @contextlib.contextmanager
    def holding(self, job: JobId) -> Iterator[Held | None]:
        """Hold a job while the block runs; None where somebody else does.

        It is put down as `Held.settle` is told; where the block raises or says nothing, as it was before, to wait as
        long as it would have, but due at once where something of it is being deleted.

        Raises:
            AttemptLost: The lease ended while the block ran.
        """
        before, began = self.job(job), time.monotonic()
        waits = job in self.waits(job)
        hold = self.store.claim(self.worker, self.lease, home=self.home, handover=timedelta(0), job=job)
        if hold is None:
            yield None
            return
        waits |= before is None or hold.job.asked_after != before.asked_after  # it was asked for since we looked
        attempt = Attempt(self.store, hold, self.lease, self.tell, _log)
        if hold.previous is not None:
            crash = Failure(Kind.CRASHED, "the worker died")
            ending = Try(hold.previous, hold.job.stage, crash, counted=False, wait=timedelta(0))
            attempt.save(evolve(hold.job, tries=(*hold.job.tries, ending)))
        held = Held(attempt, self._rest(hold.job) if waits else None)
        try:
            with self.hands.keeping(attempt, began) if self.hands else contextlib.nullcontext():
                yield held
        except Cancelled:
            if attempt.cancel.reason == LOST:
                raise AttemptLost(Failure(Kind.CRASHED, "the lease ended")) from None
            raise
        finally:
            if not held.settled:
                goes = any(copy.state == "deleting" for copy in attempt.job.copies)
                with contextlib.suppress(StoreError):
                    held.settle(attempt.job, Again() if goes else Done() if held.rest is None else Again(held.rest))

    def _rest(self, job: Job) -> timedelta:
        """How long a job that waits has to wait on: the last thing that went wrong says so."""
        last = job.tries[-1] if job.tries else None
        if last is None or last.wait is None or last.ended is None or last.attempt in job.attempts[: job.asked_after]:
            return timedelta(0)
        return max(last.ended + last.wait - self.store.clock(), timedelta(0))


@contextlib.contextmanager
def holder(assembly: Assembly, tell: Tell = lambda _: None) -> Iterator[Holder]:
    """Who may hold jobs in the name of this process: should it die, others see at once that it holds nothing more.

    What was held by processes of this workspace that died may be held at once.

    Args:
        assembly: The components of a config.
        tell: Is told of the events of what is held, from the threads that hold it.
    """
    workspace, store, lease = assembly.workspace, assembly.store, assembly.config.lease
    roster = workspace.roster()
    try:
        for name in roster.dead():
            _log.info("worker %s has died; it held %d jobs", name, store.release(name))
        hands = Hands(store, lease)
        try:
            yield Holder(store, lease, workspace.home, roster.name, hands, tell)
        finally:
            hands.heart.close()
    except StoreError:  # which would be asked in vain
        roster.abandon()
        raise
    except BaseException:  # which may have come between a claim and what keeps it
        roster.leave(store)
        raise
    roster.close()
