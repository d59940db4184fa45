"""Objects in a bucket of Google Cloud Storage."""

import contextlib
import copy
import io
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any, BinaryIO

from attrs import evolve

from haulage.plugin import (
    AlreadyExists,
    BuildContext,
    Cancel,
    Context,
    Failure,
    Finding,
    Kind,
    ObjectInfo,
    Storage,
    StorageError,
    StoredObject,
    check_found,
    check_key,
)
from haulage_gcs.budget import Budget
from haulage_gcs.client import Call, Client, Stream
from haulage_gcs.errors import NOT_FOUND, PRECONDITION
from haulage_gcs.examine import examine
from haulage_gcs.objects import FIELDS, described, expected, stored
from haulage_gcs.options import GcsOptions
from haulage_gcs.sign import signed_url
from haulage_gcs.turns import turn
from haulage_gcs.upload import GcsUpload

_BLOCK = 1 << 20
_NOT_ALLOWED = (401, 403)
_API = len("/storage/v1/")


class _Reader(io.RawIOBase):
    """Reads a body, and raises where it ends before the object does."""

    def __init__(self, stream: Stream, name: str, size: int) -> None:
        self._stream, self._name, self._left = stream, name, size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._stream.read(len(buffer))
        self._left -= len(data)
        if self._left > 0 and len(data) < len(buffer):
            message = f"cannot read {self._name}: it ended {self._left} bytes before its size"
            raise StorageError(Failure(Kind.STORAGE, message))
        buffer[: len(data)] = data
        return len(data)


