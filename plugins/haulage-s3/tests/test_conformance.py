"""S3 holds the laws of a storage, on a server that is strict and on one that is lenient."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from haulage.testing import FaultProxy, StorageTests, faults
from haulage.testing.servers import Moto, Seaweed

ALL = frozenset({"keeps_info", "checks_content", "exclusive_create", "conditional_replace"})


def config_of(server: Seaweed | Moto, bucket: str, endpoint_url: str = "") -> dict[str, object]:
    return {
        "type": "s3",
        "bucket": bucket,
        "prefix": "videos",
        "region": "us-east-1",
        "endpoint_url": endpoint_url or server.endpoint_url,
        "access_key_id": server.access_key,
        "secret_access_key": server.secret_key,
    }


class Witnessed(StorageTests):
    """Has boto3 as the witness."""

    required_claims = ALL
    # Small numbers: each object is several requests to a server that shares this machine. Pages are tested elsewhere.
    many = 12
    examples = 3
    meetings = 4

    @pytest.fixture(scope="class")
    @classmethod
    def boto(cls, server: Seaweed | Moto) -> Iterator[Any]:
        keys = {"aws_access_key_id": server.access_key, "aws_secret_access_key": server.secret_key}
        client = boto3.client("s3", endpoint_url=server.endpoint_url, region_name="us-east-1", **keys)
        yield client
        client.close()

    @pytest.fixture(scope="class")
    @classmethod
    def bucket(cls, server: Seaweed | Moto) -> str:
        return server.bucket("laws")

    @pytest.fixture
    def config(self, server: Seaweed | Moto, bucket: str) -> dict[str, object]:
        return config_of(server, bucket)

    @pytest.fixture
    def witness(self, boto: Any, bucket: str) -> Any:
        def look(folder: str) -> dict[str, bytes]:
            below = f"videos/{folder}/"
            pages = boto.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=below)
            keys = [each["Key"] for page in pages for each in page.get("Contents", ())]
            return {key.removeprefix("videos/"): get(key) for key in keys}

        def get(key: str) -> bytes:
            with boto.get_object(Bucket=bucket, Key=key)["Body"] as body:
                return body.read()

        return look

    @pytest.fixture
    def leftovers(self, boto: Any, bucket: str) -> Any:
        def look(folder: str) -> list[str]:
            found = boto.list_multipart_uploads(Bucket=bucket, Prefix=f"videos/{folder}/")
            return [each["Key"] for each in found.get("Uploads", ())]

        return look

    @pytest.fixture
    def tampering(self, server: Seaweed | Moto, bucket: str) -> Iterator[dict[str, object]]:
        with FaultProxy(server.endpoint_url) as proxy:
            proxy.on("PUT", "haulage-check", faults.FlipRequest(at=0))
            yield config_of(server, bucket, proxy.url)


class TestSeaweed(Witnessed):
    """On SeaweedFS, which holds to its rules as AWS does."""

    @pytest.fixture(scope="class")
    @classmethod
    def server(cls, seaweed: Seaweed) -> Seaweed:
        return seaweed


class TestMoto(Witnessed):
    """On moto, which accepts what AWS refuses."""

    @pytest.fixture(scope="class")
    @classmethod
    def server(cls, moto: Moto) -> Moto:
        return moto
