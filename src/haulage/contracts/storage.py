"""A place for finished objects."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Protocol, Self, runtime_checkable

from attrs import frozen

from haulage.contracts.context import Context
from haulage.values import AttemptId


@frozen
class Capabilities:
    """Claims about how a storage behaves, made on its record.

    Attributes:
        keeps_info: `stat` returns the attempt and the sha256 that were given to `begin`.
        checks_content: `commit` refuses when what the store received differs from what was sent. Where a storage
            cannot claim this, core reads every object back.
        exclusive_create: Of two writers that create one key, exactly one succeeds.
        conditional_replace: `replaces` and `only` are honoured by the store itself.
    """

    keeps_info: bool = False
    checks_content: bool = False
    exclusive_create: bool = False
    conditional_replace: bool = False


@frozen
class Billing:
    """What decides about the price of a storage.

    Attributes:
        service: Whose prices apply: "s3", "gcs", or what a plugin calls its own.
        region: Where the objects are, as the service calls it; "" where the config does not say.
        storage_class: As the service calls it.
    """

    service: str
    region: str
    storage_class: str


@frozen
class ObjectInfo:
    """What is kept with the bytes.

    Attributes:
        media_type: The MIME type.
        attempt: Who writes it.
        video: The identity of the video, for people who find the object without our database.
        sha256: Of the bytes, in hex; None where the file still grows when the upload begins.
    """

    media_type: str
    attempt: AttemptId
    video: str
    sha256: str | None


@frozen
class StoredObject:
    """An object as the store tells of it.

    Attributes:
        key: Its key.
        size: In bytes.
        version: Opaque (an ETag, a generation, an inode); serves `replaces` and `only`.
        attempt: As found in the store; None where the store keeps no info.
        sha256: What the writer claimed, not what the store holds; None where the store keeps no info.
        modified: When it was last written, by the store's clock.
    """

    key: str
    size: int
    version: str | None = None
    attempt: AttemptId | None = None
    sha256: str | None = None
    modified: datetime | None = None


class Upload(ABC):
    """One object being written, by one thread at a time: who begins it may hand it to another.

    Nothing is visible before `commit`; leaving the `with` block without it aborts.

    Attributes:
        token: What the store calls the upload, where it has a name that a sweeper can use.
    """

    token: str | None = None

    @abstractmethod
    def write(self, data: bytes | memoryview) -> None:
        """Append. The buffer is the caller's again on return. Raises StorageError, or Cancelled on cancel."""

    @abstractmethod
    def commit(self, *, size: int, sha256: str) -> StoredObject:
        """Publish the object, atomically.

        Only if exactly `size` bytes with this digest were written, no write failed, and the store's own checksum of
        what it received agrees, where it has one.

        Raises:
            AlreadyExists: The precondition of `begin` does not hold any more; nothing was changed.
            StorageError: Anything else; the object may have been published all the same where the answer was lost.
        """

    @abstractmethod
    def abort(self) -> None:
        """Leave nothing of an upload that was not committed. Any number of times; quiet after a commit."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.abort()


class Storage(ABC):
    """A place for finished objects.

    There is one instance for each pipeline and process, and it is used from many threads. Its methods raise
    StorageError or Cancelled and nothing else. Keys are those that haulage.keys makes: parts of `[A-Za-z0-9._-]` joined
    by "/"; any other is refused with kind `config`. Each call gives up by itself where a store is silent, with a
    StorageError: core sets it no deadline, and one that never returns holds its job until the process is left.
    """

    @abstractmethod
    def begin(
        self,
        key: str,
        info: ObjectInfo,
        ctx: Context,
        *,
        replaces: StoredObject | None = None,
        size: int | None = None,
    ) -> Upload:
        """Begin to write an object.

        Args:
            key: Where it shall become visible.
            info: What to keep with it.
            ctx: Of the call, and of every later call on the upload.
            replaces: The version it may replace; None means that nothing may be there.
            size: How many bytes will come, where that is known.
        """

    @abstractmethod
    def stat(self, key: str) -> StoredObject | None:
        """Look at an object, never at a cache; None where there is none."""

    @abstractmethod
    def read(self, key: str, ctx: Context) -> AbstractContextManager[BinaryIO]:
        """Open an object for reading from its first byte."""

    @abstractmethod
    def list(self, folder: str) -> Iterator[StoredObject]:
        """List every object below a folder ("" is all), in any order; `attempt` and `sha256` may be None here."""

    @abstractmethod
    def delete(self, key: str, *, only: StoredObject | None = None) -> None:
        """Delete one object. Quiet when it is gone already; AlreadyExists when it is not the version `only`."""

    def url(self, key: str) -> str:
        """What people call the object: "s3://bucket/key", "/mnt/videos/key". By default the key."""
        return key

    def close(self) -> None:  # noqa: B027 - a storage with nothing to give back need not write it
        """Give back what the storage holds. Harmless a second time; nothing else is called afterwards."""


@frozen
class PendingUpload:
    """An upload that was neither committed nor aborted, as the store tells of it.

    Attributes:
        key: What it would become.
        token: What the store calls it: `Upload.token` of the one who began it.
        began: When, by the store's clock.
    """

    key: str
    token: str
    began: datetime


@runtime_checkable
class SupportsPendingUploads(Protocol):
    """A storage whose store keeps, and bills, what was sent for uploads that nobody ended."""

    def pending(self, folder: str) -> Iterator[PendingUpload]:
        """List every open upload to a key below a folder ("" is all), whoever began it. Raises StorageError."""

    def abort_pending(self, upload: PendingUpload) -> None:
        """End an upload for good, and nothing else; quiet when it has ended already. Raises StorageError."""


@frozen
class PartialFile:
    """What was written of an object beside its place and never published, for the storage died with its process.

    Attributes:
        path: Where it lies, as the storage knows it.
        attempt: Who began it.
        size: In bytes.
    """

    path: str
    attempt: AttemptId
    size: int


@runtime_checkable
class SupportsPartialFiles(Protocol):
    """A storage that writes objects beside their places, so that a crash leaves files that are listed nowhere."""

    def partial_files(self) -> Iterator[PartialFile]:
        """List them all, those that are being written just now among them. Raises StorageError."""

    def remove_partial_file(self, file: PartialFile) -> None:
        """Remove one, so that whoever still writes it cannot publish it; quiet when it is gone. Raises StorageError."""


@runtime_checkable
class SupportsAnyKey(Protocol):
    """A storage in which objects of others can be read too, whatever they called them."""

    def for_any_key(self) -> Storage:
        """The same storage, whose `stat`, `read` and `url` take whatever key `list` tells, as it is.

        A name means itself and nothing else: it is no pattern, and no part of it a version. Keys that
        `haulage.keys.check_found` refuses are refused here too; `begin` and `delete` take the same keys as before. It
        lives as long as the storage it comes from, and has nothing of its own to close.
        """


@runtime_checkable
class SupportsLocalPath(Protocol):
    """A storage whose objects are files of this machine."""

    def local_path(self, key: str) -> Path:
        """Where an object lies, to be read and never to be written; with the keys that its `stat` takes."""


@runtime_checkable
class SupportsServerCopy(Protocol):
    """A storage that can be told to copy an object of another one, without the bytes passing through here.

    Core asks only for what is still the version that was verified when it was stored. Where the storage does not claim
    `checks_content`, or the original was changed meanwhile, core reads the copy back.
    """

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
        """Copy an object inside the service, atomically.

        Args:
            source: Where it is; the storage itself is one too.
            key: Its key there.
            to: Its key here.
            info: What to keep with the copy, in place of what the original says.
            ctx: Of the call.
            replaces: As for `Storage.begin`.

        Returns:
            The copy, or None where the service cannot do it from that storage: nothing was tried then.

        Raises:
            AlreadyExists: Something else than `replaces` is there; nothing was changed.
            StorageError: Anything else; the copy may be there all the same where the answer was lost.
        """


@runtime_checkable
class SupportsSignedUrl(Protocol):
    """A storage that can let anybody read one object for a while."""

    def signed_url(self, key: str, lifetime: timedelta) -> str:
        """Make a URL that lets whoever has it read the object until `lifetime` is over. It is a secret.

        Raises StorageError where the credentials cannot sign, and with kind `config` where the service allows no such
        lifetime.
        """
