"""The service's own calls, each with a deadline and none of them repeated."""

import asyncio
import contextlib
import functools
import json
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from attrs import evolve, frozen
from botocore.exceptions import ClientError
from s3fs import S3FileSystem

from haulage.plugin import (
    AlreadyExists,
    AttemptId,
    Cancel,
    Failure,
    Kind,
    ObjectInfo,
    StoredObject,
    check_key,
    run_on_loop,
)
from haulage_s3.errors import Unsound, Where, code_of, is_conflict, is_missing, status_of, translated
from haulage_s3.parts import Body

Told = TypeVar("Told")

QUANTUM = 1 << 18
"""How many bytes have to come, or to get on their way, before the deadline: as many as the client sends at once."""

_LONGEST_VIDEO = 1024  # of the 2 KB that S3 gives to all metadata
_WITHOUT_REASON = range(300, 404)
_OF_OBJECTS = ("head_object", "get_object")


@frozen
class Written:
    """What is asked for with each object that is written.

    Attributes:
        storage_class: As S3 calls it; empty for the bucket's own.
        encryption: Likewise.
        kms_key_id: Likewise.
    """

    storage_class: str = ""
    encryption: str = ""
    kms_key_id: str = ""

    def parameters(self) -> dict[str, str]:
        """As requests have it."""
        asked = {
            "StorageClass": self.storage_class,
            "ServerSideEncryption": self.encryption,
            "SSEKMSKeyId": self.kms_key_id,
        }
        return {name: value for name, value in asked.items() if value}

    @property
    def with_kms(self) -> bool:
        """Whether the ETag will be no MD5."""
        return self.encryption.startswith("aws:kms")


