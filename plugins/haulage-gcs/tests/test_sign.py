"""URLs that let anybody read one object for a while."""

import hashlib
import json
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from haulage.plugin import Kind, StorageError


@pytest.fixture
def storage(build, account):
    """One whose credentials are a key."""
    return build(bucket="videos", prefix="p", token=json.dumps(account.key))


def test_a_url_is_signed_by_the_account(storage, account):
    """Google can check it: it names the object, how long it is good for and who signed, as Google documents it."""
    url = urlsplit(storage.signed_url("c/v.mp4", timedelta(hours=2)))
    assert (url.scheme, url.netloc, url.path) == ("https", "storage.googleapis.com", "/videos/p/c/v.mp4")
    query, _, signature = url.query.rpartition("&X-Goog-Signature=")
    said = parse_qs(query)
    assert said["X-Goog-Expires"] == ["7200"]
    assert said["X-Goog-Credential"][0].startswith(account.key["client_email"] + "/")
    request = f"GET\n{url.path}\n{query}\nhost:{url.netloc}\n\nhost\nUNSIGNED-PAYLOAD"
    scope = said["X-Goog-Credential"][0].partition("/")[2]
    digest = hashlib.sha256(request.encode()).hexdigest()
    account.verify(bytes.fromhex(signature), f"GOOG4-RSA-SHA256\n{said['X-Goog-Date'][0]}\n{scope}\n{digest}".encode())


def test_who_pays_is_in_a_url(build, account):
    """Where who asks has to pay, the URL says that our project does."""
    storage = build(bucket="videos", token=json.dumps(account.key), project="payer")
    assert "userProject=payer" in storage.signed_url("c/v.mp4", timedelta(hours=2))


def test_no_request_is_needed_to_sign_with_a_key(storage, strict):
    """A key signs by itself."""
    storage.signed_url("c/v.mp4", timedelta(days=7))
    assert strict.asked == []


@pytest.mark.parametrize("lifetime", [timedelta(days=7, seconds=1), timedelta(0), timedelta(-1)])
def test_a_lifetime_that_cannot_be_had_is_refused(storage, lifetime):
    """More than 7 days, or none, is for the operator to correct."""
    with pytest.raises(StorageError, match="cannot sign a URL for gs://videos/p/c/v") as raised:
        storage.signed_url("c/v.mp4", lifetime)
    assert raised.value.failure.kind is Kind.CONFIG


def test_who_cannot_sign_is_told_so(build):
    """Credentials that have nothing to sign with are named."""
    with pytest.raises(StorageError, match="nobody, since token is anon, cannot sign") as raised:
        build(bucket="videos", token="anon").signed_url("c/v.mp4", timedelta(1))
    assert raised.value.failure.kind is Kind.DENIED
