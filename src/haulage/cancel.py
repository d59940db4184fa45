"""Cancelling work that runs in another thread."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator


class Cancelled(BaseException):
    """The work was told to end; never swallow it. Not an Exception, so that `except Exception` lets it through."""


class CancelToken:
    """Tells one attempt that it shall end. All methods may be called from any thread, any number of times."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: list[Callable[[], None]] = []
        self._reason: str | None = None
        self._end: tuple[float, str] | None = None

    @property
    def reason(self) -> str | None:
        """Why the work was cancelled; None while it was not."""
        return self._reason

    def cancel(self, reason: str) -> None:
        """Cancel; the first reason counts. Runs the registered calls in this thread."""
        with self._lock:
            if self._reason is not None:
                return
            self._reason = reason
            calls = list(self._calls)
        for call in calls:
            call()

    def expire_at(self, moment: float, reason: str) -> None:
        """Be cancelled by itself, for a reason, at a moment of `time.monotonic`; the moment that was named last counts.

        It is seen when somebody asks, so that a process that was stopped notices before it does anything more.
        """
        self._end = (moment, reason)

    def raise_if_cancelled(self) -> None:
        """Raise Cancelled if the work was cancelled."""
        if self._end is not None and time.monotonic() >= self._end[0]:
            self.cancel(self._end[1])
        if self._reason is not None:
            raise Cancelled(self._reason)

    @contextlib.contextmanager
    def on_cancel(self, call: Callable[[], None]) -> Iterator[None]:
        """Have `call` run, from any thread, if the work is cancelled while the block runs; at once if it was before.

        `call` must be quick and must not raise.
        """
        with self._lock:
            now = self._reason is not None
            if not now:
                self._calls.append(call)
        if now:
            call()
        try:
            yield
        finally:
            with self._lock:
                if call in self._calls:
                    self._calls.remove(call)