class Service:
    """One bucket of one service, below one prefix.

    Its coroutines run on fsspec's loop and raise what the client raises; `run` runs them from any other thread.

    Args:
        filesystem: Its client is used, with its credentials and its connections.
        where: The bucket and the deadline; what is not known yet is added with the first call.
        prefix: What all keys begin with, without "/" at its ends.
        written: What is asked for with each object.

    Attributes:
        conditional: Whether the service knows preconditions of writes, as far as is known.
        readable: Refuses what is no key to look at.
    """

    def __init__(self, filesystem: S3FileSystem, where: Where, prefix: str, written: Written) -> None:
        self.filesystem, self.where, self.prefix, self.written = filesystem, where, prefix, written
        self.conditional, self.readable = True, check_key

    def key(self, key: str) -> str:
        """What the bucket calls a key of ours.

        Raises:
            StorageError: It is no key.
        """
        return self.path(self.readable(key))

    def path(self, key: str) -> str:
        """What the bucket calls any key, or the beginning of one."""
        return f"{self.prefix}/{key}" if self.prefix else key

    def url(self, key: str) -> str:
        """What people call it."""
        return f"s3://{self.where.bucket}/{self.key(key)}"

    def run(self, doing: str, work: Coroutine[Any, Any, Told], cancel: Cancel | None = None) -> Told:
        """Have something done on the loop, and wait for it.

        Args:
            doing: What it is, for errors.
            work: What is to be done.
            cancel: Ends it at once.

        Raises:
            StorageError: It failed.
            Cancelled: It was cancelled.
        """
        with translated(doing, lambda: self.where):
            return run_on_loop(self.filesystem.loop, work, cancel)

    async def client(self) -> Any:
        """The client of aiobotocore."""
        client = await self.filesystem.set_session()
        if not self.where.endpoint:
            self.where = evolve(self.where, endpoint=client.meta.endpoint_url, region=client.meta.region_name or "")
        return client

    async def call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """Do one request.

        Raises:
            TimeoutError: There was no answer, or no byte of the body went on its way, for as long as is allowed.
            Unsound: What answered for an object is no S3: a gateway, say, with a page of its own.
        """
        async with self.deadline() as limit:
            body = parameters.get("Body")
            if isinstance(body, Body):
                body.moved = self._moved(limit)
            client = await self.client()
            answer: dict[str, Any] = await getattr(client, operation)(Bucket=self.where.bucket, **parameters)
        if operation in _OF_OBJECTS and not etag(answer):
            if "Body" in answer:
                answer["Body"].close()
            raise Unsound("the answer is none of S3's: it has no ETag")
        return answer

    def deadline(self) -> asyncio.Timeout:
        """The time that a request has."""
        return asyncio.timeout(self.where.timeout)

    @property
    def brief(self) -> float:
        """Seconds for all that follows a missed deadline: ending what failed, and looking what became of it."""
        return min(self.where.timeout * 0.08, 3)

    def patience(self, error: BaseException | None) -> float:
        """Seconds for finding out what became of a request; who did not answer it is not waited for as long again."""
        return self.brief if isinstance(error, TimeoutError) else self.where.timeout

    def _moved(self, limit: asyncio.Timeout) -> Any:
        loop = asyncio.get_running_loop()

        def later() -> None:
            with contextlib.suppress(RuntimeError):  # it is over
                limit.reschedule(loop.time() + self.where.timeout)

        # Bodies are read by a thread, and the loop's timers are its own.
        return lambda: loop.call_soon_threadsafe(later)

    async def head(self, key: str) -> dict[str, Any] | None:
        """What the service says of an object; None where there is none."""
        try:
            return await self.call("head_object", Key=self.key(key))
        except ClientError as error:
            if is_missing(error):
                return None
            if status_of(error) in _WITHOUT_REASON:
                # The answer to HEAD has no body that could give the reason; that to GET has one.
                reason = await self.call("get_object", Key=self.key(key), Range="bytes=0-0")
                reason["Body"].close()
            raise

    async def look(self, key: str) -> StoredObject | None:
        """Look at an object."""
        answer = await self.head(key)
        return found(key, answer) if answer else None

    async def delete(self, key: str, only: StoredObject | None = None) -> None:
        """Delete an object; quiet where it is gone.

        Raises:
            AlreadyExists: It is not the version that was to be deleted.
        """
        name = {"Key": self.key(key)}
        if only is None:
            await self.call("delete_object", **name)
            return
        there = await self.look(key)
        if there is not None and not differs(there, only):
            try:
                await self.conditionally(functools.partial(self.call, "delete_object", **name), only)
            except ClientError as error:
                if not is_conflict(error) and not is_missing(error):
                    raise
                there = await self.look(key)
        if there is not None and differs(there, only):
            said = f"{self.url(key)} is not the version that was to be deleted"
            raise AlreadyExists(Failure(Kind.CONFLICT, said))

    async def conditionally(self, write: Callable[..., Awaitable[object]], replaces: StoredObject | None) -> None:
        """Write only where the service finds what may be replaced, if it knows such preconditions.

        Args:
            write: Given the parameters of the precondition.
            replaces: What must be there; nothing where it is None.
        """
        if self.conditional:
            try:
                await write(**({"IfMatch": f'"{replaces.version}"'} if replaces else {"IfNoneMatch": "*"}))
                return
            except ClientError as error:
                if code_of(error) != "NotImplemented":
                    raise
                self.conditional = False
        await write()

    async def sign(self, key: str, lifetime: timedelta) -> str:
        """A URL that lets anybody read an object for a while; who gives credentials for that has a deadline too."""
        asked = {"Bucket": self.where.bucket, "Key": self.key(key)}
        async with self.deadline():
            client = await self.client()
            url: str = await client.generate_presigned_url("get_object", asked, ExpiresIn=int(lifetime.total_seconds()))
            return url

    async def close(self) -> None:
        """Close all connections."""
        if self.filesystem._s3 is not None:
            await self.filesystem._s3.close()


def kept(info: ObjectInfo) -> dict[str, Any]:
    """What requests that make an object say of it."""
    fields = {
        "attempt": info.attempt,
        # Metadata is ASCII, on one line: as in JSON.
        "video": json.dumps(info.video)[1:-1][:_LONGEST_VIDEO],
        "sha256": info.sha256,
    }
    return {"ContentType": info.media_type, "Metadata": {name: value for name, value in fields.items() if value}}


def found(key: str, answer: Mapping[str, Any]) -> StoredObject:
    """What an answer says of an object."""
    told = answer.get("Metadata") or {}
    attempt = told.get("attempt")
    return StoredObject(
        key,
        answer["ContentLength"],
        etag(answer),
        AttemptId(attempt) if attempt else None,
        told.get("sha256"),
        utc(answer["LastModified"]),
    )


def utc(time: datetime) -> datetime:
    """A time of an answer, without the classes of the client's library."""
    return time.astimezone(UTC)


def differs(there: StoredObject | None, expected: StoredObject | None) -> bool:
    """Whether what is there is something else than what may be there."""
    if there is None or expected is None:
        return there is not expected
    other_writer = None not in (there.attempt, expected.attempt) and there.attempt != expected.attempt
    return there.version != expected.version or other_writer


def etag(answer: Mapping[str, Any]) -> str:
    """The ETag in an answer, without its quotes."""
    return str(answer.get("ETag", "")).strip('"')


def comparable(answer: Mapping[str, Any]) -> bool:
    """Whether the ETag of what an answer is about is an MD5."""
    return not str(answer.get("ServerSideEncryption", "")).startswith("aws:kms")
