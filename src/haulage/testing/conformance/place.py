"""A folder in a storage that a law has for itself, and looks at it that the writing instance has no part in."""

import contextlib
import itertools
import logging
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import PurePosixPath
from typing import Any

from haulage.contracts.context import Context
from haulage.contracts.storage import (
    Capabilities,
    ObjectInfo,
    Storage,
    StoredObject,
    SupportsPendingUploads,
    Upload,
)
from haulage.errors import AlreadyExists, StorageError
from haulage.registry.components import StorageComponent
from haulage.testing.call import Call
from haulage.testing.conformance.bench import Bench
from haulage.testing.conformance.content import sha256, shown
from haulage.testing.conformance.footprint import files_of
from haulage.testing.conformance.law import refused
from haulage.values import AttemptId

Witness = Callable[[str], Mapping[str, bytes]]
Leftovers = Callable[[str], Iterable[str]]

ATTEMPT = "a" * 32
_BLOCK = 1 << 16
_LEFT = "something is left of an upload that ended"
_TOP = f"haulage-check-{secrets.token_hex(4)}"
_numbers = itertools.count(1)
_log = logging.getLogger(__name__)


class Instances:
    """Two instances of one storage, as two processes would have them.

    Args:
        bench: Builds them.
    """

    def __init__(self, bench: Bench[StorageComponent]) -> None:
        self.bench = bench
        self._first: Storage | None = None
        self._second: Storage | None = None

    @property
    def first(self) -> Storage:
        """The instance under test."""
        if self._first is None:
            self._first = self.bench.build()
        return self._first

    @property
    def second(self) -> Storage:
        """Another one, to look with; the same where objects live in their instance, which is a law of its own."""
        if self._second is None:
            self._second = self.bench.build() if self._share() else self.first
        return self._second

    def _share(self) -> bool:
        key = f"{_TOP}/shared-{secrets.token_hex(4)}"
        try:
            with self.first.begin(key, ObjectInfo("text/plain", AttemptId(ATTEMPT), "probe", None), Call()) as upload:
                upload.write(b"probe")
                upload.commit(size=5, sha256=sha256(b"probe"))
            found = self.bench.build().stat(key) is not None
            self.first.delete(key)
        except Exception:  # the law that it breaks will tell
            return True
        return found


