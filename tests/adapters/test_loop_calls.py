"""Coroutines that a thread waits for."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from haulage.cancel import Cancelled, CancelToken
from haulage.plugin import run_on_loop


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """A loop that runs in another thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def test_a_result_is_returned_and_an_error_raised(loop):
    """What the coroutine returns or raises reaches the thread that asked."""

    async def work(fails: bool) -> str:
        if fails:
            raise OSError("no")
        return "done"

    assert run_on_loop(loop, work(fails=False)) == "done"
    with pytest.raises(OSError, match="no"):
        run_on_loop(loop, work(fails=True))


def test_nothing_runs_any_more_after_a_cancel(loop):
    """Cancelled is raised when the coroutine has cleaned up, and not before."""
    cancel, steps = CancelToken(), []

    async def work() -> None:
        cancel.cancel("enough")
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.05)
            steps.append("cleaned up")

    with pytest.raises(Cancelled, match="enough"):
        run_on_loop(loop, work(), cancel)
    assert steps == ["cleaned up"]


def test_what_was_cancelled_before_does_not_begin(loop):
    """A cancel that came first ends the coroutine before its first step."""
    cancel, steps = CancelToken(), []
    cancel.cancel("enough")

    async def work() -> None:
        steps.append("began")

    with pytest.raises(Cancelled):
        run_on_loop(loop, work(), cancel)
    assert steps == []


def test_a_result_that_was_there_before_the_cancel_counts(loop):
    """What was done is told of, for the caller to know that it was."""
    cancel = CancelToken()

    async def work() -> str:
        cancel.cancel("enough")
        return "done"

    assert run_on_loop(loop, work(), cancel) == "done"
