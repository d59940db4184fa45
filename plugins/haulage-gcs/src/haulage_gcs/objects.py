"""Objects as the JSON API tells of them."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from haulage.plugin import AttemptId, Failure, Kind, ObjectInfo, StorageError, StoredObject

_LONGEST_VIDEO = 1024  # of the 8 KiB that the service gives to all metadata

FIELDS = "name,size,generation,updated,metadata,crc32c"


def stored(told: Mapping[str, Any], key: str) -> StoredObject:
    """An object, by what the service tells of it. Raises StorageError where that is not how Google tells of one."""
    try:
        metadata = told.get("metadata") or {}
        attempt = metadata.get("attempt")
        return StoredObject(
            key,
            int(told["size"]),
            version=str(told["generation"]),
            attempt=AttemptId(attempt) if attempt else None,
            sha256=metadata.get("sha256") or None,
            modified=_time(str(told.get("updated", ""))),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        said = f"what the service tells of {key} cannot be read"
        raise StorageError(Failure(Kind.STORAGE, said)) from error


def _time(written: str) -> datetime | None:
    try:
        return datetime.fromisoformat(written)
    except ValueError:
        return None


def described(info: ObjectInfo, storage_class: str) -> dict[str, Any]:
    """What is kept with an object, as the service wants to be told."""
    # Downloads carry it in headers, so it is ASCII, on one line: as in JSON.
    video = json.dumps(info.video)[1:-1][:_LONGEST_VIDEO]
    metadata = {"attempt": info.attempt, "video": video, "sha256": info.sha256}
    kept = {name: value for name, value in metadata.items() if value}
    told: dict[str, Any] = {"contentType": info.media_type, "metadata": kept}
    return told | ({"storageClass": storage_class} if storage_class else {})


def expected(replaces: StoredObject | None) -> dict[str, str]:
    """The precondition that nothing is there, or that very version."""
    return {"ifGenerationMatch": (replaces.version or "0") if replaces else "0"}
