"""What filesystems of fsspec raise, in the words of a storage."""

import contextlib
import errno
from collections.abc import Iterator

from haulage.errors import Failure, HaulageError, Kind, StorageError
from haulage.secrets import redact


def failure(error: Exception, doing: str) -> StorageError:
    """What a storage raises instead of a filesystem's error."""
    said = (error.strerror if isinstance(error, OSError) else None) or f"{type(error).__name__}: {error}"
    message = redact(f"cannot {doing}: {' '.join(said.split())}")
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageError(Failure(Kind.NO_SPACE, message, cure="free some space"))
    if isinstance(error, PermissionError) or (isinstance(error, OSError) and error.errno == errno.EROFS):
        return StorageError(Failure(Kind.DENIED, message, cure="let haulage write there, or choose another path"))
    return StorageError(Failure(Kind.STORAGE, message))


@contextlib.contextmanager
def translated(doing: str) -> Iterator[None]:
    """Speak in our words of whatever a filesystem raises: many raise errors that are no OSError."""
    try:
        yield
    except HaulageError:
        raise
    except Exception as error:
        raise failure(error, doing) from error


def says(error: BaseException, *codes: int) -> bool:
    """Whether an error is one of ENOENT, ENOTDIR, EEXIST."""
    # By number too: not every library raises the subclass of OSError that belongs to its number.
    named = {errno.ENOENT: FileNotFoundError, errno.ENOTDIR: NotADirectoryError, errno.EEXIST: FileExistsError}
    return isinstance(error, OSError) and (error.errno in codes or isinstance(error, tuple(named[c] for c in codes)))


@contextlib.contextmanager
def unless_missing() -> Iterator[None]:
    """Pass over what is gone, and over nothing else."""
    try:
        yield
    except OSError as error:
        if not says(error, errno.ENOENT, errno.ENOTDIR):
            raise
