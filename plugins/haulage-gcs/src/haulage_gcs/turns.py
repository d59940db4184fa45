"""One thread at a time for one object, so that a look and what is done upon it are one step in this process."""

import contextlib
import threading
from collections.abc import Iterator

from haulage.plugin import Cancel

_changed = threading.Condition()
_busy: set[str] = set()


@contextlib.contextmanager
def turn(name: str, cancel: Cancel | None = None) -> Iterator[None]:
    """Wait until no other thread of this process, with whatever storage, is in such a block for the same name.

    The service decides between writers by preconditions; where it passes over them, as emulators do, this decides
    between those of one process.

    Args:
        name: The endpoint, the bucket and the object.
        cancel: Ends the waiting.

    Raises:
        Cancelled: It was cancelled before its turn came.
    """
    with cancel.on_cancel(_wake) if cancel else contextlib.nullcontext(), _changed:
        while name in _busy:
            if cancel:
                cancel.raise_if_cancelled()
            _changed.wait()
        _busy.add(name)
    try:
        yield
    finally:
        with _changed:
            _busy.discard(name)
            _changed.notify_all()


def _wake() -> None:
    with _changed:
        _changed.notify_all()
