"""Make sure that the storages can be written to, before the first byte is fetched."""

import contextlib
import logging
import re
import secrets
from collections.abc import Mapping

from haulage.contracts.storage import ObjectInfo, Storage, SupportsPendingUploads
from haulage.errors import Kind, StorageError
from haulage.pipeline.call import Call

_LASTING = (Kind.DENIED, Kind.CONFIG, Kind.AUTH, Kind.ENVIRONMENT)
"""Failures that a person has to mend; what passes by itself is left to the retry policy."""

CHECK = re.compile("haulage-check-[0-9a-f]{16}")
"""The keys of what is begun and aborted, and never published."""

_log = logging.getLogger(__name__)


def check(storages: Mapping[str, Storage]) -> None:
    """Begin an upload in each storage, and abort it: nothing becomes visible.

    Args:
        storages: By the names they have in the config.

    Raises:
        StorageError: One refuses, and will refuse whatever comes next.
    """
    call = Call("check")
    key = f"haulage-check-{secrets.token_hex(8)}"
    info = ObjectInfo("application/octet-stream", call.attempt, "haulage checks that it may write", None)
    for name, storage in storages.items():
        try:
            storage.stat(key)
            _begin(storage, key, info, call)
        except StorageError as error:
            if error.failure.kind in _LASTING:
                raise
            _log.warning("storage %s cannot be used just now: %s", name, error, extra={"storage": name})


def _begin(storage: Storage, key: str, info: ObjectInfo, call: Call) -> None:
    try:
        with storage.begin(key, info, call):
            pass
    finally:
        # The answer may have been lost, or a process before this one killed there, and no job will ever look for what
        # was begun. It does no harm to end that of another one that checks just now: nothing is ever sent for it.
        if isinstance(storage, SupportsPendingUploads):
            with contextlib.suppress(StorageError):
                for pending in storage.pending(""):
                    if CHECK.fullmatch(pending.key):
                        storage.abort_pending(pending)
