"""What Ctrl-C and SIGTERM do to a run."""

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from types import FrameType

from haulage.cli.exits import Exit


@contextlib.contextmanager
def graceful(
    stop: Callable[[], bool], say: Callable[[str], None], abandon: Callable[[], None]
) -> Iterator[Callable[[], bool]]:
    """Let the first Ctrl-C stop a run, the second one and SIGTERM interrupt it, and the one after that end the program.

    Args:
        stop: Lets the run claim nothing more; whether something runs that will be finished.
        say: Tells people what happens.
        abandon: Is called before the program ends on the spot.

    Yields:
        Whether the run was stopped.
    """
    stopping = interrupted = False

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
        raise KeyboardInterrupt

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: stopping
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
