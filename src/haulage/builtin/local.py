"""Plain files in a folder."""

import contextlib
import errno
import hashlib
import os
import secrets
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, NoReturn

from haulage.contracts.context import Context
from haulage.contracts.storage import ObjectInfo, Storage, StoredObject, Upload
from haulage.errors import AlreadyExists, Failure, Kind, StorageError
from haulage.keys import check_key

_NO_SPACE = {errno.ENOSPC, errno.EDQUOT}
_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR}
_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
_UNFINISHED = ".haulage-"


def _raise(error: OSError, doing: str) -> NoReturn:
    """Say in our words what the file system said."""
    message = f"cannot {doing}: {error.strerror or error}"
    if error.errno in _NO_SPACE:
        failure = Failure(Kind.NO_SPACE, message, cure="free some space")
    elif error.errno in _DENIED:
        failure = Failure(Kind.DENIED, message, cure="let haulage write there, or choose another path")
    else:
        failure = Failure(Kind.STORAGE, message)
    raise StorageError(failure) from error


@contextlib.contextmanager
def _translated(doing: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        _raise(error, doing)


def _sync_folder(folder: Path) -> None:
    """Make what was linked or renamed in a folder outlive a power failure."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _make_folder(folder: Path) -> None:
    missing = [folder, *folder.parents]
    missing = missing[: next(i for i, parent in enumerate(missing) if parent.exists())]
    for each in reversed(missing):
        each.mkdir(exist_ok=True)
        _sync_folder(each.parent)


def _unless_missing(error: OSError) -> None:
    """Have os.walk pass over what is gone, and over nothing else."""
    if not isinstance(error, FileNotFoundError | NotADirectoryError):
        raise error


def _version(status: os.stat_result) -> str:
    return f"{status.st_ino:x}-{status.st_mtime_ns:x}-{status.st_size:x}"


class LocalUpload(Upload):
    """Writes beside the target; `commit` makes it durable, then visible under its name in one step."""

    def __init__(self, storage: "LocalStorage", key: str, attempt: str, replaces: StoredObject | None, ctx: Context):
        self._storage, self._key, self._replaces, self._ctx = storage, key, replaces, ctx
        self._target = storage.root / key
        # Its length does not grow with the target's, and no two uploads share it.
        self._partial = self._target.with_name(f"{_UNFINISHED}{attempt}-{secrets.token_hex(4)}")
        self._size, self._digest = 0, hashlib.sha256()
        self._failed = self._ended = False
        with _translated(f"write {self._target}"):
            _make_folder(self._target.parent)
            self._file = self._partial.open("xb", buffering=0)

    def write(self, data: bytes | memoryview) -> None:
        """See Upload."""
        self._ctx.cancel.raise_if_cancelled()
        if self._ended:
            raise StorageError(Failure(Kind.STORAGE, f"{self._target}: the upload ended before"))
        rest = memoryview(data)
        self._digest.update(rest)
        try:
            while rest:
                count = self._file.write(rest)
                self._size += count
                rest = rest[count:]
        except OSError as error:
            self._failed = True
            _raise(error, f"write {self._target}")

    def commit(self, *, size: int, sha256: str) -> StoredObject:
        """See Upload."""
        try:
            if self._failed or self._ended:
                raise StorageError(Failure(Kind.STORAGE, f"{self._target}: the upload failed or ended before"))
            if (self._size, self._digest.hexdigest()) != (size, sha256):
                raise StorageError(
                    Failure(
                        Kind.STORAGE,
                        f"{self._target}: {self._size} bytes were written, not the {size} announced",
                    )
                    if self._size != size
                    else Failure(Kind.STORAGE, f"{self._target}: other bytes were written than were announced")
                )
            with _translated(f"write {self._target}"):
                os.fsync(self._file.fileno())
                if os.fstat(self._file.fileno()).st_size != size:
                    raise StorageError(Failure(Kind.STORAGE, f"{self._target}: the file system kept fewer bytes"))
                self._publish()
                _sync_folder(self._target.parent)
                stored = self._storage.stat(self._key)
            assert stored is not None
            return stored
        finally:
            self.abort()

    def _publish(self) -> None:
        there = self._storage.stat(self._key)
        if (there and there.version) != (self._replaces and self._replaces.version):
            raise AlreadyExists(Failure(Kind.CONFLICT, f"{self._target} was written by somebody else meanwhile"))
        if self._replaces is None:
            try:
                os.link(self._partial, self._target)
                return
            except FileExistsError:
                raise AlreadyExists(
                    Failure(Kind.CONFLICT, f"{self._target} was written by somebody else meanwhile")
                ) from None
            except OSError as error:
                if error.errno not in _NO_LINKS:
                    raise
        self._partial.replace(self._target)

    def abort(self) -> None:
        """See Upload."""
        self._ended = True
        with _translated(f"remove {self._partial}"):
            try:
                self._file.close()
            finally:
                self._partial.unlink(missing_ok=True)


class LocalStorage(Storage):
    """Objects are files below `root`, and nothing but their bytes is kept.

    Args:
        root: The folder; made when it is missing.

    Raises:
        StorageError: It cannot be made, or is not ours to write (kind `denied`).
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(os.path.abspath(root))  # noqa: PTH100 - resolve() would follow links, which are the operator's business
        with _translated(f"use {self.root}"):
            _make_folder(self.root)
            if not self.root.is_dir():
                raise NotADirectoryError(errno.ENOTDIR, "it is not a folder")
            if not os.access(self.root, os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, "it is not writable")

    def begin(
        self,
        key: str,
        info: ObjectInfo,
        ctx: Context,
        *,
        replaces: StoredObject | None = None,
        size: int | None = None,  # noqa: ARG002 - a file needs no such hint
    ) -> LocalUpload:
        """See Storage."""
        return LocalUpload(self, check_key(key), info.attempt, replaces, ctx)

    def stat(self, key: str) -> StoredObject | None:
        """See Storage."""
        return self._stat(check_key(key))

    def _stat(self, key: str) -> StoredObject | None:
        path = self.root / key
        try:
            status = path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            _raise(error, f"look at {path}")
        if not stat.S_ISREG(status.st_mode):
            return None
        modified = datetime.fromtimestamp(status.st_mtime, UTC)
        return StoredObject(key, status.st_size, version=_version(status), modified=modified)

    @contextlib.contextmanager
    def read(self, key: str, ctx: Context) -> Iterator[BinaryIO]:  # noqa: ARG002 - reading a file needs no cancel
        """See Storage."""
        path = self.root / check_key(key)
        with _translated(f"read {path}"), path.open("rb") as file:
            yield file

    def list(self, folder: str) -> Iterator[StoredObject]:
        """See Storage."""
        top = self.root / check_key(folder) if folder else self.root
        with _translated(f"list {top}"):
            for parent, _, names in os.walk(top, onerror=_unless_missing):
                for name in names:
                    if name.startswith(_UNFINISHED):
                        continue
                    # Not through check_key: a stranger's file may have any name.
                    found = self._stat((Path(parent) / name).relative_to(self.root).as_posix())
                    if found:
                        yield found

    def delete(self, key: str, *, only: StoredObject | None = None) -> None:
        """See Storage."""
        path = self.root / check_key(key)
        if only is not None:
            there = self.stat(key)
            if there is not None and there.version != only.version:
                raise AlreadyExists(Failure(Kind.CONFLICT, f"{path} is not the version that was to be deleted"))
        with _translated(f"delete {path}"), contextlib.suppress(FileNotFoundError, NotADirectoryError):
            path.unlink()

    def url(self, key: str) -> str:
        """See Storage."""
        return str(self.root / check_key(key))
