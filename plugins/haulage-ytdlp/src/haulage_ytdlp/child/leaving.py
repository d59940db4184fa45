"""Have SIGTERM end what a fetch process does, by SystemExit in its main thread."""

import signal
import sys
from typing import Any, NoReturn


class _Leaving(SystemExit):
    def __del__(self) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0.1)  # not now, while something is destroyed


def heed_sigterm() -> None:
    """Raise SystemExit on SIGTERM, and once more a moment after it was dropped, until it was heard.

    Python may run the handler of a signal while an object is destroyed, and nobody hears what is raised there: some of
    it is given to `sys.unraisablehook`, and some, as what the `closed` of a stream raises, is dropped without a word.
    """

    def leave(*_: object) -> NoReturn:
        raise _Leaving(1)

    def ignored(unraisable: Any) -> None:
        if not isinstance(unraisable.exc_value, _Leaving):
            sys.__unraisablehook__(unraisable)

    for number in (signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, leave)
    sys.unraisablehook = ignored


def heard() -> None:
    """Let what the process has to do before it ends be done: it is told no more."""
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
