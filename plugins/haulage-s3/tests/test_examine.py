"""What the storage says of its bucket before it is needed."""

import pytest

from haulage.testing import faults


def told(storage):
    """The findings, as level and text."""
    return [(each.level, f"{each.about}: {each.message}; {each.cure}") for each in storage.examine()]


def test_a_good_bucket(strict):
    """Endpoint, origin and credentials are told, and that everything may be done; nothing is left behind."""
    found = told(strict.storage())
    assert {level for level, _ in found} == {"good"}
    text = "\n".join(each for _, each in found)
    assert f"storage archive: {strict.server.endpoint_url}, region us-east-1 (from endpoint_url in the config)" in text
    assert "credentials from the config (access_key_id)" in text
    assert "it may be listed, written, read and deleted" in text
    assert "the service holds preconditions" in text
    assert strict.is_empty()


def test_each_missing_permission_is_named(strict):
    """Of a reader all that it may not do is named, and nothing that it may."""
    server = strict.server
    found = told(strict.storage(access_key_id=server.reader_access_key, secret_access_key=server.reader_secret_key))
    [(level, text)] = [each for each in found if each[0] != "good"]
    assert level == "bad"
    assert f"allow s3:PutObject for the bucket {strict.name} in the policy" in text
    assert "s3:ListBucket" not in text


@pytest.mark.parametrize(
    ("method", "target", "missing"),
    [
        ("DELETE", "uploadId=", "s3:AbortMultipartUpload"),
        ("DELETE", r"txt$", "s3:DeleteObject"),
        ("GET", "list-type", "s3:ListBucket"),
        ("GET", r"\?uploads", "s3:ListBucketMultipartUploads"),
        ("GET", r"txt$", "s3:GetObject"),
        ("GET", "uploadId=", "s3:ListMultipartUploadParts"),
    ],
)
def test_a_permission_that_is_missing_alone(strict, proxy, method, target, missing):
    """Where one right is missing, that one is named."""
    proxy.on(method, target, faults.Answer(403, body=b"<Error><Code>AccessDenied</Code></Error>"))
    bad = [text for level, text in told(strict.storage(proxy.url)) if level == "bad"]
    assert len(bad) == 1
    assert f"missing {missing};" in bad[0]


def test_a_service_that_ignores_preconditions(strict, proxy):
    """A service that answers a precondition which does not hold with success is warned of."""
    proxy.on("PUT", r"txt$", faults.Answer(200, headers={"ETag": '"x"'}), only=2)
    found = told(strict.storage(proxy.url))
    assert [text for level, text in found if level == "warning" and "ignores preconditions" in text]


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"])
def test_an_endpoint_of_the_environment_is_named(strict, monkeypatch, name):
    """Where the environment redirects to another endpoint, that is told, with the variable."""
    url = strict.server.endpoint_url
    monkeypatch.setenv(name, url)
    found = told(strict.storage(environ={name: url}, from_environment=True))
    assert found[0][1].startswith(f"storage archive: {url}, region us-east-1 (from the environment variable {name})")
    assert strict.is_empty()


def test_a_service_that_cannot_be_examined(strict):
    """What is wrong with the credentials or the bucket is one bad finding; nothing is raised."""
    for options in ({"secret_access_key": "wrong"}, {"endpoint_url": "http://127.0.0.1:9"}):
        levels = [level for level, _ in told(strict.storage(**options))]
        assert levels.count("bad") == 1
    [bad] = [text for level, text in told(strict.storage(access_key_id="", secret_access_key="")) if level == "bad"]
    assert "no credentials were found" in bad
