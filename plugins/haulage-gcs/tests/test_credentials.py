"""Who asks, and what is said where nobody may."""

import json
import subprocess
import sys
import time
import traceback
from datetime import timedelta
from urllib.parse import parse_qs

import pytest
from lateness import Lateness

from haulage.plugin import Kind, StorageError

SCOPE = "https://www.googleapis.com/auth/devstorage.read_write"


@pytest.fixture
def nobody(monkeypatch, tmp_path):
    """A machine that has no credentials, and is not Google's."""
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path / "gcloud"))
    monkeypatch.setenv("NO_GCE_CHECK", "true")


@pytest.fixture
def key_file(account, tmp_path):
    """The account's key in a file."""
    path = tmp_path / "key.json"
    path.write_text(json.dumps(account.key))
    return path


@pytest.fixture
def asking(build, strict):
    """Makes storages at the strict server."""
    return lambda **options: build(bucket="videos", endpoint_url=strict.url, **options)


def refused(storage):
    """What is raised by a storage that must not get in."""
    with pytest.raises(StorageError) as raised:
        storage.stat("c/v.mp4")
    return raised.value.failure


def tokens(strict):
    """The requests for tokens."""
    return [each for each in strict.asked if each.path == "/token"]


@pytest.mark.parametrize("way", ["path", "relative path", "key", "environment", "gcloud"])
def test_a_key_lets_in(way, asking, strict, account, key_file, tmp_path, nobody, store):
    """Wherever a key is given, a token is got for it, signed by the account and good for objects alone."""
    ways = {
        "path": {"token": str(key_file)},
        "relative path": {"token": "key.json", "folder": tmp_path},
        "key": {"token": json.dumps(account.key)},
        "environment": {"environ": {"GOOGLE_APPLICATION_CREDENTIALS": str(key_file)}},
        "gcloud": {},
    }
    if way == "gcloud":
        (tmp_path / "gcloud").mkdir()
        key_file.rename(tmp_path / "gcloud" / "application_default_credentials.json")
    store(asking(**ways[way]), b"x")
    (asked,) = tokens(strict)
    assert strict.asked[0] is asked, "the token comes before the first request of the storage"
    claims = account.claims(parse_qs(asked.body.decode())["assertion"][0])
    assert (claims["iss"], claims["scope"]) == (account.key["client_email"], SCOPE)
    assert strict.objects["c/v.mp4"]["data"] == b"x"


def test_the_name_of_a_session_is_enough(asking, strict, account, key_file, store):
    """Chunks carry no token: a session that was opened goes on, whatever becomes of the token meanwhile."""
    store(asking(token=str(key_file)), b"x")
    carried = {each.method: "authorization" in each.headers for each in strict.asked if each.path != "/token"}
    assert carried == {"POST": True, "GET": True, "PUT": False}


def test_a_token_that_ends_is_got_anew(asking, strict, account, key_file):
    """A token is used as long as it is in force, and no longer."""
    storage = asking(token=str(key_file))
    strict.token_answer = (200, {**strict.token_answer[1], "expires_in": 1})
    storage.stat("c/v.mp4")
    strict.token, strict.token_answer = "t2", (200, {"access_token": "t2", "expires_in": 3600})
    storage.stat("c/v.mp4")
    storage.stat("c/v.mp4")
    assert len(tokens(strict)) == 2


def test_credentials_that_end_half_way_are_told_of(asking, strict, account, key_file, store):
    """A token that the service does not take any more stops the run, without asking anonymously."""
    storage = asking(token=str(key_file))
    store(storage, b"x")
    strict.token = "another"
    failure = refused(storage)
    assert failure.kind is Kind.DENIED
    assert "Invalid Credentials" in failure.message
    assert all("authorization" in each.headers for each in strict.asked if each.method == "GET")


