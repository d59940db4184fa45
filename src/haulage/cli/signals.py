"""What Ctrl-C and SIGTERM do to a run."""

import _thread
import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from types import FrameType
from typing import Any, ClassVar, NoReturn

from haulage.cli.exits import Exit

_PATIENCE_SECONDS = 3.2
"""How long an interrupted run may take to end by itself: an upload is ended within 3 s, a fetch within 2."""

_LAST_SECONDS = 1.0

_MOMENT = 0.05
"""Seconds after which an interrupt that got lost comes again."""


class Interrupt(KeyboardInterrupt):
    """Ends what the main thread does; where Python loses it, it comes again a moment later, until it was `heard`.

    Python may run the handler of a signal while an object is destroyed, and nobody hears what is raised there: some of
    it is given to `sys.unraisablehook`, and some, as what the `closed` of a stream raises, is dropped without a word.
    """

    last: ClassVar[int | None] = None
    """The last one, as long as nobody has heard it."""
    lost: ClassVar[bool] = False
    """Whether that is gone."""

    def __init__(self) -> None:
        Interrupt.last, Interrupt.lost = id(self), False

    def __del__(self) -> None:
        if Interrupt.last == id(self):
            Interrupt.lost = True
            _thread.start_new_thread(_again, ())  # takes no lock, which what is being destroyed may hold


def _again() -> None:
    time.sleep(_MOMENT)
    if Interrupt.lost:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)


def _interrupt(*_: object) -> NoReturn:
    raise Interrupt


def heard() -> None:
    """Let the last interrupt not come again: what it should end has ended."""
    Interrupt.last, Interrupt.lost = None, False


def show_cursor(end: bytes = b"") -> None:
    """Show the cursor of the terminal, which a display has hidden that nobody ends; also from a signal's handler."""
    if sys.stderr.isatty() and os.environ.get("TERM") not in ("dumb", "unknown"):
        os.write(2, b"\x1b[?25h" + end)  # not by what is buffered: the handler may have interrupted that


def heed() -> None:
    """Have SIGTERM end a program as Ctrl-C does, and neither of them get lost; `heard` says when it was ended."""

    def unheard(told: Any) -> None:
        if not isinstance(told.exc_value, Interrupt):
            sys.__unraisablehook__(told)

    sys.unraisablehook = unheard
    signal.signal(signal.SIGTERM, _interrupt)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # and not ignored, as in the background
        signal.signal(signal.SIGINT, _interrupt)


@contextlib.contextmanager
def graceful(
    stop: Callable[[], bool],
    say: Callable[[str], None],
    give_up: Callable[[], None],
    within: timedelta | None = None,
) -> Iterator[Callable[[], bool]]:
    """Let the first Ctrl-C stop a run, the second one and SIGTERM interrupt it, and the one after that end the program.

    A run that was interrupted and does not end within seconds, since something in it heeds nobody, is left.

    Args:
        stop: Lets the run claim nothing more; whether something runs that will be finished.
        say: Tells people what happens.
        give_up: Is called, in a thread of its own and for a second at most, before an interrupted run is left.
        within: How long the run may take; one that goes on for seconds after that is left likewise.

    Yields:
        Whether the run was stopped.
    """
    stopping = interrupted = False
    over = threading.Event()

    def leave(seconds: float = 0) -> None:
        if not over.wait(seconds + _PATIENCE_SECONDS):
            giving_up = threading.Thread(target=give_up, daemon=True)
            giving_up.start()
            giving_up.join(_LAST_SECONDS)
            show_cursor(b"\n")
            os._exit(Exit.STOPPED)

    def handle(number: int, _: FrameType | None) -> None:
        nonlocal stopping, interrupted
        if interrupted:
            if number == signal.SIGINT:
                show_cursor(b"\n")
                os._exit(Exit.KILLED)
            if Interrupt.lost:
                _interrupt()
            return
        if number == signal.SIGINT and not stopping and stop():
            stopping = True
            say("finishing what runs; press Ctrl-C again to stop now, and go on later")
            return
        interrupted = True
        threading.Thread(target=leave, name="haulage-leave", daemon=True).start()
        _interrupt()

    if within is not None:
        seconds = min(within.total_seconds(), threading.TIMEOUT_MAX - _PATIENCE_SECONDS)
        threading.Thread(target=leave, args=(seconds,), name="haulage-limit", daemon=True).start()
    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: stopping
    finally:
        over.set()
        heard()
        for number, handler in before.items():
            signal.signal(number, handler)
