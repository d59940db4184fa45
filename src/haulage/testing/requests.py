"""The site's own log of what it was asked and what it sent."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from attrs import evolve, frozen


@frozen
class Served:
    """One request, as far as it has come.

    Attributes:
        at: When it arrived, by time.monotonic().
        method: "GET" or "HEAD".
        path: As it was sent, with the query.
        status: Of the reply.
        range_header: The Range that was asked for, as it was sent.
        body_bytes: How many bytes of the body the socket took.
        complete: Whether it ended as HTTP has it, with every byte that was announced.
        ended: When it ended, by time.monotonic(); None while it is under way.
    """

    at: float
    method: str
    path: str
    status: int
    range_header: str | None = None
    body_bytes: int = 0
    complete: bool = False
    ended: float | None = None


class RequestLog:
    """All requests in the order of their replies' beginnings; for any number of threads."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._entries: dict[int, Served] = {}
        self._next = 0

    def entries(self) -> tuple[Served, ...]:
        """Everything so far, requests under way among it."""
        with self._changed:
            return tuple(self._entries.values())

    def forget_ended(self) -> None:
        """Forget the requests that have ended."""
        with self._changed:
            self._entries = {number: one for number, one in self._entries.items() if one.ended is None}

    def wait_for(self, condition: Callable[[tuple[Served, ...]], bool], timeout: float) -> tuple[Served, ...]:
        """Wait for a condition of the entries, and return them; TimeoutError after `timeout` seconds."""
        with self._changed:
            if not self._changed.wait_for(lambda: condition(self.entries()), timeout):
                raise TimeoutError(f"not within {timeout} s; the log holds {self.entries()}")
            return self.entries()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold readers back, so that who has read a byte finds it counted."""
        with self._changed:
            yield

    def begin(self, served: Served) -> int:
        """Add an entry, and return its number."""
        with self._changed:
            self._next += 1
            self._entries[self._next] = served
            self._changed.notify_all()
            return self._next

    def add(self, number: int, count: int) -> None:
        """Count bytes of a body."""
        with self._changed:
            entry = self._entries[number]
            self._entries[number] = evolve(entry, body_bytes=entry.body_bytes + count)
            self._changed.notify_all()

    def end(self, number: int, *, complete: bool) -> None:
        """Mark an entry as ended, unless it is already."""
        with self._changed:
            entry = self._entries.get(number)
            if entry is not None and entry.ended is None:
                self._entries[number] = evolve(entry, complete=complete, ended=time.monotonic())
                self._changed.notify_all()
