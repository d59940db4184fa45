"""Storages that misbehave as their options say, for tests of the core."""

import threading
from datetime import UTC, datetime

from attrs import frozen

from haulage.plugin import (
    Capabilities,
    Failure,
    PendingUpload,
    Storage,
    StorageComponent,
    StorageError,
    StoredObject,
    Upload,
    check_key,
    hookimpl,
    option,
)

OBJECTS = {}
"""What each storage holds, by its name and the key: bytes and info. The test reads it directly."""

RECORDS = {}
"""Likewise, the records beside the videos."""

REFUSALS = {}
"""For each storage the failures that its next uploads meet, and when: a list of (moment, kind or exception)."""

OPEN = {}
"""The uploads of each storage that have not ended: their keys and their tokens."""

BEGAN = {}
"""When they were begun, by their tokens; those that are not named, just now."""

SENT = {}
"""How many bytes of videos each storage was sent."""


@frozen
class OddOptions:
    """The options of the storage."""

    name: str = option(help="Where it keeps its objects.")


class OddStorage(Storage):
    def __init__(self, name, bare=False):
        self.name = name
        self.bare = bare
        self.objects, self.records = OBJECTS.setdefault(name, {}), RECORDS.setdefault(name, {})
        self.lock = threading.Lock()

    def shelf(self, key):
        return self.records if key.endswith(".json") else self.objects

    def refuse(self, moment):
        refusals = REFUSALS.get(self.name, [])
        with self.lock:
            if refusals and refusals[0][0] == moment:
                _, kind = refusals.pop(0)
                if isinstance(kind, BaseException):
                    raise kind
                raise StorageError(Failure(kind, f"{self.name} refuses at {moment}"))

    def begin(self, key, info, ctx, *, replaces=None, size=None):
        self.refuse("check" if key.startswith("haulage-check-") else "begin")
        return OddUpload(self, check_key(key), info, ctx)

    def pending(self, folder):
        names = [(key, token) for (key, token) in OPEN.get(self.name, []) if not folder or key.startswith(f"{folder}/")]
        return (PendingUpload(key, token, BEGAN.get(token, datetime.now(UTC))) for key, token in names)

    def abort_pending(self, upload):
        OPEN[self.name].remove((upload.key, upload.token))

    def stat(self, key):
        if key not in self.shelf(key):
            return None
        data, info = self.shelf(key)[key]
        if self.bare:
            return StoredObject(key, len(data), version=None, attempt=None, sha256=None)
        return StoredObject(key, len(data), version=info.attempt, attempt=info.attempt, sha256=info.sha256)

    def read(self, key, ctx):
        import io

        return io.BytesIO(self.shelf(key)[key][0])

    def list(self, folder):
        return (self.stat(key) for key in [*self.objects, *self.records] if key.startswith(f"{folder}/"))

    def delete(self, key, *, only=None):
        self.refuse("delete")
        self.shelf(key).pop(key, None)


class OddUpload(Upload):
    def __init__(self, storage, key, info, ctx):
        self.storage, self.key, self.info, self.ctx, self.data = storage, key, info, ctx, bytearray()
        self.token = f"upload of {key} by {info.attempt} {len(OPEN.get(storage.name, []))}"
        OPEN.setdefault(storage.name, []).append((key, self.token))

    def write(self, data):
        self.ctx.cancel.raise_if_cancelled()
        self.storage.refuse("write")
        self.data += data
        if self.storage.shelf(self.key) is self.storage.objects:
            SENT[self.storage.name] = SENT.get(self.storage.name, 0) + len(data)

    def commit(self, *, size, sha256):
        self.storage.refuse("commit")
        data = bytes(self.data)
        try:
            self.storage.refuse("bad commit")
        except StorageError:
            data = data[:-1] + bytes([data[-1] ^ 1])
        self.storage.shelf(self.key)[self.key] = (data, self.info)
        self.abort()
        self.storage.refuse("answer")
        return self.storage.stat(self.key)

    def abort(self):
        if not self.key.startswith("haulage-check-"):
            self.storage.refuse("abort")
        if (self.key, self.token) in OPEN[self.storage.name]:
            OPEN[self.storage.name].remove((self.key, self.token))


@hookimpl
def haulage_storages():
    yield StorageComponent(
        "odd",
        "Misbehaves.",
        OddOptions,
        lambda options, context: OddStorage(options.name),
        capabilities=Capabilities(keeps_info=True),
    )
    yield StorageComponent(
        "bare",
        "Keeps nothing but bytes.",
        OddOptions,
        lambda options, context: OddStorage(options.name, bare=True),
    )
