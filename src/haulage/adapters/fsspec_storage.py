"""A storage on any filesystem of fsspec that can write a file beside its target and move it."""

import contextlib
import errno
import hashlib
import io
import posixpath
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from haulage.adapters.checked_upload import CheckedUpload
from haulage.adapters.fsspec_errors import says, translated, unless_missing
from haulage.adapters.partial_names import PARTIAL, attempt_in, partial_name
from haulage.contracts.context import Context
from haulage.contracts.storage import ObjectInfo, PartialFile, Storage, StoredObject
from haulage.errors import AlreadyExists, Failure, Kind
from haulage.keys import check_key
from haulage.secrets import redact

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_BLOCK = 1 << 20
_VERSION = ("size", "etag", "ETag", "ino")
_TIMES = ("mtime", "modified", "last_modified", "created")


def _modified(info: Mapping[str, Any]) -> datetime | str | None:
    found = next((info[name] for name in _TIMES if info.get(name) is not None), None)
    if isinstance(found, int | float):
        return datetime.fromtimestamp(found, UTC)
    if isinstance(found, datetime) and found.tzinfo:
        return found.astimezone(UTC)
    return found and str(found)  # enough to tell that a file is another one


def _object(key: str, info: Mapping[str, Any]) -> StoredObject | None:
    if info["type"] != "file":
        return None
    modified = _modified(info)
    # Not of all that is told: some filesystems tell when a file was last read, or write a time in two ways.
    facts = [f"{name}={info[name]}" for name in _VERSION if info.get(name) is not None]
    version = hashlib.sha256("\n".join([*facts, f"modified={modified}"]).encode()).hexdigest()[:32]
    return StoredObject(key, info["size"], version, modified=modified if isinstance(modified, datetime) else None)


class _Reader(io.RawIOBase):
    """Reads a file of the filesystem, raises what a storage may raise, and hears a cancel at each block."""

    def __init__(self, file: Any, doing: str, ctx: Context) -> None:
        self._file, self._doing, self._ctx = file, doing, ctx

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._ctx.cancel.raise_if_cancelled()
        with translated(self._doing):
            data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


class FsspecUpload(CheckedUpload):
    """Writes beside the target; `commit` closes the file and moves it to its name."""

    def __init__(
        self, storage: "FsspecStorage", key: str, attempt: str, replaces: StoredObject | None, ctx: Context
    ) -> None:
        super().__init__(storage.url(key), ctx)
        self._storage, self._fs, self._key, self._replaces = storage, storage.filesystem, key, replaces
        self._target = storage.path(key)
        folder = posixpath.dirname(self._target)
        # Its length does not grow with the target's, and no two uploads share it.
        self._partial = posixpath.join(folder, partial_name(attempt))
        self._file: Any = None
        self._is_there = False
        try:
            with translated(f"write {self._name}"):
                ctx.cancel.raise_if_cancelled()
                self._fs.makedirs(folder, exist_ok=True)
                self._is_there = True  # even where opening it fails: the answer may have been lost
                self._file = self._fs.open(self._partial, "wb")
        except BaseException:
            self.abort()
            raise

    def _append(self, data: bytes | memoryview) -> None:
        with translated(f"write {self._name}"):
            self._file.write(bytes(data))  # a copy of a memoryview: some files keep what they are given until later

    def _publish(self) -> StoredObject:
        with translated(f"write {self._name}"):
            file, self._file = self._file, None
            file.close()
            kept = self._fs.info(self._partial)["size"]
            if kept != self._size:
                raise self._refusal(f"the filesystem kept {kept} of {self._size} bytes")
            there = self._storage.look(self._key)
            if (there and there.version) != (self._replaces and self._replaces.version):
                raise self._met_another()
            self._move()
            self._is_there = False
            stored = self._storage.stat(self._key)
        if stored is None:
            raise self._refusal("it is not there after it was moved there")
        return stored

    def _move(self) -> None:
        try:
            self._storage.move(self._partial, self._target)
        except OSError as error:
            if not says(error, errno.EEXIST):
                raise
            if self._replaces is None:
                raise self._met_another() from error
            # Some filesystems move nothing onto a file.
            self._fs.rm_file(self._target)
            self._storage.move(self._partial, self._target)

    def _met_another(self) -> AlreadyExists:
        return AlreadyExists(Failure(Kind.CONFLICT, f"{self._name} was written by somebody else meanwhile"))

    def _discard(self) -> None:
        # It raises nothing: that would take the place of what ended the upload, a cancel for one.
        file, self._file = self._file, None
        if file is not None:
            with contextlib.suppress(Exception):
                file.close()  # publishes what was written, under the name that is removed next
        if self._is_there:
            try:
                with unless_missing():
                    self._fs.rm_file(self._partial)
                self._is_there = False
            except Exception as error:
                said = redact(f"{type(error).__name__}: {error}")
                self._ctx.log.warning("cannot remove %s, which nobody needs any more: %s", self._partial, said)


