"""Plain files in a folder."""

import contextlib
import copy
import errno
import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, NoReturn

from haulage.adapters.checked_upload import CheckedUpload
from haulage.adapters.partial_names import PARTIAL, attempt_in, partial_name
from haulage.contracts.context import Context
from haulage.contracts.storage import ObjectInfo, PartialFile, Storage, StoredObject
from haulage.errors import AlreadyExists, Failure, Kind, StorageError
from haulage.keys import check_found, check_key
from haulage.locks import Lock

_NO_SPACE = {errno.ENOSPC, errno.EDQUOT}
_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR}
_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}


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


def _remove_abandoned(folder: Path) -> None:
    """Remove what writers in a folder left that died; those that live hold a lock on theirs."""
    for path in folder.glob(f"{PARTIAL}*"):
        with contextlib.suppress(OSError), Lock.exclusive(path):  # in use, gone, or where no file can be locked
            path.unlink()


class LocalUpload(CheckedUpload):
    """Writes beside the target; `commit` makes it durable, then visible under its name in one step."""

    def __init__(self, storage: "LocalStorage", key: str, attempt: str, replaces: StoredObject | None, ctx: Context):
        self._storage, self._key, self._replaces = storage, key, replaces
        self._target = storage.root / key
        super().__init__(str(self._target), ctx)
        self._lock: Lock | None = None
        with _translated(f"write {self._target}"):
            _make_folder(self._target.parent)
            _remove_abandoned(self._target.parent)
            self._open(attempt)

    def _open(self, attempt: str) -> None:
        while True:
            # Its length does not grow with the target's, and no two uploads share it.
            self._partial = self._target.with_name(partial_name(attempt))
            self._file = self._partial.open("xb", buffering=0)
            try:
                self._lock = Lock.exclusive(self._partial)
            except (BlockingIOError, FileNotFoundError):  # taken for a dead one's before it was locked
                self._discard()
                continue
            except OSError:  # no file can be locked here, and so none is taken for a dead one's
                pass
            return

    def _append(self, data: bytes | memoryview) -> None:
        rest = memoryview(data)
        with _translated(f"write {self._target}"):
            while rest:
                rest = rest[self._file.write(rest) :]

    def _publish(self) -> StoredObject:
        with _translated(f"write {self._target}"):
            os.fsync(self._file.fileno())
            if os.fstat(self._file.fileno()).st_size != self._size:
                raise self._refusal("the file system kept fewer bytes")
            self._show()
            _sync_folder(self._target.parent)
            stored = self._storage.stat(self._key)
        assert stored is not None
        return stored

    def _show(self) -> None:
        there = self._storage.stat(self._key)
        if (there and there.version) != (self._replaces and self._replaces.version):
            raise AlreadyExists(Failure(Kind.CONFLICT, f"{self._target} was written by somebody else meanwhile"))
        if self._replaces is None:
            try:
                os.link(self._partial, self._target)
            except FileExistsError:
                raise AlreadyExists(
                    Failure(Kind.CONFLICT, f"{self._target} was written by somebody else meanwhile")
                ) from None
            except OSError as error:
                if error.errno not in _NO_LINKS:
                    raise
            else:
                self._partial.unlink()  # not only when the upload ends: a crash shall leave no second name
                return
        self._partial.replace(self._target)

    def _discard(self) -> None:
        with _translated(f"remove {self._partial}"):
            try:
                self._file.close()
            finally:
                self._partial.unlink(missing_ok=True)
                if self._lock is not None:
                    self._lock.close()


class LocalStorage(Storage):
    """Objects are files below `root`, and nothing but their bytes is kept.

    Args:
        root: The folder; made when it is missing.

    Raises:
        StorageError: It cannot be made, or is not ours to write (kind `denied`).
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(os.path.abspath(root))  # noqa: PTH100 - resolve() would follow links, which are the operator's business
        self._readable = check_key
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
        return self._stat(self._readable(key))

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
        path = self.root / self._readable(key)
        with _translated(f"read {path}"), path.open("rb") as file:
            yield file

    def list(self, folder: str) -> Iterator[StoredObject]:
        """See Storage."""
        for path in self._files(self.root / check_key(folder) if folder else self.root):
            if not path.name.startswith(PARTIAL):
                # Not through check_key: a stranger's file may have any name.
                found = self._stat(path.relative_to(self.root).as_posix())
                if found:
                    yield found

    def _files(self, top: Path) -> Iterator[Path]:
        with _translated(f"list {top}"):
            for parent, _, names in os.walk(top, onerror=_unless_missing):
                for name in names:
                    yield Path(parent) / name

    def delete(self, key: str, *, only: StoredObject | None = None) -> None:
        """See Storage."""
        path = self.root / check_key(key)
        if only is not None:
            there = self.stat(key)
            if there is not None and there.version != only.version:
                raise AlreadyExists(Failure(Kind.CONFLICT, f"{path} is not the version that was to be deleted"))
        with _translated(f"delete {path}"), contextlib.suppress(FileNotFoundError, NotADirectoryError):
            path.unlink()

    def partial_files(self) -> Iterator[PartialFile]:
        """See SupportsPartialFiles."""
        for path in self._files(self.root):
            if path.name.startswith(PARTIAL):
                name = path.relative_to(self.root).as_posix()
                found = self._stat(name)
                if found:
                    yield PartialFile(name, attempt_in(path.name), found.size)

    def remove_partial_file(self, file: PartialFile) -> None:
        """See SupportsPartialFiles."""
        path = self.root / file.path
        with _translated(f"remove {path}"):
            path.unlink(missing_ok=True)

    def url(self, key: str) -> str:
        """See Storage."""
        return str(self.root / self._readable(key))

    def for_any_key(self) -> "LocalStorage":
        """See SupportsAnyKey."""
        same = copy.copy(self)
        same._readable = check_found
        return same

    def local_path(self, key: str) -> Path:
        """See SupportsLocalPath."""
        return self.root / self._readable(key)
