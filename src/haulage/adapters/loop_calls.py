"""Calls from a thread into an event loop that runs in another one, such as the one that fsspec keeps."""

import contextlib
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

from haulage.contracts.context import Cancel

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Task

_T = TypeVar("_T")


def run_on_loop(loop: "AbstractEventLoop", work: Coroutine[Any, Any, _T], cancel: Cancel | None = None) -> _T:
    """Run a coroutine to its end, and return or raise what it does.

    When this returns or raises, nothing of the coroutine runs any more: after a cancel, too, so that what is done next
    (ending an upload, for one) cannot be overtaken by it. It has no deadline of its own; `asyncio.timeout` in the
    coroutine is one.

    Args:
        loop: Runs in another thread.
        work: What to run.
        cancel: Ends it.

    Raises:
        Cancelled: It was cancelled, and the coroutine did not finish before; it did not begin where that came first.
    """
    ended: Future[Task[_T]] = Future()
    tasks: list[Task[_T]] = []

    def begin() -> None:
        tasks.append(loop.create_task(work))
        tasks[0].add_done_callback(ended.set_result)

    def stop() -> None:
        loop.call_soon_threadsafe(lambda: tasks[0].cancel())  # after `begin`: the loop keeps their order

    try:
        if cancel is not None:
            cancel.raise_if_cancelled()
    except BaseException:
        work.close()
        raise
    loop.call_soon_threadsafe(begin)
    try:
        with cancel.on_cancel(stop) if cancel is not None else contextlib.nullcontext():
            task = ended.result()
    except BaseException:  # Ctrl-C in the main thread
        stop()
        raise
    if task.cancelled() and cancel is not None:
        cancel.raise_if_cancelled()
    return task.result()
