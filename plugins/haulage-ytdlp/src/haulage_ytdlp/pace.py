"""How long a fetch process may go on without getting anywhere."""

import time
from typing import Any

from haulage.plugin import Failure, Kind
from haulage_ytdlp import wire

READING, DOWNLOADING, FINISHING = 300.0, 60.0, 3600.0
"""Seconds without a step: while pages are read, while bytes come, and while what has come is merged and checked."""

LONGEST = 24 * 3600.0
"""Seconds that one order may take in all. A direct download goes on from there with the next attempt."""

STEP = 64 << 10
"""How many bytes are a step, while bytes come."""


class Pace:
    """Watches over one process. Sockets have deadlines of their own, which a byte now and then keeps from ending.

    Args:
        rate_limit: How many bytes a second the operator allows.
    """

    def __init__(self, rate_limit: int | None = None) -> None:
        self._step = min(STEP, rate_limit * DOWNLOADING / 2) if rate_limit else STEP
        self._mark: int | None = None
        self._patience = READING
        self._stepped = self._began = time.monotonic()

    def heard(self, report: Any) -> None:
        """Note what the process says."""
        if isinstance(report, wire.Progress) and report.done != report.total:
            if self._mark is not None and abs(report.done - self._mark) < self._step:
                return
            self._mark, self._patience = report.done, DOWNLOADING
        elif isinstance(report, wire.Progress):
            self._mark, self._patience = None, FINISHING
        self._stepped = time.monotonic()

    @property
    def left(self) -> float:
        """Seconds until the process has to have made its next step; less than zero where it is too late."""
        return min(self._stepped + self._patience, self._began + LONGEST) - time.monotonic()

    def failure(self) -> Failure:
        """What to say where it was too late."""
        if time.monotonic() - self._began >= LONGEST:
            return Failure(Kind.TRANSIENT, f"it was not done within {LONGEST / 3600:g} h")
        said = f"fewer than {self._step:.0f} bytes came" if self._mark is not None else "nothing came"
        return Failure(Kind.TRANSIENT, f"{said} within {self._patience:g} s")