def test_workload_identity_lets_in(asking, strict, tmp_path, nobody):
    """What a workload outside of Google is, told by a file that it is given, is exchanged for a token."""
    subject = tmp_path / "subject"
    subject.write_text("who-i-am")
    audience = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q"
    config = {
        "type": "external_account",
        "audience": audience,
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": f"{strict.url}/token",
        "credential_source": {"file": str(subject)},
    }
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config))
    strict.token = "t1"
    strict.token_answer[1]["issued_token_type"] = "urn:ietf:params:oauth:token-type:access_token"
    assert asking(environ={"GOOGLE_APPLICATION_CREDENTIALS": str(path)}).stat("c/v.mp4") is None
    (asked,) = tokens(strict)
    said = parse_qs(asked.body.decode())
    assert (said["subject_token"], said["audience"], said["scope"]) == (["who-i-am"], [audience], [SCOPE])


def test_the_metadata_server_lets_in(strict, tmp_path):
    """On a machine of Google's, the account of the machine asks; in a process of its own, as google-auth looks once."""
    strict.token = "t1"
    host = strict.url.removeprefix("http://")
    said = subprocess.run(
        [sys.executable, "-c", _ON_GOOGLE, strict.url],
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": str(tmp_path),
            "CLOUDSDK_CONFIG": str(tmp_path),
            "GCE_METADATA_HOST": host,
            "GCE_METADATA_IP": host,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "asks as vm@project, by the metadata server of this machine" in said.stdout


_ON_GOOGLE = """
import os, sys
from pathlib import Path
from haulage.plugin import BuildContext
from haulage_gcs.options import GcsOptions
from haulage_gcs.storage import GcsStorage
options = GcsOptions(bucket="videos", endpoint_url=sys.argv[1])
storage = GcsStorage(options, BuildContext("archive", Path(), os.environ))
assert storage.stat("c/v.mp4") is None
print(*(each.message for each in storage.examine()), sep=chr(10))
storage.close()
"""


def test_nobody_is_not_let_in_silently(asking, strict, nobody):
    """Without credentials there is no request at all, and one line says where they were looked for."""
    failure = refused(asking())
    assert failure.kind is Kind.DENIED
    assert "\n" not in failure.message
    for place in ("token", "GOOGLE_APPLICATION_CREDENTIALS", "gcloud", "metadata server"):
        assert place in failure.message
    assert "key file" in failure.cure
    assert strict.asked == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"not json: PLANTED-SECRET", "is no JSON"),
        (b"\xff\xfe", "is no JSON"),
        (b'["PLANTED-SECRET"]', "is no JSON object"),
        (b'{"private_key": "PLANTED-SECRET"}', "is no key of Google's"),
        (b'{"type": "service_account", "private_key": "PLANTED-SECRET"}', "is no key of Google's"),
        (
            b'{"type": "service_account", "private_key": "PLANTED-SECRET", "client_email": "x", "token_uri": "y"}',
            "is no key of Google's",
        ),
        (b'{"type": "PLANTED-SECRET"}', "is no key of Google's"),
        (b'{"type": "external_account", "audience": "PLANTED-SECRET"}', "is no key of Google's"),
    ],
    ids=["missing", "no json", "no text", "a list", "no type", "not whole", "no pem", "odd type", "no source"],
)
@pytest.mark.parametrize("named", ["token", "GOOGLE_APPLICATION_CREDENTIALS"])
def test_a_key_file_that_is_none_is_told_of(asking, strict, tmp_path, nobody, named, content, said):
    """What is wrong with the file is said, which one it is, and what to set; never what is in it."""
    path = tmp_path / "key.json"
    if content is not None:
        path.write_bytes(content)
    storage = asking(**({"token": str(path)} if named == "token" else {"environ": {named: str(path)}}))
    with pytest.raises(StorageError) as raised:
        storage.stat("c/v.mp4")
    failure = raised.value.failure
    assert failure.kind is Kind.DENIED
    assert said in failure.message
    assert f"{named} names" in failure.message
    assert "set token" in failure.cure
    assert "PLANTED" not in "".join(traceback.format_exception(raised.value))
    assert strict.asked == []