class FsspecStorage(Storage):
    """Objects are files below a folder of a filesystem, and nothing but their bytes is kept.

    An object is written as `.haulage-<attempt>-<random>` in the folder of its key, its size there is compared with what
    was written, and only then it is moved to its name. A file that is closed because its block raised is never
    published. Only methods for single files are called, none that takes patterns, and no transaction.

    It can claim no capability, so core reads every object back:

    - `keeps_info`: files carry no metadata.
    - `checks_content`: the size is compared and nothing else, and whether bytes outlive a power failure is up to the
      server.
    - `exclusive_create`: whether something is there is looked at right before the move. Of two writers of one key in
      the same moment both can succeed; the object is then that of the last one, and whole.
    - `conditional_replace`: `replaces` and `only` are compared likewise, by size, time and what else the filesystem
      tells.

    A subclass for a filesystem that promises more may claim more.

    The move is as atomic as the filesystem's own. Where it has none, the file is copied to its name, and seen while it
    grows if the filesystem shows that. Where a move refuses to replace a file, the old object is removed first: for a
    moment there is none, and if the move then fails, there is none until the next try.

    A cancel is heard between two blocks; a call that hangs is ended by the filesystem's own time limits, so set them.
    After a crash, or where an abort could not remove it, which is logged as a warning, a file that begins with
    `.haulage-` stays; it is never listed, and `haulage fsck --repair` removes it.

    Args:
        filesystem: Any filesystem of fsspec that may be used from many threads. `sftp` of fsspec may not (its client
            mixes up the answers that threads wait for); sshfs may. Make it with `skip_instance_cache=True`, and
            with `use_listings_cache=False` where it keeps listings: a storage must not answer from a cache.
        root: The folder that holds the objects, in the filesystem; made with the first of them.
        base_url: What people call that folder, such as "sftp://nas/videos". By default what the filesystem calls it,
            which for many names no host.
    """

    def __init__(self, filesystem: "AbstractFileSystem", root: str, *, base_url: str = "") -> None:
        self.filesystem = filesystem
        self.root: str = filesystem._strip_protocol(root)
        self._base_url = base_url or filesystem.unstrip_protocol(self.root)

    def path(self, key: str) -> str:
        """Where the filesystem has an object.

        Raises:
            StorageError: It is no key.
        """
        return posixpath.join(self.root, check_key(key))

    def begin(
        self,
        key: str,
        info: ObjectInfo,
        ctx: Context,
        *,
        replaces: StoredObject | None = None,
        size: int | None = None,  # noqa: ARG002 - a file needs no such hint
    ) -> FsspecUpload:
        """See Storage."""
        return FsspecUpload(self, check_key(key), info.attempt, replaces, ctx)

    def stat(self, key: str) -> StoredObject | None:
        """See Storage."""
        found = self._info(key)
        return _object(key, found) if found else None

    def look(self, key: str) -> StoredObject | None:
        """Find out what stands in the way of a key; a folder does too.

        Raises:
            AlreadyExists: It is no file.
            StorageError: It cannot be told.
        """
        found = self._info(key)
        there = _object(key, found) if found else None
        if found and there is None:
            raise AlreadyExists(Failure(Kind.CONFLICT, f"{self.url(key)} is there, and it is no file"))
        return there

    def _info(self, key: str) -> Mapping[str, Any] | None:
        with translated(f"look at {self.url(key)}"), unless_missing():
            return cast("Mapping[str, Any]", self.filesystem.info(self.path(key)))
        return None

    @contextlib.contextmanager
    def read(self, key: str, ctx: Context) -> Iterator[BinaryIO]:
        """See Storage. A cancel is heard at each block."""
        doing = f"read {self.url(key)}"
        with translated(doing):
            file = self.filesystem.open(self.path(key), "rb")
        try:
            yield io.BufferedReader(_Reader(file, doing, ctx), _BLOCK)
        finally:
            with contextlib.suppress(Exception):
                file.close()

    def list(self, folder: str) -> Iterator[StoredObject]:
        """See Storage."""
        for found in self._files(check_key(folder) if folder else ""):
            if not posixpath.basename(found.key).startswith(PARTIAL):
                yield found

    def _files(self, folder: str) -> Iterator[StoredObject]:
        pending = [folder]
        while pending:
            here = pending.pop()
            for entry in self._entries(posixpath.join(self.root, here)):
                # Not through check_key: a stranger's file may have any name.
                key = posixpath.join(here, posixpath.basename(entry["name"].rstrip("/")))
                found = _object(key, entry)
                if entry["type"] == "directory":
                    pending.append(key)
                elif found:
                    yield found

    def _entries(self, path: str) -> Iterator[Mapping[str, Any]]:
        entries: list[Mapping[str, Any]] = []
        with translated(f"list {path}"), unless_missing():
            entries = self.filesystem.ls(path, detail=True)
        # Asked for a file, filesystems list that file; asked for a folder, some list the folder too.
        return (each for each in entries if each["name"].strip("/") != path.strip("/"))

    def delete(self, key: str, *, only: StoredObject | None = None) -> None:
        """See Storage. A folder of that name stays."""
        there = self.stat(key)
        if there is None:
            return
        if only is not None and there.version != only.version:
            raise AlreadyExists(Failure(Kind.CONFLICT, f"{self.url(key)} is not the version that was to be deleted"))
        with translated(f"delete {self.url(key)}"), unless_missing():
            self.filesystem.rm_file(self.path(key))

    def partial_files(self) -> Iterator[PartialFile]:
        """See SupportsPartialFiles."""
        for found in self._files(""):
            name = posixpath.basename(found.key)
            if name.startswith(PARTIAL):
                yield PartialFile(found.key, attempt_in(name), found.size)

    def remove_partial_file(self, file: PartialFile) -> None:
        """See SupportsPartialFiles."""
        path = posixpath.join(self.root, file.path)
        with translated(f"remove {path}"), unless_missing():
            self.filesystem.rm_file(path)

    def move(self, source: str, target: str) -> None:
        """Move a file; the errors are the filesystem's."""
        from fsspec import AbstractFileSystem

        if getattr(self.filesystem.mv, "__func__", None) is not AbstractFileSystem.mv:
            self.filesystem.mv(source, target)
        else:  # what is inherited takes patterns
            self.filesystem.cp_file(source, target)
            self.filesystem.rm_file(source)

    def url(self, key: str) -> str:
        """See Storage."""
        return f"{self._base_url.rstrip('/')}/{check_key(key)}"
