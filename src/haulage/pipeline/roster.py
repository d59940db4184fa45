"""Who works in a workspace: a locked file a worker, so that others see at once when one has died."""

import contextlib
import logging
import os
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path

from haulage.contracts.metadata import MetadataStore
from haulage.errors import StoreError
from haulage.locks import Lock

_log = logging.getLogger(__name__)


class Roster:
    """The workers of one workspace.

    Args:
        folder: Where their files lie; made when it is missing.

    Raises:
        OSError: It cannot be used.

    Attributes:
        name: The name of the worker that made this, unique, with host and process for people.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        while True:
            self.name = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
            self._file = folder / self.name
            with contextlib.suppress(FileExistsError):
                self._folder.mkdir()
            try:
                self._file.touch()
                self._lock = Lock.exclusive(self._file)
            except (BlockingIOError, FileNotFoundError):
                continue  # the folder went with its last worker, or the file was taken for a dead one's
            return

    def dead(self) -> Iterator[str]:
        """Yield the names of workers that died, each until somebody has dealt with it and asks for the next."""
        for file in list(self._folder.glob("*:*")):
            if file == self._file:
                continue
            with contextlib.suppress(OSError), Lock.exclusive(file):  # in use, or another process was quicker
                yield file.name
                file.unlink()

    def abandon(self) -> None:
        """Leave as one who died: something is still held."""
        self._lock.close()

    def leave(self, store: MetadataStore) -> None:
        """Leave although something may be held: it is due at once, or as soon as others find that this one has left."""
        try:
            store.release(self.name)
        except StoreError as error:
            _log.warning("a job stays held, since the metadata store fails: %s", error)
            self.abandon()
        else:
            self.close()

    def close(self) -> None:
        """Leave: nothing is held any more."""
        self._file.unlink(missing_ok=True)
        self._lock.close()
        with contextlib.suppress(OSError):  # others work here
            self._folder.rmdir()
