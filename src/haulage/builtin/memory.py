"""Objects in this process, gone with its last storage of their name: for tests, and for trying things out."""

import io
import itertools
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO
from weakref import WeakValueDictionary

from attrs import frozen

from haulage.adapters.checked_upload import CheckedUpload
from haulage.contracts.context import Context
from haulage.contracts.storage import ObjectInfo, Storage, StoredObject
from haulage.errors import AlreadyExists, Failure, Kind, StorageError
from haulage.keys import check_found, check_key


@frozen
class _Held:
    told: StoredObject
    data: bytes


class MemoryUpload(CheckedUpload):
    """Gathers bytes that nobody else sees; `commit` puts them among the objects in one step."""

    def __init__(
        self, storage: "MemoryStorage", key: str, info: ObjectInfo, replaces: StoredObject | None, ctx: Context
    ) -> None:
        super().__init__(storage.url(key), ctx)
        self._storage, self._key, self._info, self._replaces = storage, key, info, replaces
        self._data = io.BytesIO()

    def _append(self, data: bytes | memoryview) -> None:
        self._data.write(data)

    def _publish(self) -> StoredObject:
        return self._storage.publish(self._key, self._data.getvalue(), self._info, self._replaces)

    def _discard(self) -> None:
        self._data = io.BytesIO()


class Shelf:
    """Where objects are; it is gone with the last storage that has it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.held: dict[str, _Held] = {}
        self.versions = itertools.count(1)


_shelves: WeakValueDictionary[tuple[Path, str], Shelf] = WeakValueDictionary()
_finding = threading.Lock()


def shelf_of(folder: Path, name: str) -> Shelf:
    """Find the shelf that storages of one name, of configs in one folder, share in this process."""
    with _finding:
        found = _shelves.get((folder, name))
        if found is None:
            found = _shelves[folder, name] = Shelf()
        return found


class MemoryStorage(Storage):
    """Objects are bytes in this process. Safe to use from many threads; other processes see nothing of them.

    Args:
        name: What it is called in the URLs of its objects.
        shelf: Where its objects are; by default where no other storage sees them.
    """

    def __init__(self, name: str, shelf: Shelf | None = None) -> None:
        self._name = name
        self._shelf = shelf or Shelf()
        self._readable = check_key

    def begin(
        self,
        key: str,
        info: ObjectInfo,
        ctx: Context,
        *,
        replaces: StoredObject | None = None,
        size: int | None = None,  # noqa: ARG002 - memory needs no such hint
    ) -> MemoryUpload:
        """See Storage."""
        return MemoryUpload(self, check_key(key), info, replaces, ctx)

    def publish(self, key: str, data: bytes, info: ObjectInfo, replaces: StoredObject | None) -> StoredObject:
        """Make an object visible as a whole, where what is there is what it may replace.

        Raises:
            AlreadyExists: It is not; nothing was changed.
        """
        with self._shelf.lock:
            there = self._shelf.held.get(key)
            if (there and there.told.version) != (replaces and replaces.version):
                raise AlreadyExists(Failure(Kind.CONFLICT, f"{self.url(key)} was written by somebody else meanwhile"))
            told = StoredObject(
                key, len(data), str(next(self._shelf.versions)), info.attempt, info.sha256, datetime.now(UTC)
            )
            self._shelf.held[key] = _Held(told, data)
            return told

    def stat(self, key: str) -> StoredObject | None:
        """See Storage."""
        held = self._shelf.held.get(self._readable(key))
        return held.told if held else None

    def read(self, key: str, ctx: Context) -> BinaryIO:  # noqa: ARG002 - reading memory needs no cancel
        """See Storage."""
        held = self._shelf.held.get(self._readable(key))
        if held is None:
            raise StorageError(Failure(Kind.STORAGE, f"cannot read {self.url(key)}: it is not there"))
        return io.BytesIO(held.data)

    def list(self, folder: str) -> Iterator[StoredObject]:
        """See Storage. What is there when it is called is what it lists."""
        below = f"{check_key(folder)}/" if folder else ""
        with self._shelf.lock:
            found = [held.told for key, held in self._shelf.held.items() if key.startswith(below)]
        return iter(found)

    def delete(self, key: str, *, only: StoredObject | None = None) -> None:
        """See Storage."""
        with self._shelf.lock:
            there = self._shelf.held.get(check_key(key))
            if there and only and there.told.version != only.version:
                raise AlreadyExists(
                    Failure(Kind.CONFLICT, f"{self.url(key)} is not the version that was to be deleted")
                )
            self._shelf.held.pop(key, None)

    def url(self, key: str) -> str:
        """See Storage."""
        return f"memory:{self._name}/{self._readable(key)}"

    def for_any_key(self) -> "MemoryStorage":
        """See SupportsAnyKey."""
        same = MemoryStorage(self._name, self._shelf)
        same._readable = check_found
        return same
