"""Hold one job for an operation, as a worker does, so that nobody else works on it meanwhile."""

import contextlib
import logging
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Self

from attrs import evolve, frozen

from haulage.contracts.metadata import Again, Done, MetadataStore, Query
from haulage.errors import Failure, Kind, StoreError
from haulage.pipeline.assembly import Assembly
from haulage.pipeline.attempt import Attempt, Tell
from haulage.pipeline.worker import BEAT_SECONDS
from haulage.values import AttemptId, Job, JobId, Try

_LOST = "lost"

_log = logging.getLogger(__name__)


class Held:
    """A job in the hands of an operation.

    Attributes:
        attempt: The attempt.
        waits: Whether the job was due some time before it was held.
        settled: Whether it was put down.
    """

    def __init__(self, attempt: Attempt, *, waits: bool) -> None:
        self.attempt, self.waits, self.settled = attempt, waits, False

    @property
    def job(self) -> Job:
        """The record, as it was last saved."""
        return self.attempt.job

    def settle(self, job: Job, then: Again | Done) -> None:
        """Record the job and put it down."""
        self.attempt.settle(job, then)
        self.settled = True


class Heart:
    """Keeps the leases of an operation's attempts alive, in a thread of its own, and cancels those that are lost.

    A context manager. Safe to use from many threads.

    Args:
        store: Remembers jobs.
        lease: How long a job is held at a time.
    """

    def __init__(self, store: MetadataStore, lease: timedelta) -> None:
        self._store, self._lease = store, lease
        self._lock, self._closed = threading.Lock(), threading.Event()
        self._attempts: dict[AttemptId, Attempt] = {}
        self._cancelled = False
        self._thread = threading.Thread(target=self._beat, name="haulage-heart", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        self._thread.join()

    @contextlib.contextmanager
    def keeping(self, attempt: Attempt, began: float) -> Iterator[None]:
        """Keep an attempt's lease alive while the block runs.

        Args:
            attempt: The attempt.
            began: When its job was claimed or before, by `time.monotonic`.
        """
        self._holds_since(began, attempt)
        with self._lock:
            self._attempts[attempt.attempt] = attempt
            cancelled = self._cancelled
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

    def _beat(self) -> None:
        last = time.monotonic()
        while not self._closed.wait(min(BEAT_SECONDS, self._lease.total_seconds() / 4)):
            attempts = {each.attempt: each for each in self.attempts()}
            began, lost = time.monotonic(), set[AttemptId]()
            try:
                if attempts:
                    lost = set(self._store.beat([each.position for each in attempts.values()], self._lease))
                self._holds_since(began, *(each for key, each in attempts.items() if key not in lost))
                last = time.monotonic()
            except Exception as error:  # whatever it is: without beats the leases end
                _log.warning("cannot reach the metadata store: %s", error)
                if time.monotonic() - last > self._lease.total_seconds() / 2:
                    lost = set(attempts)
            for key in lost:
                attempts[key].cancel.cancel(_LOST)

    def _holds_since(self, moment: float, *attempts: Attempt) -> None:
        for attempt in attempts:
            attempt.cancel.expire_at(moment + self._lease.total_seconds(), _LOST)


@frozen
class Holder:
    """Looks at jobs and holds them; safe to use from many threads.

    Attributes:
        store: Remembers jobs.
        lease: How long a job is held at a time.
        home: The name of the workspace here; empty where nothing is held.
        worker: Who holds.
        heart: Keeps leases alive; without one, whoever holds a job proves it now and then.
        tell: Is told of events.
    """

    store: MetadataStore
    lease: timedelta
    home: str = ""
    worker: str = ""
    heart: Heart | None = None
    tell: Tell = lambda _: None

    def held(self) -> tuple[Attempt, ...]:
        """The attempts that are under way, where there is a heart."""
        return self.heart.attempts() if self.heart else ()

    def cancel(self) -> None:
        """End them as soon as they can, and whatever is held from now on."""
        if self.heart:
            self.heart.cancel()

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

        It is put down as `Held.settle` is told; where the block raises or says nothing, as it was before, but due where
        something of it is being deleted.
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
        held = Held(attempt, waits=waits)
        try:
            with self.heart.keeping(attempt, began) if self.heart else contextlib.nullcontext():
                yield held
        finally:
            if not held.settled:
                goes = any(copy.state == "deleting" for copy in attempt.job.copies)
                with contextlib.suppress(StoreError):
                    held.settle(attempt.job, Again() if waits or goes else Done())


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
        with Heart(store, lease) as heart:
            yield Holder(store, lease, workspace.home, roster.name, heart, tell)
    finally:
        roster.close()
