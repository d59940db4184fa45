"""What the service and the client say is told in one line that names the cause and the cure."""

import socket
from datetime import timedelta
from pathlib import Path

import pytest

from haulage.plugin import BuildContext, Kind, StorageError
from haulage.testing import Call, faults
from haulage_s3.options import S3Options
from haulage_s3.plugin import haulage_storages

[RECORD] = haulage_storages()
KEY = "UC1/v1/video.mp4"
PART = 8 << 20


def failure_of(call, *arguments, **options):
    with pytest.raises(StorageError) as caught:
        call(*arguments, **options)
    failure = caught.value.failure
    assert "\n" not in str(failure)
    return failure


def calls(storage, begin):
    """Each way of reaching the service, by the permission that it needs."""
    return {
        "s3:GetObject": lambda: storage.stat(KEY),
        "s3:PutObject": lambda: begin(storage, b"", size=None),
        "s3:ListBucket": lambda: list(storage.list("")),
        "s3:DeleteObject": lambda: storage.delete(KEY),
        "s3:ListBucketMultipartUploads": lambda: list(storage.pending("")),
    }


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"access_key_id": "nobody", "secret_access_key": "wrong-one"}, "does not know the access key"),
        ({"secret_access_key": "wrong-one"}, "does not belong to its access key"),
    ],
)
def test_wrong_credentials(strict, begin, keys, said):
    """Whatever is asked first, wrong credentials are denied; what is wrong, and where they are from, is said."""
    storage = strict.storage(**keys)
    for call in calls(storage, begin).values():
        failure = failure_of(call)
        assert failure.kind is Kind.DENIED
        assert said in failure.message
        assert "the credentials of the config (access_key_id)" in failure.message
        assert "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY" in failure.cure
        assert "wrong-one" not in str(failure)


def test_credentials_that_are_too_weak(strict, begin):
    """A reader who tries to write is denied, and told which permission is missing for which bucket."""
    server = strict.server
    storage = strict.storage(access_key_id=server.reader_access_key, secret_access_key=server.reader_secret_key)
    for permission in ("s3:PutObject", "s3:DeleteObject"):
        failure = failure_of(calls(storage, begin)[permission])
        assert failure.kind is Kind.DENIED
        assert f"{permission} is missing" in failure.message
        assert failure.cure == f"allow {permission} for the bucket {strict.name} in the policy"
    assert storage.stat(KEY) is None


def test_a_bucket_that_is_not_there(lenient, put):
    """A bucket that does not exist is denied, by its name and the endpoint."""
    storage = lenient.storage(bucket="no-such-bucket")
    for data in (b"small", bytes(PART + 1)):
        failure = failure_of(put, storage, data)
        assert failure.kind is Kind.DENIED
        assert f"there is no bucket no-such-bucket at {lenient.server.endpoint_url}" in failure.message


def test_reading_what_is_not_there(bucket):
    """An object that is not there cannot be read, and is quietly absent for a look and a delete."""
    storage = bucket.storage()
    failure = failure_of(lambda: storage.read(KEY, Call()).__enter__())
    assert failure.kind is Kind.STORAGE
    assert failure.message.endswith(f"videos/{KEY}: it is not there")
    assert storage.stat(KEY) is None
    storage.delete(KEY)


def build(environ=None, **options):
    options = S3Options(**{"bucket": "b", "endpoint_url": "http://127.0.0.1:9", **options})
    return RECORD.build(options, BuildContext("archive", Path(), environ or {}))


def test_no_credentials():
    """Without credentials one line says where they were looked for and what to set; nothing is sent."""
    failure = failure_of(build().stat, KEY)
    assert failure.kind is Kind.DENIED
    assert "no credentials were found: not in the config, not in the environment, not in ~/.aws" in failure.message
    assert "AWS_ACCESS_KEY_ID" in failure.cure


