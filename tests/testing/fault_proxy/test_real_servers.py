"""The fault proxy before real servers, seen from clients of S3, GCS and the web."""

import hashlib
import http.client
import io
import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import boto3
import botocore.config
import botocore.exceptions
import pytest
from proxy_ends import BODY

from haulage.testing import FaultProxy, LoopbackSite, faults
from haulage.testing.servers import FakeGcs, Seaweed


def s3(server: Seaweed, proxy: FaultProxy) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=proxy.url,
        aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key,
        region_name="us-east-1",
        config=botocore.config.Config(retries={"total_max_attempts": 2, "mode": "standard"}),
    )


@pytest.fixture
def before_s3(seaweed: Seaweed) -> Iterator[FaultProxy]:
    with FaultProxy(seaweed.endpoint_url) as proxy:
        yield proxy


def test_signatures_hold(seaweed: Seaweed, before_s3: FaultProxy) -> None:
    """An upload of several parts passes a server that checks the signatures, and comes back as it was."""
    bucket = seaweed.bucket("signatures-hold")
    content = bytes(range(256)) * 50_000
    config = boto3.s3.transfer.TransferConfig(multipart_chunksize=5 << 20, multipart_threshold=5 << 20)
    s3(seaweed, before_s3).upload_fileobj(io.BytesIO(content), bucket, "a b/ü", Config=config)
    found = s3(seaweed, before_s3).get_object(Bucket=bucket, Key="a b/ü")["Body"].read()
    assert hashlib.sha256(found).digest() == hashlib.sha256(content).digest()
    assert before_s3.count("PUT", "partNumber=") == 3
    assert {one.status for one in before_s3.requests} == {200}


def test_a_lost_answer_of_s3(seaweed: Seaweed, before_s3: FaultProxy) -> None:
    """An object whose answer was dropped is stored, and its client has asked again."""
    bucket = seaweed.bucket("lost-answer")
    before_s3.on("PUT", "/lost", faults.DropAnswer(), only=1)
    s3(seaweed, before_s3).put_object(Bucket=bucket, Key="lost", Body=b"whole")
    assert [one.fault for one in before_s3.requests] == [faults.DropAnswer(), faults.Pass()]
    assert [one.status for one in before_s3.requests] == [200, 200]


def test_a_flipped_bit_is_found_by_s3(seaweed: Seaweed, before_s3: FaultProxy) -> None:
    """An object with one wrong bit is refused by a store that checks what it gets."""
    bucket = seaweed.bucket("flipped-bit")
    before_s3.on("PUT", "/flipped", faults.FlipRequest(3))
    with pytest.raises(botocore.exceptions.ClientError, match=r"Digest|SHA256|Checksum"):
        s3(seaweed, before_s3).put_object(Bucket=bucket, Key="flipped", Body=b"whole")
    assert "Contents" not in s3(seaweed, before_s3).list_objects_v2(Bucket=bucket)


def test_a_cut_request_stores_nothing(seaweed: Seaweed, before_s3: FaultProxy) -> None:
    """An object of which the store got only the beginning is not there, and the client has an error."""
    bucket = seaweed.bucket("cut-request")
    before_s3.on("PUT", "/cut", faults.CutRequest(100_000))
    with pytest.raises(botocore.exceptions.BotoCoreError):
        s3(seaweed, before_s3).put_object(Bucket=bucket, Key="cut", Body=bytes(200_000))
    assert before_s3.count("PUT", "/cut") == 2, before_s3.requests
    assert "Contents" not in s3(seaweed, before_s3).list_objects_v2(Bucket=bucket)


def test_a_resumable_upload_to_gcs_passes_here(fake_gcs: FakeGcs) -> None:
    """All requests of a resumable upload are seen, since the address that the server tells is the proxy's."""
    bucket = fake_gcs.bucket("resumable-upload")
    with FaultProxy(fake_gcs.endpoint_url) as proxy:
        address = f"{proxy.url}/upload/storage/v1/b/{bucket}/o?uploadType=resumable&name=a"
        with urllib.request.urlopen(urllib.request.Request(address, b"{}"), timeout=5) as answer:
            location = answer.headers["Location"]
        assert location.startswith(f"{proxy.url}/"), "the next request does not pass here"
        request = urllib.request.Request(location, BODY, {"Content-Range": "bytes 0-9/10"}, method="PUT")
        with urllib.request.urlopen(request, timeout=5) as answer:
            assert json.load(answer)["size"] == "10"
        assert [(one.method, one.status) for one in proxy.requests] == [("POST", 200), ("PUT", 200)]


def test_the_loopback_site_can_be_stood_before() -> None:
    """A video of the loopback site can be cut on its way."""
    with LoopbackSite() as site, FaultProxy(site.url("/")) as proxy:
        proxy.on("GET", "clip.mp4", faults.CutAnswer(1000))
        connection = http.client.HTTPConnection(proxy.url.removeprefix("http://"), timeout=5)
        connection.request("GET", "/clip.mp4")
        with pytest.raises(http.client.IncompleteRead) as raised:
            connection.getresponse().read()
        assert raised.value.partial == site.file("clip.mp4").read_bytes()[:1000]
        connection.close()
