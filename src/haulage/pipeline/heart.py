"""Keep the leases of attempts alive."""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from datetime import timedelta

from haulage.contracts.metadata import MetadataStore
from haulage.pipeline.attempt import Attempt

BEAT_SECONDS = 1.0

LOST = "lost"
"""Why an attempt is cancelled whose job is another one's."""

_log = logging.getLogger(__name__)


class Heart:
    """Beats once a second for all attempts of a worker, in a thread of its own, and cancels those that are lost.

    Where the store cannot be reached for half a lease, all are: their leases end before another worker begins.

    Args:
        store: Remembers jobs.
        lease: How long it believes in a worker that says nothing.
        attempts: Those that are under way; asked before each beat.
        also: What else is done at each beat.
    """

    def __init__(
        self,
        store: MetadataStore,
        lease: timedelta,
        attempts: Callable[[], Iterable[Attempt]],
        also: Callable[[], None] = lambda: None,
    ) -> None:
        self._store, self._lease = store, lease
        self._attempts, self._also = attempts, also
        self._lock, self._closed = threading.Lock(), threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to beat, unless it does already. From any thread."""
        with self._lock:
            if self._thread is None:
                thread = threading.Thread(target=self._beat, name="haulage-heart", daemon=True)
                thread.start()
                self._thread = thread

    def close(self) -> None:
        """Stop for good, and wait until it has. Harmless a second time."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join()

    def holds_since(self, moment: float, *attempts: Attempt) -> None:
        """Let no attempt begin anything once its lease is over, even where this process was stopped meanwhile.

        Args:
            moment: When its job was claimed, or the beat sent, or before, by `time.monotonic`.
            attempts: Which ones.
        """
        for attempt in attempts:
            attempt.cancel.expire_at(moment + self._lease.total_seconds(), LOST)

    def _beat(self) -> None:
        last = time.monotonic()
        while not self._closed.wait(min(BEAT_SECONDS, self._lease.total_seconds() / 4)):
            attempts = {each.attempt: each for each in self._attempts()}
            self._also()
            began, lost = time.monotonic(), set(attempts)
            try:
                if attempts:
                    lost = set(self._store.beat([each.position for each in attempts.values()], self._lease))
                self.holds_since(began, *(each for key, each in attempts.items() if key not in lost))
                last = time.monotonic()
            except Exception as error:  # whatever it is: without beats the leases end
                _log.warning("cannot reach the metadata store: %s", error)
                if time.monotonic() - last <= self._lease.total_seconds() / 2:
                    continue
            for key in lost:
                attempts[key].cancel.cancel(LOST)
