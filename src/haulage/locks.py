"""Locks that end with the process that holds them, however it dies: how others know that it is there.

They are advisory `flock` locks of the operating system. On a file system without them nothing can be locked, and who
asks is told so.
"""

import contextlib
import fcntl
import os
from pathlib import Path
from typing import Self


class Lock:
    """A file or folder that is locked while this is open. A context manager; closing it twice is harmless."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    @classmethod
    def shared(cls, path: Path) -> Self:
        """Say that a folder is being used; any number of processes may.

        Raises:
            OSError: It is not there, or somebody takes it over right now.
        """
        return cls(_locked(path, fcntl.LOCK_SH | fcntl.LOCK_NB))

    @classmethod
    def exclusive(cls, path: Path) -> Self:
        """Have a file or folder that nobody else uses.

        Raises:
            OSError: It is not there, or in use (BlockingIOError).
        """
        return cls(_locked(path, fcntl.LOCK_EX | fcntl.LOCK_NB))

    def share(self) -> None:
        """Let others use it too, from now on."""
        assert self._descriptor is not None
        fcntl.flock(self._descriptor, fcntl.LOCK_SH)

    def close(self) -> None:
        """Give the lock up."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _locked(path: Path, how: int) -> int:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    with contextlib.ExitStack() as undo:
        undo.callback(os.close, descriptor)
        fcntl.flock(descriptor, how)
        # Until the lock was had, another process may have given the path to something else.
        if not os.path.samestat(os.fstat(descriptor), path.stat()):
            raise FileNotFoundError(f"{path} was moved")
        undo.pop_all()
    return descriptor
