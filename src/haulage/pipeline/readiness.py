"""Make sure that the storages can be written to, before the first byte is fetched."""

import logging
import secrets
from collections.abc import Mapping

from haulage.contracts.storage import ObjectInfo, Storage
from haulage.errors import Kind, StorageError
from haulage.pipeline.call import Call

_LASTING = (Kind.DENIED, Kind.CONFIG, Kind.AUTH, Kind.ENVIRONMENT)
"""Failures that a person has to mend; what passes by itself is left to the retry policy."""

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
            with storage.begin(key, info, call):
                pass
        except StorageError as error:
            if error.failure.kind in _LASTING:
                raise
            _log.warning("storage %s cannot be used just now: %s", name, error, extra={"storage": name})
