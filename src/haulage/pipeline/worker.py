"""A process's worker: claims jobs, carries them, and keeps their leases alive."""

import logging
import threading
import time
from datetime import timedelta

from haulage.cancel import Cancelled
from haulage.contracts.metadata import MetadataStore
from haulage.contracts.policies import Event, Observer
from haulage.errors import AttemptLost, Failure, Kind
from haulage.pipeline.attempt import Attempt
from haulage.pipeline.job import Carrier
from haulage.values import AttemptId, Job

HANDOVER = timedelta(minutes=10)
"""How long a job whose files lie in another workspace waits for it."""

BEAT_SECONDS = 1.0

_LOST = "lost"

_log = logging.getLogger(__name__)


class Worker:
    """Works for many threads at once, with one heart for all.

    Args:
        store: Remembers jobs.
        carrier: Carries them.
        lease: How long the store believes in a worker that says nothing.
    """

    def __init__(self, store: MetadataStore, carrier: Carrier, lease: timedelta) -> None:
        self._store = store
        self._carrier = carrier
        self._lease = lease
        self._lock = threading.Condition()
        self._draining = threading.Event()
        self._attempts: dict[AttemptId, tuple[Attempt, str]] = {}
        self._stopped: set[str] = set()
        self._observers: list[Observer] = []
        self._heart: threading.Thread | None = None
        self._closed = threading.Event()
        self._roster = carrier.workspace.roster()

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
        home = self._carrier.workspace.home
        hold = self._store.claim(self._roster.name, self._lease, home=home, handover=HANDOVER, batch=batch)
        if hold is None:
            return None
        attempt = Attempt(self._store, hold, self._lease, self._tell, _log)
        with self._lock:
            self._attempts[attempt.attempt] = (attempt, batch)
            self._start_heart()
            stopped = not self._stopped.isdisjoint((batch, ""))
        if stopped:  # while it was being claimed
            attempt.cancel.cancel("stopped")
        try:
            try:
                self._carrier.carry(attempt, batch)
            except Cancelled:
                if attempt.cancel.reason == _LOST:
                    raise AttemptLost(Failure(Kind.CRASHED, "the lease ended")) from None
                self._carrier.put_down(attempt)
        except AttemptLost:
            attempt.log.warning("another worker has the job now")
            self._carrier.give_up(attempt)
        finally:
            self._carrier.workspace.leave(attempt.attempt)
            with self._lock:
                del self._attempts[attempt.attempt]
                self._lock.notify_all()
        return attempt.job

    def release_dead(self) -> None:
        """Make due what workers of this workspace hold that have died: nobody has to wait for their leases to end."""
        for name in self._roster.dead():
            count = self._store.release(name)
            _log.info("worker %s has died; it held %d jobs", name, count)

    @property
    def draining(self) -> bool:
        """Whether nothing more is claimed."""
        return self._draining.is_set()

    def drain(self) -> None:
        """Claim nothing more; what runs is carried on."""
        self._draining.set()

    def begin(self, batch: str) -> None:
        """Let attempts of a batch begin again that was cancelled before."""
        with self._lock:
            self._stopped -= {batch, ""}
        self._draining.clear()
        self.release_dead()

    def cancel(self, batch: str) -> None:
        """End all attempts of a batch ("" is all) as soon as they can; their jobs are due at once."""
        with self._lock:
            self._stopped.add(batch)
            attempts = [attempt for attempt, of in self._attempts.values() if batch in ("", of)]
        for attempt in attempts:
            attempt.cancel.cancel("stopped")

    def next_due(self, batch: str) -> timedelta | None:
        """How long until a claim may succeed; None where nothing is left."""
        return self._store.next_due(home=self._carrier.workspace.home, handover=HANDOVER, batch=batch)

    def close(self) -> None:
        """Cancel what still runs, wait until it has ended, and stop the heart."""
        self.cancel("")
        with self._lock:
            self._lock.wait_for(lambda: not self._attempts)
        self._closed.set()
        if self._heart is not None:
            self._heart.join()
        self._roster.close()

    def _start_heart(self) -> None:
        if self._heart is None:
            self._heart = threading.Thread(target=self._beat, name="haulage-heart", daemon=True)
            self._heart.start()

    def _beat(self) -> None:
        last = time.monotonic()
        while not self._closed.wait(min(BEAT_SECONDS, self._lease.total_seconds() / 4)):
            with self._lock:
                attempts = {key: attempt for key, (attempt, _) in self._attempts.items()}
            lost: set[AttemptId] = set()
            try:
                if attempts:
                    lost = set(self._store.beat([each.position for each in attempts.values()], self._lease))
                last = time.monotonic()
            except Exception as error:  # whatever it is: without beats the leases end
                _log.warning("cannot reach the metadata store: %s", error)
                if time.monotonic() - last > self._lease.total_seconds() / 2:
                    lost = set(attempts)  # before the leases end and another worker begins
            for key in lost:
                attempts[key].cancel.cancel(_LOST)

    def _tell(self, event: Event) -> None:
        for observer in tuple(self._observers):
            try:
                observer(event)
            except KeyboardInterrupt:
                raise
            except BaseException:  # SystemExit and Cancelled too: they would end the job, or the thread
                if self._drop(observer):  # of the threads that it raises in, one warns
                    _log.warning("observer %r raised and is told no more", observer, exc_info=True)

    def _drop(self, observer: Observer) -> bool:
        with self._lock:
            found = observer in self._observers
            if found:
                self._observers.remove(observer)
        return found
