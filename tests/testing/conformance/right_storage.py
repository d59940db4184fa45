"""A storage that keeps every law, in such small steps that each can be taken wrongly by a subclass."""

import base64
import functools
import hashlib
import io
import itertools
import logging
import secrets
import threading
from datetime import UTC, datetime

from attrs import evolve, field, frozen

from haulage.plugin import (
    AlreadyExists,
    CheckedUpload,
    Failure,
    Kind,
    PartialFile,
    PendingUpload,
    Storage,
    StorageError,
    StoredObject,
    Upload,
    check_key,
    option,
)

log = logging.getLogger(__name__)


@frozen
class Options:
    """Which shelf, and what opens it."""

    shelf: str = option(help="The name of the shelf.")
    password: str = option("open-sesame", help="Opens it.", secret=True)


@frozen(eq=False)
class Shelf:
    """What all instances of a storage share, as a service would."""

    objects: dict = field(factory=dict)
    open: dict = field(factory=dict)
    writers: dict = field(factory=dict)
    lock: threading.RLock = field(factory=threading.RLock)
    versions: itertools.count = field(factory=lambda: itertools.count(1))


@functools.cache
def shelf(name):
    """The shelf of a name, in this process."""
    return Shelf()


def refusal(said, kind=Kind.STORAGE):
    return StorageError(Failure(kind, said))


def met_another(key):
    return AlreadyExists(Failure(Kind.CONFLICT, f"{key} was written by somebody else meanwhile"))


class RightUpload(Upload):
    """Gathers parts, and publishes them at the commit."""

    def __init__(self, storage, key, info, ctx, replaces):
        self.storage, self.shelf, self.key, self.info, self.ctx = storage, storage.shelf, key, info, ctx
        self.replaces, self.parts, self.ended, self.failed = replaces, [], False, False
        self.token = secrets.token_hex(8)
        self.shelf.open[self.token] = PendingUpload(key, self.token, datetime.now(UTC))
        self.shelf.writers[self.token] = info.attempt

    def check(self):
        self.ctx.cancel.raise_if_cancelled()
        if self.ended or self.failed or self.token not in self.shelf.open:
            raise refusal(f"{self.key}: the upload failed or ended before")

    def write(self, data):
        self.check()
        self.failed = True
        self.take(data)
        self.failed = False

    def take(self, data):
        self.parts.append(bytes(data))
        self.ctx.progress(sum(map(len, self.parts)), None)

    def gathered(self):
        return b"".join(self.parts)

    def agrees(self, data, size, sha256):
        return len(data) == size and hashlib.sha256(data).hexdigest() == sha256

    def commit(self, *, size, sha256):
        try:
            self.check()
            data = self.gathered()
            if not self.agrees(data, size, sha256):
                raise refusal(f"{self.key}: something else was written than was announced")
            return self.storage.publish(self.key, data, self.info, self.replaces)
        finally:
            self.end()

    def abort(self):
        self.end()

    def end(self):
        self.ended, self.parts = True, []
        self.shelf.open.pop(self.token, None)


class RightCheckedUpload(CheckedUpload):
    """Likewise, and leaves to haulage what is the same for every storage."""

    def __init__(self, storage, key, info, ctx, replaces):
        super().__init__(key, ctx)
        self.inner = RightUpload(storage, key, info, ctx, replaces)
        self.token = self.inner.token

    def _append(self, data):
        self.inner.take(data)

    def _publish(self):
        self.inner.check()
        return self.inner.storage.publish(self.inner.key, self.inner.gathered(), self.inner.info, self.inner.replaces)

    def _discard(self):
        self.inner.end()


class RightStorage(Storage):
    """Objects on a shelf of this process."""

    upload = RightUpload

    def __init__(self, options):
        self.shelf, self.password = shelf(options.shelf), options.password

    def check(self, key):
        return check_key(key)

    def begin(self, key, info, ctx, *, replaces=None, size=None):
        return self.upload(self, self.check(key), info, ctx, replaces)

    def version(self, data):
        return str(next(self.shelf.versions))

    def publish(self, key, data, info, replaces):
        with self.shelf.lock:
            there = self.shelf.objects.get(key)
            if (there and there[0].version) != (replaces and replaces.version):
                raise met_another(key)
            told = self.told(key, data, info)
            self.shelf.objects[key] = told, data
            return told

    def told(self, key, data, info):
        return StoredObject(key, len(data), self.version(data), info.attempt, info.sha256, datetime.now(UTC))

    def stat(self, key):
        found = self.shelf.objects.get(self.check(key))
        return found and found[0]

    def read(self, key, ctx):
        if self.stat(key) is None:
            raise refusal(f"{key} is not there")
        return io.BytesIO(self.shelf.objects[key][1])

    def below(self, folder, keys):
        return [key for key in keys if key.startswith(f"{folder}/" if folder else "")]

    def list(self, folder):
        if folder:
            self.check(folder)
        with self.shelf.lock:
            return iter([self.shelf.objects[key][0] for key in self.below(folder, self.shelf.objects)])

    def delete(self, key, *, only=None):
        with self.shelf.lock:
            there = self.stat(key)
            if there and only and there.version != only.version:
                raise met_another(key)
            self.shelf.objects.pop(key, None)

    def pending(self, folder):
        with self.shelf.lock:
            found = list(self.shelf.open.values())
        return iter([each for each in found if self.below(folder, [each.key])])

    def abort_pending(self, upload):
        self.shelf.open.pop(upload.token, None)

    def partial_files(self):
        with self.shelf.lock:
            found = list(self.shelf.writers.items())
        return iter([PartialFile(token, attempt, 0) for token, attempt in found if token in self.shelf.open])

    def remove_partial_file(self, file):
        self.shelf.open.pop(file.path, None)

    def signed_url(self, key, lifetime):
        # A URL that needs no server: what it serves is in it.
        return f"data:video/mp4;base64,{base64.b64encode(self.shelf.objects[self.check(key)][1]).decode()}"

    def copy_here(self, source, key, to, info, ctx, *, replaces=None):
        if not isinstance(source, RightStorage):
            return None
        with source.read(key, ctx) as file:
            return self.publish(self.check(to), file.read(), info, replaces)


class Modest(RightStorage):
    """Keeps nothing but bytes, and claims nothing."""

    def told(self, key, data, info):
        return super().told(key, data, evolve(info, attempt=None, sha256=None))
