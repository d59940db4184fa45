"""How late a busy machine is, so that a test of deadlines measures the program and not its neighbours."""

import threading
import time
from typing import Self

_NAP = 0.01
_USUAL = 0.005


class Lateness:
    """Sleeps for a moment again and again inside its `with` block, and notes how late it is woken."""

    def __init__(self) -> None:
        self._late: list[tuple[float, float]] = []
        self._awake = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._sleep, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _sleep(self) -> None:
        while not self._over.is_set():
            asleep = time.monotonic()
            time.sleep(_NAP)
            awake = time.monotonic()
            if awake - asleep - _NAP > _USUAL:
                self._late.append((asleep + _NAP, awake))
            self._awake = awake

    def between(self, began: float, ended: float) -> float:
        """By how many seconds it was woken too late between two moments, all in all."""
        while self._awake < ended and self._thread.is_alive():  # it may be late for just this moment
            time.sleep(_NAP)
        return sum(max(0.0, min(awake, ended) - max(due, began)) for due, awake in tuple(self._late))
