"""Copies that the service makes by itself."""

import asyncio
import functools
from typing import Any

from haulage.plugin import AlreadyExists, Failure, Kind, ObjectInfo, StoredObject
from haulage_s3.errors import Unsound
from haulage_s3.multipart import PATIENCE, end_quietly
from haulage_s3.service import Service, differs, etag, kept

WHOLE = 1 << 30
"""Up to how many bytes are copied by one request: S3 allows 5 GiB, but that takes longer than a request may."""

PART = 256 << 20
"""How many bytes a request copies of an object that is larger."""

_AT_ONCE = 8


async def copy(
    source: Service, key: str, target: Service, to: str, info: ObjectInfo, replaces: StoredObject | None
) -> StoredObject:
    """Copy an object; what it is now, and not what may take its place while it is copied."""
    original = await source.look(key)
    if original is None:
        raise Unsound("it is not there")
    if differs(await target.look(to), replaces):
        raise _met_another(target, to)
    said = {
        "CopySource": {"Bucket": source.where.bucket, "Key": source.key(key)},
        "CopySourceIfMatch": f'"{original.version}"',
    }
    try:
        if original.size <= WHOLE:
            asked = {**said, **kept(info), **target.written.parameters(), "MetadataDirective": "REPLACE"}
            whole = functools.partial(target.call, "copy_object", Key=target.key(to), **asked)
            await target.conditionally(whole, replaces)
        else:
            await _in_parts(target, to, original.size, said, info, replaces)
    except Exception as error:
        # Its answer may have been lost, so what is there decides.
        async with asyncio.timeout(target.patience(error)):
            there = await target.look(to)
        if there is None or there.attempt != info.attempt or not differs(there, replaces):
            if differs(there, replaces):
                raise _met_another(target, to) from None
            raise
    else:
        there = await target.look(to)
    if there is None or there.size != original.size:
        raise Unsound("what the service copied has another size than the original")
    return there


async def _in_parts(
    target: Service,
    to: str,
    size: int,
    source: dict[str, Any],
    info: ObjectInfo,
    replaces: StoredObject | None,
) -> None:
    begun = await target.call(
        "create_multipart_upload", Key=target.key(to), **kept(info), **target.written.parameters()
    )
    upload = {"Key": target.key(to), "UploadId": begun["UploadId"]}
    few = asyncio.Semaphore(_AT_ONCE)

    async def send(number: int) -> dict[str, Any]:
        first = (number - 1) * PART
        block = f"bytes={first}-{min(first + PART, size) - 1}"
        async with few:
            answer = await target.call("upload_part_copy", **upload, **source, PartNumber=number, CopySourceRange=block)
        return {"PartNumber": number, "ETag": f'"{etag(answer["CopyPartResult"])}"'}

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(send(number)) for number in range(1, -(-size // PART) + 1)]
        parts = [task.result() for task in tasks]
        complete = functools.partial(
            target.call, "complete_multipart_upload", **upload, MultipartUpload={"Parts": parts}
        )
        await target.conditionally(complete, replaces)
    except BaseException as error:
        first = error.exceptions[0] if isinstance(error, BaseExceptionGroup) else error
        await end_quietly(target, to, begun["UploadId"], min(PATIENCE, target.patience(first)))
        if first is not error:
            raise first from None
        raise


def _met_another(target: Service, to: str) -> AlreadyExists:
    return AlreadyExists(Failure(Kind.CONFLICT, f"{target.url(to)} was written by somebody else meanwhile"))
