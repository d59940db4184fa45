"""An object that is being written."""

import asyncio
import functools
import time
from collections.abc import Awaitable, Callable

from haulage.plugin import (
    AlreadyExists,
    CheckedUpload,
    Context,
    Failure,
    Kind,
    ObjectInfo,
    StorageError,
    StoredObject,
)
from haulage_s3.budget import Budget
from haulage_s3.errors import Unsound, failure, is_conflict
from haulage_s3.multipart import PATIENCE, Multipart
from haulage_s3.parts import SMALLEST, Part, largest, part_size
from haulage_s3.service import Service, comparable, differs, found, kept

Publish = Callable[..., Awaitable[object]]


class S3Upload(CheckedUpload):
    """Sends parts while it is written to; what fits into one part is sent as a whole by `commit`.

    What is written is copied, and sent by the loop's thread. A write waits while the storage's budget is used up.
    After every outcome of a commit the service is asked what is there. A cancel ends all requests; where it meets the
    one that publishes, the object may have become visible all the same.
    """

    def __init__(
        self,
        service: Service,
        budget: Budget,
        key: str,
        info: ObjectInfo,
        replaces: StoredObject | None,
        size: int | None,
        ctx: Context,
    ) -> None:
        super().__init__(service.url(key), ctx)
        self._service, self._budget, self._key = service, budget, key
        self._info, self._replaces, self._announced = info, replaces, size
        self._doing = f"write {self._name}"
        self._share = budget.share()
        self._part: Part | None = None
        self._number = self._taken = 0
        self._multipart: Multipart | None = None
        self._in_parts = False
        self._until: float | None = None
        if size is not None and size > largest(size):
            raise self._refusal(f"it has {size} bytes, and S3 takes no more than {_gib(size)} in parts")
        if size is None or size > SMALLEST:
            self._multipart = service.run(self._doing, Multipart.begin(service, key, kept(info)), ctx.cancel)
            self.token = self._multipart.token

    def _append(self, data: bytes | memoryview) -> None:
        rest = memoryview(data).cast("B")
        while rest:
            self._raise_if_lost()
            if self._part is None or self._part.is_full:
                self._part = self._next_part()
            part = self._part
            taken = part.fill(rest)
            rest, self._taken = rest[taken:], self._taken + taken
            if part.is_full and self._multipart:
                self._send(self._multipart)

    def _raise_if_lost(self) -> None:
        self._ctx.cancel.raise_if_cancelled()
        error = self._multipart and self._multipart.error
        if error:
            raise StorageError(failure(error, self._doing, self._service.where)) from error

    def _next_part(self) -> Part:
        if self._announced is not None and self._taken >= self._announced:
            raise self._refusal(f"more than the {self._announced} bytes announced were written")
        if self._taken >= largest(self._announced):
            raise self._refusal(f"it has more than the {_gib(self._announced)} that S3 takes in parts")
        self._number += 1
        room = part_size(self._number, self._announced)
        if self._announced is not None:
            room = min(room, self._announced - self._taken)
        with self._ctx.cancel.on_cancel(self._budget.wake):
            self._share.take(room, self._raise_if_lost)
        return Part(self._number, room, sha256=self._service.written.with_kms)

    def _send(self, multipart: Multipart) -> None:
        part, self._part = self._part, None
        if part is not None:
            self._in_parts = True
            loop = self._service.filesystem.loop
            loop.call_soon_threadsafe(multipart.send, part, lambda: self._share.give(part.room))

    def _publish(self) -> StoredObject:
        if self._multipart and self._in_parts:
            self._send(self._multipart)
        part, self._part = self._part, None
        try:
            return self._service.run(self._doing, self._commit(part), self._ctx.cancel)
        except StorageError as error:
            self._missed(error.__cause__)
            raise

    def _missed(self, error: BaseException | None) -> None:
        """Where a deadline was missed, all that follows has a little time together, and not each a deadline more."""
        if self._until is None and isinstance(error, TimeoutError):
            self._until = time.monotonic() + self._service.brief

    def _patience(self, otherwise: float) -> float:
        """How many seconds something may take."""
        return otherwise if self._until is None else max(0.0, self._until - time.monotonic())

    async def _commit(self, part: Part | None) -> StoredObject:
        if self._multipart and self._in_parts:
            await self._multipart.sent()
            stored = await self._show(self._multipart.complete, self._multipart.etag)
            self._multipart = None  # it has ended
            return stored
        part = part or Part(1, 0, sha256=self._service.written.with_kms)
        try:
            return await self._show(functools.partial(self._put, part), part.sums.md5.hex())
        finally:
            part.close()
            self._share.give(part.room)

    async def _put(self, part: Part, **condition: str) -> None:
        said = {**kept(self._info), **self._service.written.parameters(), **part.sums.headers, **condition}
        await self._service.call("put_object", Key=self._service.key(self._key), Body=part.ready(), **said)

    async def _show(self, publish: Publish, etag: str) -> StoredObject:
        if differs(await self._service.look(self._key), self._replaces):
            raise self._met_another()
        try:
            await self._service.conditionally(publish, self._replaces)
        except Exception as error:
            stored = await self._published(etag, error)
            if stored is None:
                raise
        else:
            stored = await self._published(etag, None)
            if stored is None:
                raise self._refusal("it is not there any more after it was written")
        return stored

    async def _published(self, etag: str, error: Exception | None) -> StoredObject | None:
        """Find out what became of it.

        Args:
            etag: What its ETag must be.
            error: What publishing it raised, which does not say that it was not published.

        Returns:
            The object where it is there and whole, None where it is not there.
        """
        self._missed(error)
        try:
            async with asyncio.timeout(self._patience(self._service.where.timeout)):
                answer = await self._service.head(self._key)
        except Exception:
            if error is None:
                raise
            return None
        there = found(self._key, answer) if answer else None
        before = self._replaces and self._replaces.version
        if there is None or there.attempt != self._info.attempt or (error and there.version == before):
            if error and (is_conflict(error) or differs(there, self._replaces)):
                raise self._met_another() from error
            return None
        if there.size == self._size and (not comparable(answer or {}) or there.version == etag):
            return there
        async with asyncio.timeout(self._patience(self._service.where.timeout)):
            await self._service.delete(self._key, there)
        raise Unsound(f"the service kept {there.size} bytes ({there.version}), not the {self._size} sent ({etag})")

    def _met_another(self) -> AlreadyExists:
        return AlreadyExists(Failure(Kind.CONFLICT, f"{self._name} was written by somebody else meanwhile"))

    def _discard(self) -> None:
        part, self._part = self._part, None
        if part is not None:
            part.close()
            self._share.give(part.room)
        multipart, self._multipart = self._multipart, None
        if multipart is not None:
            self._missed(multipart.error)
            patience = self._patience(min(PATIENCE, self._service.where.timeout))
            try:
                self._service.run(f"end the upload of {self._name}", multipart.discard(patience))
            except StorageError as error:
                self._ctx.log.warning("%s; a sweep of pending uploads will end it", error.failure.message)


def _gib(size: int | None) -> str:
    return f"{largest(size) >> 30} GiB"
