"""Objects in a bucket."""

import contextlib
import copy
import io
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any, BinaryIO

from haulage.plugin import (
    Context,
    Failure,
    Finding,
    Kind,
    ObjectInfo,
    PendingUpload,
    Storage,
    StorageError,
    StoredObject,
    check_found,
    check_key,
)
from haulage_s3 import copying, multipart
from haulage_s3.budget import Budget
from haulage_s3.errors import Unsound
from haulage_s3.examine import Examination
from haulage_s3.service import QUANTUM, Service, etag, utc
from haulage_s3.upload import S3Upload

_BLOCK = 1 << 20
_PAGE = 1000
_LONGEST_LIFE = timedelta(days=7)


class S3Storage(Storage):
    """Objects in a bucket, below a prefix.

    Safe to use from many threads; every request has a deadline and is sent once. Beside the bytes it keeps who wrote
    them, the identity of the video, and the SHA-256 where that is known when the upload begins.

    Args:
        service: The bucket.
        buffer: How many bytes may wait to be sent.
        credentials: Tells storages with the same credentials at the same service from others.
        examination: Looks at the bucket.
    """

    def __init__(self, service: Service, buffer: int, credentials: tuple[str, ...], examination: Examination) -> None:
        self.service, self.credentials, self._examination = service, credentials, examination
        self._budget = Budget(buffer)

    def begin(
        self,
        key: str,
        info: ObjectInfo,
        ctx: Context,
        *,
        replaces: StoredObject | None = None,
        size: int | None = None,
    ) -> S3Upload:
        """See Storage. Where the size is not known, or is more than 8 MiB, this needs the right to write."""
        return S3Upload(self.service, self._budget, check_key(key), info, replaces, size, ctx)

    def stat(self, key: str) -> StoredObject | None:
        """See Storage."""
        return self.service.run(f"look at {self.url(key)}", self.service.look(key))

    @contextlib.contextmanager
    def read(self, key: str, ctx: Context) -> Iterator[BinaryIO]:
        """See Storage. One request, so that all bytes are of one version; a cancel is heard at any time."""
        doing = f"read {self.url(key)}"
        answer = self.service.run(doing, self.service.call("get_object", Key=self.service.key(key)), ctx.cancel)
        try:
            yield io.BufferedReader(_Reader(self.service, answer, doing, ctx), _BLOCK)
        finally:
            self.service.filesystem.loop.call_soon_threadsafe(answer["Body"].close)

    def list(self, folder: str) -> Iterator[StoredObject]:
        """See Storage. What others wrote is listed too."""
        below = self.service.path(f"{check_key(folder)}/" if folder else "")
        doing = f"list s3://{self.service.where.bucket}/{below}"
        ours = len(self.service.path(""))
        for page in self._pages(
            doing,
            "list_objects_v2",
            {"Prefix": below, "MaxKeys": _PAGE},
            {"ContinuationToken": "NextContinuationToken"},
        ):
            for each in page.get("Contents", ()):
                if key := each["Key"][ours:]:
                    yield StoredObject(key, each["Size"], etag(each), modified=utc(each["LastModified"]))

    def _pages(
        self, doing: str, operation: str, asked: dict[str, Any], marks: dict[str, str]
    ) -> Iterator[dict[str, Any]]:
        mark: dict[str, Any] = {}
        while True:
            page = self.service.run(doing, self.service.call(operation, **asked, **mark))
            yield page
            mark = {name: page[told] for name, told in marks.items() if page.get(told)}
            if not page.get("IsTruncated") or not mark:
                return

    def delete(self, key: str, *, only: StoredObject | None = None) -> None:
        """See Storage."""
        self.service.run(f"delete {self.url(check_key(key))}", self.service.delete(key, only))

    def url(self, key: str) -> str:
        """See Storage."""
        return self.service.url(key)

    def for_any_key(self) -> "S3Storage":
        """See SupportsAnyKey."""
        same = copy.copy(self)
        same.service = copy.copy(self.service)
        same.service.readable = check_found
        return same

    def pending(self, folder: str) -> Iterator[PendingUpload]:
        """See SupportsPendingUploads."""
        below = self.service.path(f"{check_key(folder)}/" if folder else "")
        doing = f"list the open uploads of s3://{self.service.where.bucket}/{below}"
        ours = len(self.service.path(""))
        marks = {"KeyMarker": "NextKeyMarker", "UploadIdMarker": "NextUploadIdMarker"}
        for page in self._pages(doing, "list_multipart_uploads", {"Prefix": below, "MaxUploads": _PAGE}, marks):
            for each in page.get("Uploads", ()):
                if key := each["Key"][ours:]:
                    yield PendingUpload(key, each["UploadId"], utc(each["Initiated"]))

    def abort_pending(self, upload: PendingUpload) -> None:
        """See SupportsPendingUploads."""
        doing = f"end the upload of s3://{self.service.where.bucket}/{self.service.path(upload.key)}"
        self.service.run(doing, multipart.end(self.service, upload.key, upload.token))

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
        """See SupportsServerCopy. From any bucket of the same service that the same credentials can read."""
        if not isinstance(source, S3Storage) or source.credentials != self.credentials:
            return None
        doing = f"copy {source.url(key)} to {self.url(to)}"
        work = copying.copy(source.service, key, self.service, to, info, replaces)
        return self.service.run(doing, work, ctx.cancel)

    def signed_url(self, key: str, lifetime: timedelta) -> str:
        """See SupportsSignedUrl. At most 7 days, and no longer than temporary credentials live."""
        if not timedelta(0) < lifetime <= _LONGEST_LIFE:
            said = f"cannot sign {self.url(key)}: S3 allows no lifetime of {lifetime}"
            raise StorageError(Failure(Kind.CONFIG, said, cure="ask for 7 days at most"))
        return self.service.run(f"sign {self.url(key)}", self.service.sign(key, lifetime))

    def examine(self) -> Iterable[Finding]:
        """See SupportsExamination. What it writes it deletes."""
        return self._examination.findings()

    def close(self) -> None:
        """See Storage."""
        self.service.run("close the connections", self.service.close())


class _Reader(io.RawIOBase):
    """Reads the body of an answer, and raises what a storage may raise."""

    def __init__(self, service: Service, answer: dict[str, Any], doing: str, ctx: Context) -> None:
        self._service, self._body, self._doing, self._ctx = service, answer["Body"], doing, ctx
        self._left: int = answer["ContentLength"]

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._service.run(self._doing, self._next(len(buffer)), self._ctx.cancel)
        buffer[: len(data)] = data
        return len(data)

    async def _next(self, most: int) -> bytearray:
        data, most = bytearray(), min(most, self._left)
        while len(data) < most:
            wanted = min(len(data) + QUANTUM, most)
            async with self._service.deadline():
                while len(data) < wanted:
                    block: bytes = await self._body.read(wanted - len(data))
                    if not block:
                        raise Unsound(f"it ended {self._left} bytes before its announced length")
                    data += block
                    self._left -= len(block)
        return data
