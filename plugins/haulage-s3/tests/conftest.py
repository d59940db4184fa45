"""What the tests of the storage share: buckets on real servers, and boto3 as the witness of what is in them."""

import hashlib
import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from attrs import define, field
from botocore.config import Config

from haulage.plugin import AttemptId, BuildContext, ObjectInfo, StoredObject
from haulage.testing import Call, FaultProxy
from haulage.testing.servers import Moto, Seaweed
from haulage_s3.options import S3Options
from haulage_s3.plugin import haulage_storages
from haulage_s3.storage import S3Storage
from haulage_s3.upload import S3Upload

KEY = "UC1/v1/video.mp4"
ATTEMPT = "a" * 32

[RECORD] = haulage_storages()


@define
class Bucket:
    """A bucket of its own on a real server; boto3 tells what is in it."""

    server: Seaweed | Moto
    name: str
    boto: Any
    made: list[S3Storage] = field(factory=list)

    def storage(
        self,
        endpoint_url: str = "",
        environ: dict[str, str] | None = None,
        from_environment: bool = False,
        **options: Any,
    ) -> S3Storage:
        """A storage in the bucket, as a config would have it, which may leave the endpoint to the environment."""
        keys = {"access_key_id": self.server.access_key, "secret_access_key": self.server.secret_key}
        given = {"bucket": self.name, "region": "us-east-1", "prefix": "videos", **keys, **options}
        url = "" if from_environment else endpoint_url or self.server.endpoint_url
        options = S3Options(endpoint_url=url, **given)
        storage = RECORD.build(options, BuildContext("archive", Path(), environ or {}))
        self.made.append(storage)
        return storage

    def objects(self) -> dict[str, int]:
        """Every object in the bucket, and its size."""
        pages = self.boto.get_paginator("list_objects_v2").paginate(Bucket=self.name)
        return {each["Key"]: each["Size"] for page in pages for each in page.get("Contents", ())}

    def uploads(self) -> list[str]:
        """The key of every upload that is open."""
        return [each["Key"] for each in self.boto.list_multipart_uploads(Bucket=self.name).get("Uploads", ())]

    def get(self, key: str = KEY) -> dict[str, Any]:
        """An object, and its bytes as "Bytes"."""
        answer = self.boto.get_object(Bucket=self.name, Key=f"videos/{key}")
        with answer["Body"] as body:
            return {**answer, "Bytes": body.read()}

    def is_empty(self) -> bool:
        """Whether neither an object nor an open upload is there."""
        return not self.objects() and not self.uploads()


def _bucket(server: Seaweed | Moto) -> Iterator[Bucket]:
    client = boto3.client(
        "s3",
        endpoint_url=server.endpoint_url,
        aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key,
        region_name="us-east-1",
        config=Config(retries={"total_max_attempts": 1}),
    )
    bucket = Bucket(server, server.bucket(f"b{uuid.uuid4().hex[:12]}"), client)
    yield bucket
    for storage in bucket.made:
        storage.close()
    client.close()


@pytest.fixture(autouse=True)
def _nothing_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No credentials and settings but the test's own."""
    for name in [each for each in os.environ if each.startswith(("AWS_", "FSSPEC_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def strict(seaweed: Seaweed) -> Iterator[Bucket]:
    """A bucket on a server that holds to the rules as AWS does."""
    yield from _bucket(seaweed)


@pytest.fixture
def lenient(moto: Moto) -> Iterator[Bucket]:
    """A bucket on a server that checks nothing."""
    yield from _bucket(moto)


@pytest.fixture(params=["strict", "lenient"])
def bucket(request: pytest.FixtureRequest) -> Bucket:
    """Each of them in turn."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def proxy(strict: Bucket) -> Iterator[FaultProxy]:
    """Stands before the strict server."""
    with FaultProxy(strict.server.endpoint_url) as proxy:
        yield proxy


@pytest.fixture
def begin() -> Callable[..., S3Upload]:
    """Begins to write some bytes."""

    def begin(storage: S3Storage, data: bytes, key: str = KEY, **rest: Any) -> S3Upload:
        rest = {"size": len(data), "ctx": Call(ATTEMPT), "sha256": hashlib.sha256(data).hexdigest(), **rest}
        info = ObjectInfo("video/mp4", AttemptId(rest["ctx"].attempt), "youtube v1", rest.pop("sha256"))
        return storage.begin(key, info, rest.pop("ctx"), **rest)

    return begin


@pytest.fixture
def put(begin: Callable[..., S3Upload]) -> Callable[..., StoredObject]:
    """Writes an object in blocks, and commits it."""

    def put(storage: S3Storage, data: bytes, key: str = KEY, block: int = 1 << 20, **rest: Any) -> StoredObject:
        with begin(storage, data, key, **rest) as upload:
            for start in range(0, len(data), block):
                upload.write(memoryview(data)[start : start + block])
            return upload.commit(size=len(data), sha256=hashlib.sha256(data).hexdigest())

    return put
