"""Have SIGTERM end what a fetch process does, by SystemExit in its main thread."""

import signal
import sys
from typing import Any

_MOMENT = 0.1
"""Seconds after which an order that is cancelled is told once more to end."""


def heed_sigterm() -> None:
    """Raise SystemExit on SIGTERM, and once more each moment until it was heard.

    Python may run the handler of a signal while an object is destroyed, and nobody hears what is raised there: some of
    it is given to `sys.unraisablehook`, and some, as what the `closed` of a stream raises, is dropped without a word.
    """

    def leave(*_: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, _MOMENT)
        sys.exit(1)

    def ignored(unraisable: Any) -> None:
        if unraisable.exc_type is not SystemExit:
            sys.__unraisablehook__(unraisable)

    for number in (signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, leave)
    sys.unraisablehook = ignored


def heard() -> None:
    """Let what the process has to do before it ends be done: it is told no more."""
    signal.setitimer(signal.ITIMER_REAL, 0)