class Place:
    """A folder of its own in the storage under test. Names in it are what keys are in a storage.

    Args:
        instances: Of the storage.
        part: Bytes after which the storage sends what it has, or more.
        witness: Lists what is below a folder without the storage, where there is a way.
        leftovers: Likewise lists what unfinished uploads left there.

    Attributes:
        folder: The folder.
        bench: Builds more instances.
        part: As given.
    """

    def __init__(
        self, instances: Instances, part: int, witness: Witness | None = None, leftovers: Leftovers | None = None
    ) -> None:
        self._instances, self._witness, self._leftovers = instances, witness, leftovers
        self.bench = instances.bench
        self.part = part
        self.folder = f"{_TOP}/{next(_numbers)}"
        self._begun: list[Upload] = []

    @property
    def storage(self) -> Storage:
        """The instance under test."""
        return self._instances.first

    @property
    def other(self) -> Storage:
        """Another instance, through which laws look."""
        return self._instances.second

    @property
    def claims(self) -> Capabilities:
        """What the record claims."""
        return self.bench.record.capabilities

    def inside(self, name: str) -> "Place":
        """A place in a folder of this one."""
        place = Place(self._instances, self.part, self._witness, self._leftovers)
        place.folder, place._begun = self.key(name), self._begun
        return place

    def key(self, name: str) -> str:
        """The key of a name."""
        return f"{self.folder}/{name}"

    def begin(
        self,
        name: str,
        data: bytes | None = None,
        *,
        storage: Storage | None = None,
        ctx: Context | None = None,
        video: str = "youtube v1",
        **rest: Any,
    ) -> Upload:
        """Begin to write an object; its digest is announced where the data is given."""
        ctx = ctx or Call(ATTEMPT)
        info = ObjectInfo("video/mp4", ctx.attempt, video, None if data is None else sha256(data))
        upload = (storage or self.storage).begin(self.key(name), info, ctx, **rest)
        self._begun.append(upload)
        return upload

    def put(self, name: str, data: bytes, **rest: Any) -> StoredObject:
        """Write an object, in parts."""
        with self.begin(name, data, **rest) as upload:
            for piece in pieces(data, self.part):
                upload.write(piece)
            return self.commit(upload, name, data)

    def put_all(self, objects: Mapping[str, bytes]) -> None:
        """Write objects from several threads, which is sooner done than one after the other."""
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(self.put, objects, objects.values()))

    def commit(self, upload: Upload, name: str, data: bytes) -> StoredObject:
        """Commit an upload, and hold that one which says that it failed stored nothing."""
        try:
            return upload.commit(size=len(data), sha256=sha256(data))
        except AlreadyExists:
            raise
        except StorageError as error:
            found = self.other.stat(self.key(name))
            if found is not None and found.size == len(data) and self.read(name) == shown(data):
                said = f"commit returned an error and stored the object all the same: {error}"
                raise AssertionError(said) from error
            raise

    def stat(self, name: str) -> StoredObject | None:
        """Look at an object through the instance under test."""
        return self.storage.stat(self.key(name))

    def current(self, name: str) -> StoredObject:
        """Look at an object that is there."""
        found = self.stat(name)
        assert found is not None, f"{name} is not there"
        return found

    def read(self, name: str, storage: Storage | None = None) -> str:
        """Read an object, through the other instance unless one is given, and say what it is."""
        with (storage or self.other).read(self.key(name), Call()) as source:
            return shown(b"".join(iter(lambda: source.read(_BLOCK), b"")))

    def names(self, folder: str = "", storage: Storage | None = None) -> list[str]:
        """List the names of all objects, or of those below a folder, in order; those listed twice are there twice."""
        top = self.key(folder) if folder else self.folder
        return sorted(each.key.removeprefix(f"{self.folder}/") for each in (storage or self.other).list(top))

    def objects(self, *, alone: bool = False) -> dict[str, str]:
        """All objects, as the other instance tells, and the witness where there is one.

        Args:
            alone: Hold that the witness finds nothing unfinished beside them.
        """
        listed = self.names()
        assert len(set(listed)) == len(listed), f"an object is listed twice: {listed}"
        found = {name: self.read(name) for name in listed}
        for name in found:
            there = self.other.stat(self.key(name))
            assert there is not None, f"{name} is listed, and not there when it is looked at"
            assert there.key == self.key(name), f"stat of {self.key(name)} tells of another key: {there.key}"
        if self._witness is not None:
            seen = {name: shown(data) for name, data in self._seen().items()}
            unfinished = {name for name in seen if any(part.startswith(".") for part in PurePosixPath(name).parts)}
            whole = {name: data for name, data in seen.items() if name not in unfinished}
            assert whole == found, "what the storage tells is not what lies there"
            assert not (alone and unfinished), f"{_LEFT}: {sorted(unfinished)}"
        return found

    def assert_holds(self, wanted: Mapping[str, bytes], harm: str) -> None:
        """Hold that there are these objects, and nothing else."""
        assert self.objects() == {name: shown(data) for name, data in wanted.items()}, harm

    def assert_absent(self, name: str, harm: str) -> None:
        """Hold that an object is not there, whoever looks, and however."""
        for storage in (self.storage, self.other):
            assert storage.stat(self.key(name)) is None, f"{harm}: stat finds it"
            assert name not in self.names(storage=storage), f"{harm}: list finds it"
            with refused(f"{harm}: it can be read", StorageError):
                self.read(name, storage)
        if self._witness is not None:
            assert name not in self._seen(), f"{harm}: it lies there"

    def assert_only(self, wanted: Mapping[str, bytes], harm: str) -> None:
        """Hold that there are these objects, and nothing that an unfinished upload left."""
        assert self.objects(alone=True) == {name: shown(data) for name, data in wanted.items()}, harm
        assert self.left() == [], _LEFT

    def assert_nothing(self, harm: str) -> None:
        """Hold that nothing is there: no object, and nothing of an upload."""
        self.assert_only({}, harm)

    def left(self) -> list[str]:
        """What uploads left, as the storage tells, and an independent look where there is one."""
        found = [] if self._leftovers is None else list(self._leftovers(self.folder))
        if isinstance(self.other, SupportsPendingUploads):
            found += [f"{each.key} ({each.token})" for each in self.other.pending(self.folder)]
        return found

    def local_files(self) -> frozenset[str]:
        """The files in folders of this machine that the storage's options name."""
        return files_of(self.bench.options, self.bench.folder)

    def clear(self) -> None:
        """Remove what is there; what cannot be removed is logged."""
        for upload in self._begun:
            with contextlib.suppress(Exception):
                upload.abort()
        self._begun.clear()
        try:
            storage = self.other
            if isinstance(storage, SupportsPendingUploads):
                for pending in list(storage.pending(self.folder)):
                    storage.abort_pending(pending)
            for each in list(storage.list(self.folder)):
                # A storage that lists what it must not, shall not have it deleted here.
                if each.key.startswith(f"{self.folder}/"):
                    with contextlib.suppress(StorageError):
                        storage.delete(each.key)
        except Exception:
            _log.warning("cannot clear %s", self.folder, exc_info=True)

    def _seen(self) -> dict[str, bytes]:
        assert self._witness is not None
        found = self._witness(self.folder)
        return {key.removeprefix(f"{self.folder}/"): data for key, data in found.items()}


def pieces(data: bytes, size: int) -> Iterator[memoryview]:
    """Cut bytes into pieces of a size."""
    view = memoryview(data)
    return (view[start : start + size] for start in range(0, len(data), max(1, size)))
