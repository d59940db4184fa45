"""Storages that misbehave as their options say, for tests of the core."""

import threading

from attrs import frozen

from haulage.plugin import (
    Capabilities,
    Failure,
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

REFUSALS = {}
"""For each storage the failures that its next uploads meet, and when: a list of (moment, kind or exception)."""

SENT = {}
"""How many bytes each storage was sent."""


@frozen
class OddOptions:
    """The options of the storage."""

    name: str = option(help="Where it keeps its objects.")


class OddStorage(Storage):
    def __init__(self, name, bare=False):
        self.name = name
        self.bare = bare
        self.objects = OBJECTS.setdefault(name, {})
        self.lock = threading.Lock()

    def refuse(self, moment):
        refusals = REFUSALS.get(self.name, [])
        with self.lock:
            if refusals and refusals[0][0] == moment:
                _, kind = refusals.pop(0)
                if isinstance(kind, BaseException):
                    raise kind
                raise StorageError(Failure(kind, f"{self.name} refuses at {moment}"))

    def begin(self, key, info, ctx, *, replaces=None, size=None):
        self.refuse("begin")
        return OddUpload(self, check_key(key), info)

    def stat(self, key):
        if key not in self.objects:
            return None
        data, info = self.objects[key]
        if self.bare:
            return StoredObject(key, len(data), version=None, attempt=None, sha256=None)
        return StoredObject(key, len(data), version=info.attempt, attempt=info.attempt, sha256=info.sha256)

    def read(self, key, ctx):
        import io

        return io.BytesIO(self.objects[key][0])

    def list(self, folder):
        return (self.stat(key) for key in list(self.objects) if key.startswith(f"{folder}/"))

    def delete(self, key, *, only=None):
        self.objects.pop(key, None)


class OddUpload(Upload):
    def __init__(self, storage, key, info):
        self.storage, self.key, self.info, self.data = storage, key, info, bytearray()
        self.token = f"upload of {key}"

    def write(self, data):
        self.storage.refuse("write")
        self.data += data
        SENT[self.storage.name] = SENT.get(self.storage.name, 0) + len(data)

    def commit(self, *, size, sha256):
        self.storage.refuse("commit")
        data = bytes(self.data)
        try:
            self.storage.refuse("bad commit")
        except StorageError:
            data = data[:-1] + bytes([data[-1] ^ 1])
        self.storage.objects[self.key] = (data, self.info)
        self.storage.refuse("answer")
        return self.storage.stat(self.key)

    def abort(self):
        pass


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