def test_half_of_the_credentials(monkeypatch):
    """Where one half of the credentials is missing it is named, in the environment and in the config."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody")
    failure = failure_of(build().stat, KEY)
    assert failure.kind is Kind.DENIED
    assert "AWS_SECRET_ACCESS_KEY is missing" in failure.message
    failure = failure_of(build, access_key_id="somebody")
    assert failure.kind is Kind.CONFIG
    assert "secret_access_key is missing" in failure.message


def test_a_profile_that_is_not_there():
    """A profile that does not exist is named."""
    failure = failure_of(build(profile="archive").stat, KEY)
    assert failure.kind is Kind.DENIED
    assert "there is no profile archive in ~/.aws" in failure.message


def test_a_service_that_is_not_there():
    """A port on which nobody listens is an error of the storage, which may pass; it names the endpoint."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        keys = {"access_key_id": "a", "secret_access_key": "b"}
        failure = failure_of(build(endpoint_url=f"http://127.0.0.1:{port}", **keys).stat, KEY)
        assert failure.kind is Kind.STORAGE
        assert f"http://127.0.0.1:{port} cannot be reached: Connection refused" in failure.message


def xml(code, message="", **more):
    inner = "".join(f"<{name}>{value}</{name}>" for name, value in {"Code": code, "Message": message, **more}.items())
    return f'<?xml version="1.0"?><Error>{inner}</Error>'.encode()


ANSWERS = [
    (503, "SlowDown", {}, {"Retry-After": "7"}, Kind.STORAGE, "asks for fewer requests"),
    (500, "InternalError", {}, {}, Kind.STORAGE, "the service answered InternalError"),
    (503, "", {}, {}, Kind.STORAGE, "asks for fewer requests"),
    (403, "AccessDenied", {}, {}, Kind.DENIED, "s3:ListBucket is missing"),
    (400, "ExpiredToken", {}, {}, Kind.DENIED, "have expired"),
    (403, "RequestTimeTooSkewed", {}, {}, Kind.DENIED, "the clock of this machine"),
    (301, "PermanentRedirect", {}, {"x-amz-bucket-region": "eu-west-3"}, Kind.DENIED, "but in eu-west-3"),
    (400, "AuthorizationHeaderMalformed", {"Region": "eu-west-3"}, {}, Kind.DENIED, "but in eu-west-3"),
    (404, "NoSuchBucket", {}, {}, Kind.DENIED, "there is no bucket"),
    (400, "KMS.DisabledException", {}, {}, Kind.DENIED, "KMS.DisabledException"),
    (507, "XMinioStorageFull", {}, {}, Kind.NO_SPACE, "the service is full"),
    (401, "Unheard", {}, {}, Kind.DENIED, "the service answered Unheard"),
]


@pytest.mark.parametrize(
    ("status", "code", "more", "headers", "kind", "said"), ANSWERS, ids=lambda each: str(each)[:30]
)
def test_each_answer_has_its_message(strict, proxy, status, code, more, headers, kind, said):
    """Every answer of a service that refuses is told by its cause, once, with the right kind."""
    body = xml(code, "why so https://u:secret@example.org/", **more) if code else b""
    proxy.on("GET", "list-type", faults.Answer(status, headers=headers, body=body))
    failure = failure_of(list, strict.storage(proxy.url).list(""))
    assert failure.kind is kind
    assert said in failure.message
    assert "u:secret" not in failure.message
    assert failure.retry_after == (timedelta(seconds=7) if "Retry-After" in headers else None)
    assert len(proxy.requests) == 1
    if "eu-west-3" in said:
        assert failure.cure == "set region: eu-west-3"


@pytest.mark.parametrize("status", [400, 403])
def test_the_reason_that_an_answer_to_head_cannot_give_is_asked_for(strict, proxy, status):
    """The answer to HEAD has no body, so the reason is that of one GET of the first byte."""
    proxy.on("HEAD", "", faults.Answer(status))
    proxy.on("GET", "", faults.Answer(status, body=xml("ExpiredToken")))
    failure = failure_of(strict.storage(proxy.url).stat, KEY)
    assert failure.kind is Kind.DENIED
    assert "have expired" in failure.message
    assert [one.method for one in proxy.requests] == ["HEAD", "GET"]
