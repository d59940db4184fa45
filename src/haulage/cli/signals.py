"""What Ctrl-C and SIGTERM do to a run."""

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from types import FrameType

from haulage.cli.exits import Exit

_PATIENCE_SECONDS = 3.2
"""How long an interrupted run may take to end by itself: an upload is ended within 3 s, a fetch within 2."""

_LAST_SECONDS = 1.0


@contextlib.contextmanager
def graceful(
    stop: Callable[[], bool],
    say: Callable[[str], None],
    abandon: Callable[[], None],
    give_up: Callable[[], None],
    within: timedelta | None = None,
) -> Iterator[Callable[[], bool]]:
    """Let the first Ctrl-C stop a run, the second one and SIGTERM interrupt it, and the one after that end the program.

    A run that was interrupted and does not end within seconds, since something in it heeds nobody, is left.

    Args:
        stop: Lets the run claim nothing more; whether something runs that will be finished.
        say: Tells people what happens.
        abandon: Is called before the program ends on the spot.
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
            abandon()
            os._exit(Exit.STOPPED)

    def handle(number: int, _: FrameType | None) -> None:
        nonlocal stopping, interrupted
        if interrupted:
            if number == signal.SIGINT:
                abandon()
                os._exit(Exit.KILLED)
            return
        if number == signal.SIGINT and not stopping and stop():
            stopping = True
            say("finishing what runs; press Ctrl-C again to stop now, and go on later")
            return
        interrupted = True
        threading.Thread(target=leave, name="haulage-leave", daemon=True).start()
        raise KeyboardInterrupt

    if within is not None:
        seconds = min(within.total_seconds(), threading.TIMEOUT_MAX - _PATIENCE_SECONDS)
        threading.Thread(target=leave, args=(seconds,), name="haulage-limit", daemon=True).start()
    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: stopping
    finally:
        over.set()
        for number, handler in before.items():
            signal.signal(number, handler)