def test_a_broken_sign_in_is_not_called_a_missing_one(asking, strict, tmp_path, nobody):
    """A file of gcloud's that cannot be read is told of as what it is."""
    (tmp_path / "gcloud").mkdir()
    (tmp_path / "gcloud" / "application_default_credentials.json").write_text("{")
    failure = refused(asking())
    assert failure.kind is Kind.DENIED
    assert "application default credentials of gcloud cannot be used" in failure.message
    assert strict.asked == []


@pytest.mark.parametrize(
    ("error", "description", "kind", "said", "cure"),
    [
        ("invalid_grant", "Invalid JWT Signature.", Kind.DENIED, "Invalid JWT Signature", "was deleted or disabled"),
        ("invalid_grant", "Invalid grant: account not found", Kind.DENIED, "account not found", "another account's"),
        (
            "invalid_grant",
            "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. "
            "Check your iat and exp values in the JWT claim.",
            Kind.DENIED,
            "reasonable timeframe",
            "clock",
        ),
        ("invalid_grant", "Token has been expired or revoked.", Kind.DENIED, "expired or revoked", "gcloud auth"),
        ("unauthorized_client", "Client is unauthorized", Kind.DENIED, "unauthorized", "set token"),
    ],
    ids=["signature", "account", "clock", "revoked", "other"],
)
def test_a_key_that_gets_no_token_is_told_of(asking, strict, account, key_file, error, description, kind, said, cure):
    """What the token service says is told with a cure, of the key that was used; the storage is asked nothing."""
    strict.token_answer = (400, {"error": error, "error_description": description})
    failure = refused(asking(token=str(key_file)))
    assert failure.kind is kind
    assert said in failure.message
    assert str(key_file) in failure.message
    assert cure in failure.cure
    assert {each.path for each in strict.asked} == {"/token"}


def test_a_token_service_that_fails_is_asked_once(asking, strict, account, key_file):
    """Where tokens come from may be down for a while: an error to be tried again, by the retry policy alone."""
    strict.token_answer = (503, {"error": "unavailable"})
    failure = refused(asking(token=str(key_file)))
    assert failure.kind is Kind.STORAGE
    assert "HTTP 503" in failure.message
    assert len(strict.asked) == 1


def test_a_silent_token_service_ends_within_the_deadline(asking, strict, account, tmp_path, proxy, fake_gcs):
    """A token that does not come is an error when the deadline is over."""
    from haulage.testing import faults

    proxy.on("POST", "/token", faults.Silence())
    path = tmp_path / "key.json"
    path.write_text(json.dumps({**account.key, "token_uri": f"{proxy.url}/token"}))
    storage = asking(token=str(path), timeout=timedelta(seconds=2))
    with Lateness() as lateness:
        began = time.monotonic()
        failure = refused(storage)
        ended = time.monotonic()
        assert ended - began - lateness.between(began, ended) < 2 * 1.2
    assert failure.kind is Kind.STORAGE
    proxy.wait_for(lambda requests: requests)  # who asks for a token may be later than who waits for it
    assert proxy.count("POST", "/token") == 1


def test_the_environment_sends_nothing_elsewhere(build, strict, monkeypatch, store, fake_gcs, bucket):
    """Variables that make gcsfs write elsewhere are not followed."""
    for name in ("STORAGE_EMULATOR_HOST", "FSSPEC_GCS_ENDPOINT_URL", "FSSPEC_GS_ENDPOINT_URL"):
        monkeypatch.setenv(name, strict.url)
    store(build(bucket=bucket, token="anon", endpoint_url=fake_gcs.endpoint_url), b"x")
    assert strict.asked == []


def test_a_proxy_of_the_environment_is_used(build, monkeypatch, fake_gcs, bucket, store, witness):
    """The proxy that other programs use is used too, and told of; there is no such host but behind it."""
    monkeypatch.setenv("http_proxy", fake_gcs.endpoint_url)
    monkeypatch.setenv("no_proxy", "")
    storage = build(bucket=bucket, token="anon", endpoint_url="http://storage.invalid")
    monkeypatch.delenv("http_proxy")
    store(storage, b"x")
    assert witness.content("c/v.mp4") == b"x"
    assert f"through the proxy {fake_gcs.endpoint_url}" in next(iter(storage.examine())).message
