"""The part of an upload that is the same for every store."""

import hashlib
from abc import abstractmethod

from haulage.contracts.context import Context
from haulage.contracts.storage import StoredObject, Upload
from haulage.errors import Failure, Kind, StorageError


class CheckedUpload(Upload):
    """Counts and hashes what is written, and publishes only what was announced, once.

    Args:
        name: What people call the object.
        ctx: Of the call to `begin`.
    """

    def __init__(self, name: str, ctx: Context) -> None:
        self._name, self._ctx = name, ctx
        self._size, self._digest = 0, hashlib.sha256()
        self._failed = self._ended = False

    @abstractmethod
    def _append(self, data: bytes | memoryview) -> None:
        """Write all of it; called once at a time, and not after it raised."""

    @abstractmethod
    def _publish(self) -> StoredObject:
        """Make `self._size` bytes visible; called once at most."""

    @abstractmethod
    def _discard(self) -> None:
        """Leave nothing unpublished; called any number of times."""

    def write(self, data: bytes | memoryview) -> None:
        """See Upload."""
        self._ctx.cancel.raise_if_cancelled()
        self._check_open()
        self._failed = True  # until it went well, whatever ends it
        self._append(data)
        self._failed = False
        self._digest.update(data)
        self._size += memoryview(data).nbytes

    def commit(self, *, size: int, sha256: str) -> StoredObject:
        """See Upload. Raises Cancelled on cancel, and ends the upload whatever becomes of it."""
        try:
            self._ctx.cancel.raise_if_cancelled()
            self._check_open()
            if self._size != size:
                raise self._refusal(f"{self._size} bytes were written, not the {size} announced")
            if self._digest.hexdigest() != sha256:
                raise self._refusal("other bytes were written than were announced")
            return self._publish()
        finally:
            self.abort()

    def abort(self) -> None:
        """See Upload."""
        self._ended = True
        self._discard()

    def _check_open(self) -> None:
        if self._failed or self._ended:
            raise self._refusal("the upload failed or ended before")

    def _refusal(self, message: str) -> StorageError:
        return StorageError(Failure(Kind.STORAGE, f"{self._name}: {message}"))
