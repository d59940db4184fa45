"""Read an object back, to see what it is."""

import hashlib
import time
from datetime import timedelta

from haulage.contracts.context import Context
from haulage.contracts.storage import Storage
from haulage.errors import Failure, Kind, StorageError
from haulage.pipeline.attempt import Attempt

_BLOCK = 1 << 20


def read_digest(storage: Storage, key: str, ctx: Context, lease: timedelta | None = None) -> str:
    """The SHA-256 of an object, in hex.

    Args:
        storage: Where it is.
        key: Its key.
        ctx: Of the call.
        lease: How long the job of an attempt is held at a time, where nobody else keeps it meanwhile.

    Raises:
        StorageError: It cannot be read.
        AttemptLost: The job is held no more.
        Cancelled: On cancel.
    """
    digest, proved = hashlib.sha256(), time.monotonic()
    try:
        with storage.read(key, ctx) as source:
            while block := source.read(_BLOCK):
                ctx.cancel.raise_if_cancelled()
                digest.update(block)
                if lease and isinstance(ctx, Attempt) and time.monotonic() - proved > lease.total_seconds() / 3:
                    ctx.prove()
                    proved = time.monotonic()
    except OSError as error:
        raise StorageError(Failure(Kind.STORAGE, f"cannot read it: {error.strerror or error}")) from error
    return digest.hexdigest()
