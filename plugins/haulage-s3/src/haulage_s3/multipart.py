"""One multipart upload of the service, on the loop's side."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

from haulage_s3.errors import Unsound, code_of, is_missing
from haulage_s3.parts import Part, Sums, whole_etag, whole_sha256
from haulage_s3.service import Service, comparable, etag

PATIENCE = 3.0
"""Seconds that ending an upload may take: a cancel shall be over within five. Less where deadlines are shorter."""

_PAUSES = (0.0, 0.1, 0.5)


class Multipart:
    """Parts that are sent at once. All of it is used on the loop, except for `error`, which anybody may look at.

    Args:
        service: Where to.
        key: What it will become.
        token: What the service calls it.

    Attributes:
        token: What the service calls it.
        error: Why no more parts are sent.
    """

    def __init__(self, service: Service, key: str, token: str) -> None:
        self._service, self._key, self.token = service, key, token
        self._tasks: set[asyncio.Task[None]] = set()
        self._sent: dict[int, tuple[str, Sums]] = {}
        self.error: Exception | None = None

    @classmethod
    async def begin(cls, service: Service, key: str, said: dict[str, Any]) -> "Multipart":
        """Begin one. Where that is cancelled while the service answers, what it began is ended."""
        asked = service.written.parameters() | ({"ChecksumAlgorithm": "SHA256"} if service.written.with_kms else {})
        call = asyncio.ensure_future(service.call("create_multipart_upload", Key=service.key(key), **said, **asked))

        try:
            return cls(service, key, (await asyncio.shield(call))["UploadId"])
        except asyncio.CancelledError:
            with contextlib.suppress(Exception):
                async with asyncio.timeout(PATIENCE):
                    await end(service, key, (await call)["UploadId"])
            raise

    def send(self, part: Part, sent: Callable[[], None]) -> None:
        """Begin to send a part; `sent` is called once it is over with it, however it ended."""
        task = asyncio.get_running_loop().create_task(self._send(part))
        self._tasks.add(task)

        def over(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            part.close()
            if not task.cancelled() and isinstance(error := task.exception(), Exception) and self.error is None:
                self.error = error
                for each in self._tasks:
                    each.cancel()
            sent()

        task.add_done_callback(over)

    async def _send(self, part: Part) -> None:
        sums = part.sums
        answer = await self._service.call(
            "upload_part",
            Key=self._service.key(self._key),
            UploadId=self.token,
            PartNumber=part.number,
            Body=part.ready(),
            **sums.headers,
        )
        if comparable(answer) and etag(answer) != sums.md5.hex():
            raise Unsound(f"of part {part.number} the service received other bytes than were sent")
        self._sent[part.number] = etag(answer), sums

    async def sent(self) -> None:
        """Wait until all parts are sent. Raises what went wrong with one."""
        while self._tasks:
            await asyncio.wait(self._tasks)
        if self.error is not None:
            raise self.error

    @property
    def etag(self) -> str:
        """What the ETag of the whole must be."""
        return whole_etag(self._sums())

    def _sums(self) -> list[Sums]:
        return [sums for _, (_, sums) in sorted(self._sent.items())]

    async def complete(self, **condition: str) -> None:
        """Publish it."""
        parts = []
        for number, (name, sums) in sorted(self._sent.items()):
            checksum = {"ChecksumSHA256": sums.headers["ChecksumSHA256"]} if sums.sha256 else {}
            parts.append({"PartNumber": number, "ETag": f'"{name}"', **checksum})
        answer = await self._service.call(
            "complete_multipart_upload",
            Key=self._service.key(self._key),
            UploadId=self.token,
            MultipartUpload={"Parts": parts},
            **condition,
        )
        told, every = answer.get("ChecksumSHA256"), self._sums()
        if told and all(each.sha256 for each in every) and told.partition("-")[0] != whole_sha256(every):
            raise Unsound("what the service put together are other bytes than were sent")

    async def discard(self, patience: float) -> None:
        """End it for good: first the parts on their way, since one that arrives later would stay.

        Raises:
            Exception: It could not be ended within so many seconds.
        """
        async with asyncio.timeout(patience):
            for task in self._tasks:
                task.cancel()
            while self._tasks:
                await asyncio.wait(self._tasks)
            await end(self._service, self._key, self.token)


async def end(service: Service, key: str, token: str) -> None:
    """End an upload, and look whether it has ended. Quiet where it has ended already."""
    upload = {"Key": service.path(key), "UploadId": token}
    for last, pause in zip((False, False, True), _PAUSES, strict=True):
        await asyncio.sleep(pause)
        try:
            await service.call("abort_multipart_upload", **upload)
        except Exception as error:
            if code_of(error) == "NoSuchUpload":
                return
            if last:
                raise
            continue
        if await _has_ended(service, upload):
            return
    raise Unsound("the service keeps parts of it although it said that it ended it")


async def end_quietly(service: Service, key: str, token: str, patience: float) -> None:
    """End an upload within so many seconds, if that is possible; where it is not, a sweep will."""
    with contextlib.suppress(Exception):
        async with asyncio.timeout(patience):
            await end(service, key, token)


async def _has_ended(service: Service, upload: dict[str, str]) -> bool:
    try:
        answer = await service.call("list_parts", **upload)
    except Exception as error:
        # Who may not look believes the answer before.
        return code_of(error) == "NoSuchUpload" or is_missing(error) or code_of(error) in ("AccessDenied", "403")
    return not answer.get("Parts")
