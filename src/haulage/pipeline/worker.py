"""The worker of a pipeline in a process: claims jobs, carries them, and keeps their leases alive."""

import contextlib
import logging
import threading
import time
from datetime import timedelta

from haulage.cancel import Cancelled
from haulage.contracts.metadata import MetadataStore
from haulage.contracts.policies import Continued, Event, Observer, Paused
from haulage.errors import AttemptLost, Failure, HaulageError, Kind, StoreError
from haulage.pipeline.attempt import Attempt
from haulage.pipeline.heart import LOST, Heart
from haulage.pipeline.job import Carrier
from haulage.pipeline.sweeper import Sweeper
from haulage.secrets import public_traceback, redact
from haulage.values import AttemptId, Job

HANDOVER = timedelta(minutes=10)
"""How long a job whose files lie in another workspace waits for it."""

SWEEP_SECONDS = 3600.0
"""How often what nobody needs is removed from the workspace."""

_log = logging.getLogger(__name__)


class Worker:
    """Works for many threads at once, with one heart for all.

    Args:
        store: Remembers jobs.
        carrier: Carries them.
        sweeper: Removes what nobody needs in the workspace.
        lease: How long the store believes in a worker that says nothing.
    """

    def __init__(self, store: MetadataStore, carrier: Carrier, sweeper: Sweeper, lease: timedelta) -> None:
        self._store = store
        self._carrier = carrier
        self._sweeper = sweeper
        self._swept = -SWEEP_SECONDS
        self._lease = lease
        self._lock = threading.Condition()
        self._draining = threading.Event()
        self._attempts: dict[AttemptId, tuple[Attempt, str]] = {}
        self._stopped: set[str] = set()
        self._observers: list[Observer] = []
        self._short: Failure | None = None
        self._heart = Heart(store, lease, self._under_way, carrier.space.watch)
        self._roster = carrier.workspace.roster()
        self._dropped = False

    def watch(self, observer: Observer) -> None:
        """Tell an observer of every event from now on."""
        self._observers.append(observer)

    def unwatch(self, observer: Observer) -> None:
        """Tell it no more."""
        self._drop(observer)

    def work_once(self, batch: str) -> Job | None:
        """Take the next due job and carry it as far as it goes; None where nothing was due.

        Raises:
            HaulageError: What comes next would fail likewise: a storage denies, the metadata store is gone.
        """
        if self._draining.is_set():
            return None
        self._heart.start()  # first: where no thread can be started, nothing is held
        home, fetched = self._carrier.workspace.home, self.paused()
        began = time.monotonic()
        hold = self._store.claim(
            self._roster.name, self._lease, home=home, handover=HANDOVER, batch=batch, fetched=fetched
        )
        if hold is None:
            return None
        attempt = Attempt(self._store, hold, self._lease, self.tell, _log)
        self._heart.holds_since(began, attempt)
        with self._lock:
            self._attempts[attempt.attempt] = (attempt, batch)
            stopped = not self._stopped.isdisjoint((batch, ""))
        if stopped:  # while it was being claimed
            attempt.cancel.cancel("stopped")
        with contextlib.ExitStack() as ends:  # each of them comes, even where the other one raises
            ends.callback(self._forget, attempt)
            ends.callback(self._carrier.workspace.leave, attempt.attempt)
            attempt.begin()
            self._carry(attempt, batch)
        return attempt.job

    def _carry(self, attempt: Attempt, batch: str) -> None:
        try:
            try:
                self._carrier.carry(attempt, batch)
            except Cancelled:
                if attempt.cancel.reason == LOST:
                    raise AttemptLost(Failure(Kind.CRASHED, "the lease ended")) from None
                self._carrier.put_down(attempt)
        except AttemptLost as error:
            attempt.log.warning("another worker has the job now")
            self._carrier.give_up(attempt)
            attempt.lose(error.failure)
        except BaseException as error:  # whatever it is, nobody works on the job any more, which may still be held
            self._dropped = True
            if isinstance(error, StoreError):
                attempt.lose(error.failure)
            elif not isinstance(error, HaulageError):  # of those the job was put down
                attempt.lose(Failure(Kind.BUG, f"{type(error).__name__}: {error}"))
            raise

    def _forget(self, attempt: Attempt) -> None:
        with self._lock:
            del self._attempts[attempt.attempt]
            self._lock.notify_all()

    def paused(self) -> bool:
        """Whether nothing is downloaded now, for want of space; the log and the observers hear of it."""
        short = self._carrier.space.shortage()
        with self._lock:
            changed = (short is None) is not (self._short is None)
            self._short = short
        if changed and short is not None:
            _log.warning("nothing is downloaded until there is room: %s", short, extra={"kind": short.kind.value})
            self.tell(Paused(short))
        elif changed:
            _log.info("there is room again, downloads go on")
            self.tell(Continued())
        return short is not None

    def release_dead(self) -> None:
        """Make due what workers of this workspace hold that have died: nobody has to wait for their leases to end."""
        for name in self._roster.dead():
            count = self._store.release(name)
            _log.info("worker %s has died; it held %d jobs", name, count)

    def sweep(self) -> None:
        """Remove what nobody needs in the workspace, now and then."""
        if time.monotonic() - self._swept >= SWEEP_SECONDS:
            self._sweeper.sweep()
            self._swept = time.monotonic()

    @property
    def draining(self) -> bool:
        """Whether nothing more is claimed."""
        return self._draining.is_set()

    def drain(self) -> None:
        """Claim nothing more; what runs is carried on."""
        self._draining.set()

    def begin(self, batch: str) -> None:
        """Let attempts of a batch begin again that was cancelled before, and make due what an error has left held.

        Raises:
            StoreError: The metadata store failed.
        """
        if self._dropped and not self._attempts:
            self._store.release(self._roster.name)
            self._dropped = False
        with self._lock:
            self._stopped -= {batch, ""}
        self._draining.clear()
        self._swept = -SWEEP_SECONDS

    def cancel(self, batch: str) -> None:
        """End all attempts of a batch ("" is all) as soon as they can; their jobs are due at once."""
        with self._lock:
            self._stopped.add(batch)
            attempts = [attempt for attempt, of in self._attempts.values() if batch in ("", of)]
        for attempt in attempts:
            attempt.cancel.cancel("stopped")

    def abandon(self) -> None:
        """Put down what does not end, from another thread than its own: it can record nothing any more."""
        for attempt in self._under_way():
            with contextlib.suppress(StoreError):
                self._carrier.put_down(attempt)

    def next_due(self, batch: str) -> timedelta | None:
        """How long until a claim may succeed; None where nothing is left."""
        return self._store.next_due(home=self._carrier.workspace.home, handover=HANDOVER, batch=batch)

    def close(self) -> None:
        """Cancel what still runs, wait until it has ended, and stop the heart."""
        self.cancel("")
        with self._lock:
            self._lock.wait_for(lambda: not self._attempts)
        self._heart.close()
        if self._dropped:
            self._roster.leave(self._store)
        else:
            self._roster.close()

    def _under_way(self) -> list[Attempt]:
        with self._lock:
            return [attempt for attempt, _ in self._attempts.values()]

    def tell(self, event: Event) -> None:
        """Tell all observers of an event, from any thread."""
        for observer in tuple(self._observers):
            try:
                observer(event)
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # SystemExit and Cancelled too: they would end the job, or the thread
                if self._drop(observer):  # of the threads that it raises in, one warns
                    known = isinstance(error, HaulageError)
                    reason = redact(str(error) if known else f"{type(error).__name__}: {error}")
                    told = {} if known else {"traceback": public_traceback(error)}
                    _log.warning("observer %r raised and is told no more: %s", observer, reason, extra=told)

    def _drop(self, observer: Observer) -> bool:
        with self._lock:
            found = observer in self._observers
            if found:
                self._observers.remove(observer)
        return found
