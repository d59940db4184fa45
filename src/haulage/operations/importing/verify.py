"""Read a file that is there already: is it whole, what is it, and what is its digest?"""

import contextlib
import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

from haulage.contracts.context import Context
from haulage.contracts.fetcher import Fetcher, SupportsMeasuring
from haulage.contracts.storage import Storage, StoredObject, SupportsLocalPath
from haulage.errors import Failure, FetchError, Kind, StorageError
from haulage.operations.importing.gather import Candidate, Named
from haulage.operations.importing.info import LARGEST
from haulage.pipeline.reading import read_digest
from haulage.pipeline.transfer import Place
from haulage.values import AttemptId, Copy, MediaFacts, MediaFile

_BLOCK = 1 << 20
_SIDECAR_BYTES = 64 << 20
"""A file beside a video that has more is none of its."""

_HTML = (b"<!doctype", b"<html", b"<?xml", b"<head", b"<body")


_NOBODY = AttemptId("")
"""Who wrote what was there before haulage."""


class Unfit(Exception):
    """A file is no whole video; the message says why."""


@frozen
class Verified:
    """What was found of a video: its files and copies, the main one first, and what was measured."""

    files: tuple[MediaFile, ...]
    copies: tuple[Copy, ...]
    facts: MediaFacts


@frozen
class Verifier:
    """Verifies videos of one storage; safe to use from many threads.

    Attributes:
        name: The storage's name in the config.
        place: The storage.
        fetcher: Measures, where it can.
        folder: Where a file of a storage that has no files of this machine lies while it is measured.
        min_free: How many bytes have to stay free there.
    """

    name: str
    place: Place
    fetcher: Fetcher
    folder: Path
    min_free: int

    def content(self, named: Named, ctx: Context) -> bytes:
        """The bytes of a small file.

        Raises:
            ValueError: It is not small.
            StorageError: It cannot be read.
        """
        if named.there.size > LARGEST:
            raise ValueError("it is too large for an info JSON")
        key = named.there.key
        try:
            with self.place.reading(key).read(key, ctx) as source:
                return source.read(LARGEST + 1)
        except OSError as error:
            raise StorageError(Failure(Kind.STORAGE, f"cannot read it: {error.strerror or error}")) from error

    def verify(self, candidate: Candidate, announced: float | None, ctx: Context) -> Verified:
        """Read all files of a video, the main one to its end.

        Raises:
            Unfit: It is no whole video, or was changed meanwhile.
            StorageError: It cannot be read.
            FetchError: Nothing can be measured at all (kind `environment` or `config`).
            Cancelled: On cancel.
        """
        main, before = candidate.main, self._there(candidate.main)
        facts, digest = self._look(main, before, announced, ctx)
        if self._there(main) != before:
            raise Unfit("it was changed while it was read")
        found = [(main, before, digest)]
        for each in candidate.sidecars:
            there = self._there(each)
            if 0 < there.size <= _SIDECAR_BYTES:
                digest = read_digest(self.place.reading(there.key), there.key, ctx)
                if self._there(each) != there:
                    raise Unfit("a file beside it was changed while it was read")
                found.append((each, there, digest))
        files = tuple(
            MediaFile(Path(), named.role, named.extension, named.media_type, there.size, digest)
            for named, there, digest in found
        )
        copies = tuple(
            Copy(self.name, named.role, there.key, "stored", _NOBODY, there.size, digest, version=there.version)
            for named, there, digest in found
        )
        return Verified(files, copies, facts)

    def _there(self, named: Named) -> StoredObject:
        key = named.there.key
        there = self.place.reading(key).stat(key)
        if there is None:
            raise Unfit("it is not there any more")
        return there

    def _look(self, main: Named, there: StoredObject, announced: float | None, ctx: Context) -> tuple[MediaFacts, str]:
        if not there.size:
            raise Unfit("the file is empty")
        storage, key = self.place.reading(there.key), there.key
        if not isinstance(self.fetcher, SupportsMeasuring):
            return MediaFacts(main.extension), _digest_of_no_page(storage, key, ctx)
        with contextlib.ExitStack() as stack:
            if isinstance(storage, SupportsLocalPath):
                path = storage.local_path(key)
                digest = read_digest(storage, key, ctx)
            else:
                path, digest = stack.enter_context(self._brought(storage, main, there, ctx))
            try:
                return self.fetcher.measure(path, announced, ctx), digest
            except FetchError as error:
                if error.failure.kind in (Kind.ENVIRONMENT, Kind.CONFIG):
                    raise
                raise Unfit(error.failure.message) from error

    @contextlib.contextmanager
    def _brought(self, storage: Storage, main: Named, there: StoredObject, ctx: Context) -> Iterator[tuple[Path, str]]:
        """Bring an object here while the block runs; where it is, and its digest."""
        if shutil.disk_usage(self.folder).free < there.size + self.min_free:
            message = f"{self.folder} has no room for the {there.size:,} bytes that are to be measured"
            raise StorageError(Failure(Kind.NO_SPACE, message, cure="free some space there"))
        digest = hashlib.sha256()
        with tempfile.TemporaryDirectory(prefix=".import-", dir=self.folder) as folder:
            path = Path(folder) / f"video.{main.extension}"
            try:
                with storage.read(there.key, ctx) as source, path.open("wb") as file:
                    while block := source.read(_BLOCK):
                        ctx.cancel.raise_if_cancelled()
                        digest.update(block)
                        file.write(block)
            except OSError as error:
                raise StorageError(Failure(Kind.STORAGE, f"cannot read it: {error.strerror or error}")) from error
            yield path, digest.hexdigest()


def _digest_of_no_page(storage: Storage, key: str, ctx: Context) -> str:
    try:
        with storage.read(key, ctx) as source:
            begins = source.read(512).lstrip().lower()
    except OSError as error:
        raise StorageError(Failure(Kind.STORAGE, f"cannot read it: {error.strerror or error}")) from error
    if begins.startswith(_HTML):
        raise Unfit("it is a page, and no medium")
    return read_digest(storage, key, ctx)
