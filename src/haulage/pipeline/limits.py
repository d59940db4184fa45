"""When a run ends early."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Literal

from attrs import field, frozen


@frozen
class Limits:
    """What ends a run before its work is done; what is left stays in the queue.

    Attributes:
        max_duration: How long it may take. What runs then is put down, as where its loop is left, and goes on later.
        max_bytes: How much it may store, all its files in all storages together: then nothing new is begun, and what
            runs is finished.
        clock: Tells seconds that never go backwards.
    """

    max_duration: timedelta | None = None
    max_bytes: int | None = None
    clock: Callable[[], float] = time.monotonic


NO_LIMITS = Limits()
"""Those of a run that ends when its work is done."""


@frozen
class Watch:
    """The limits of a run that has begun.

    Attributes:
        limits: What they are.
        began: When it began, by their clock.
    """

    limits: Limits
    began: float = field()

    @began.default
    def _now(self) -> float:
        return self.limits.clock()

    @property
    def seconds(self) -> float:
        """How long it may go on; infinite where time does not matter."""
        if self.limits.max_duration is None:
            return float("inf")
        return self.began + self.limits.max_duration.total_seconds() - self.limits.clock()

    def reached(self, stored: int) -> Literal["max_duration", "max_bytes"] | None:
        """Which limit a run has reached that has stored so many bytes; None where it may go on."""
        if self.seconds <= 0:
            return "max_duration"
        return "max_bytes" if self.limits.max_bytes is not None and stored >= self.limits.max_bytes else None