class GcsStorage(Storage):
    """Objects below a prefix of a bucket; their `version` is the generation.

    Nothing is asked of the service before it is needed. A request that fails is not sent again: core does, as often as
    its policy says. All methods may be called from any thread.

    What was received is checked by the service, against the CRC32C that goes with the last bytes of an upload, and once
    more here, against the one that it answers with. Where a service passes over the first and fails the second, as
    emulators do, the object is deleted again at once.

    Args:
        options: See GcsOptions.
        context: Whose folder and environment count.
    """

    def __init__(self, options: GcsOptions, context: BuildContext) -> None:
        self.options, self.context = options, context
        self.client, self.budget = Client(options, context), Budget(options.buffer)
        prefix = options.prefix.strip("/")
        self._prefix, self._readable = f"{prefix}/" if prefix else "", check_key

    def name(self, key: str) -> str:
        """What the service calls an object. Raises StorageError where it is no key."""
        return self._prefix + self._readable(key)

    def url(self, key: str) -> str:
        """See Storage."""
        return f"gs://{self.options.bucket}/{self.name(key)}"

    def begin(
        self,
        key: str,
        info: ObjectInfo,
        ctx: Context,
        *,
        replaces: StoredObject | None = None,
        size: int | None = None,
    ) -> GcsUpload:
        """See Storage. Raises AlreadyExists already here, where the service says so."""
        return GcsUpload(self, check_key(key), info, ctx, replaces, size)

    def stat(self, key: str) -> StoredObject | None:
        """See Storage."""
        told = self._look(key)
        return stored(told, key) if told is not None else None

    def _look(
        self, key: str, cancel: Cancel | None = None, *, seconds: float | None = None
    ) -> Mapping[str, Any] | None:
        call = Call(f"look at {self.url(key)}", "GET", self.client.object(self.name(key)), {"fields": FIELDS})
        return self.client.learn(call, cancel, seconds=seconds, missing_ok=True)

    def turn(self, key: str, cancel: Cancel | None = None) -> contextlib.AbstractContextManager[None]:
        """Keep other threads of this process from writing or deleting the same object meanwhile."""
        return turn(f"{self.client.endpoint} {self.url(key)}", cancel)

    def check(self, key: str, replaces: StoredObject | None, cancel: Cancel | None = None) -> None:
        """Look whether what may be replaced is there, and nothing else; a precondition of the service says it again.

        Raises:
            AlreadyExists: It is not.
        """
        there = self._look(key, cancel)
        if (there and str(there.get("generation"))) != (replaces and replaces.version):
            raise AlreadyExists(Failure(Kind.CONFLICT, f"{self.url(key)} was written by somebody else meanwhile"))

    def verified(self, key: str, told: Mapping[str, Any], size: int, checksum: str) -> StoredObject:
        """Compare what the service has just stored with what was sent, and delete it if it is something else.

        Args:
            key: Where it is.
            told: What the service tells of it.
            size: How many bytes were sent.
            checksum: Their CRC32C, in base64.

        Raises:
            StorageError: It is something else.
        """
        found = stored(told, key)
        if (found.size, told.get("crc32c")) == (size, checksum):
            return found
        message = f"{self.url(key)}: the service stored other bytes than were sent"
        try:
            self._delete(key, found.version, seconds=self.client.brief)
        except StorageError as error:
            message += f", and they could not be deleted: {error.failure.message}"
        raise StorageError(Failure(Kind.STORAGE, message))

    def settled(self, key: str, info: ObjectInfo, size: int, checksum: str) -> StoredObject | None:
        """Find out whether an object was stored all the same; None where it was not, or that cannot be told now."""
        with contextlib.suppress(StorageError):
            told = self._look(key, seconds=self.client.brief)
            found = stored(told, key) if told is not None else None
            if told and found and (found.size, told.get("crc32c"), found.attempt) == (size, checksum, info.attempt):
                return found
        return None

    def for_any_key(self) -> "GcsStorage":
        """See SupportsAnyKey."""
        same = copy.copy(self)
        same._readable = check_found
        return same

    @contextlib.contextmanager
    def read(self, key: str, ctx: Context) -> Iterator[BinaryIO]:
        """See Storage. The version that is there at first is read to its end, or an error raised."""
        name, doing = self.url(key), f"read {self.url(key)}"
        told = self._look(key, ctx.cancel)
        if told is None:
            raise StorageError(Failure(Kind.STORAGE, f"cannot {doing}: it is not there"))
        there = stored(told, key)
        query = {"alt": "media", "generation": there.version or ""}
        call = Call(doing, "GET", self.client.object(self.name(key)), query, headers={"Accept-Encoding": "identity"})
        stream = self.client.open(call, ctx.cancel)
        try:
            yield io.BufferedReader(_Reader(stream, name, there.size), _BLOCK)
        finally:
            stream.close()

    def list(self, folder: str) -> Iterator[StoredObject]:
        """See Storage. What ends in a "/" is no object but a folder that somebody made in the console."""
        below = f"{self.name(folder)}/" if folder else self._prefix
        doing = f"list gs://{self.options.bucket}/{below}"
        query = {"prefix": below, "fields": f"kind,items({FIELDS}),nextPageToken"}
        while True:
            page = self.client.learn(Call(doing, "GET", self.client.object(), query)) or {}
            for told in page.get("items", ()):
                name = str(told.get("name", ""))
                if name and not name.endswith("/"):
                    # Not through check_key: a stranger's object may have any name.
                    yield stored(told, name.removeprefix(self._prefix))
            if not page.get("nextPageToken"):
                return
            query["pageToken"] = str(page["nextPageToken"])

    def delete(self, key: str, *, only: StoredObject | None = None) -> None:
        """See Storage."""
        check_key(key)
        if only is None:
            self._delete(key, None)
            return
        with self.turn(key):
            there = self.stat(key)
            if there is not None and there.version != only.version:
                raise self._another(key)
            if there is not None:
                self._delete(key, only.version)

    def _delete(self, key: str, generation: str | None, *, seconds: float | None = None) -> None:
        query = {"ifGenerationMatch": generation} if generation else {}
        call = Call(f"delete {self.url(key)}", "DELETE", self.client.object(self.name(key)), query)
        answer = self.client.ask(call, seconds=seconds)
        if answer.status == PRECONDITION:
            raise self._another(key)
        if not answer.is_good and (answer.status != NOT_FOUND or answer.says_no_bucket):
            raise self.client.refused(answer, call.doing)

    def _another(self, key: str) -> AlreadyExists:
        return AlreadyExists(Failure(Kind.CONFLICT, f"{self.url(key)} is not the version that was to be deleted"))

    def copy_here(
        self,
        source: Storage,
        key: str,
        to: str,
        info: ObjectInfo,
        ctx: Context,
        *,
        replaces: StoredObject | None = None,
    ) -> StoredObject | None:
        """See SupportsServerCopy. None too where our credentials may not read the original."""
        if not isinstance(source, GcsStorage) or source.client.endpoint != self.client.endpoint:
            return None
        doing = f"copy {source.url(key)} to {self.url(to)}"
        original = source._look(key, ctx.cancel)
        if original is None:
            raise StorageError(Failure(Kind.STORAGE, f"cannot {doing}: the original is not there"))
        size, checksum = stored(original, key).size, str(original.get("crc32c"))
        path = f"{source.client.object(source.name(key))}/rewriteTo/{self.client.object(self.name(to))[_API:]}"
        query = {"sourceGeneration": str(original.get("generation")), **expected(replaces)}
        if self.options.kms_key_name:
            query["destinationKmsKeyName"] = self.options.kms_key_name
        call = Call(doing, "POST", path, query, json=described(info, self.options.storage_class))
        with self.turn(to, ctx.cancel):
            self.check(to, replaces, ctx.cancel)
            try:
                copied = self._rewrite(call, ctx.cancel)
                return self.verified(to, copied, size, checksum) if copied is not None else None
            except AlreadyExists:
                raise
            except StorageError:
                found = self.settled(to, info, size, checksum)
                if found is None:
                    raise
                return found

    def _rewrite(self, call: Call, cancel: Cancel) -> Mapping[str, Any] | None:
        """Have the service copy, as many requests as that takes; None where it does not let these credentials."""
        mark: dict[str, str] = {}
        while True:
            answer = self.client.ask(evolve(call, query={**call.query, **mark}), cancel)
            if answer.status in _NOT_ALLOWED:
                return None
            if not answer.is_good:
                raise self.client.refused(answer, call.doing)
            told = answer.read()
            if told.get("done"):
                return dict(told.get("resource") or {})
            mark = {"rewriteToken": str(told.get("rewriteToken", ""))}

    def signed_url(self, key: str, lifetime: timedelta) -> str:
        """See SupportsSignedUrl. At most 7 days."""
        name, shown = self.name(key), self.url(key)
        return self.client.bounded(
            f"sign a URL for {shown}", lambda: signed_url(self.client, self.options, name, shown, lifetime)
        )

    def examine(self) -> Iterable[Finding]:
        """See SupportsExamination."""
        return examine(self.client, self.options, self.context)

    def close(self) -> None:
        """See Storage."""
        self.client.close()
