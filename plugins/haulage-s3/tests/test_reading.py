"""Reading and listing objects, whatever happens on the way."""

import contextlib
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, timedelta
from urllib.request import urlopen

import pytest
from lateness import Lateness

from haulage.plugin import AttemptId, Cancelled, Kind, ObjectInfo, PendingUpload, StorageError
from haulage.testing import Call, faults
from haulage_s3 import copying
from haulage_s3 import storage as module

KEY = "UC1/v1/video.mp4"
MIB = 1 << 20
DATA = bytes(range(256)) * (4 * MIB // 256)


@pytest.fixture
def stored(strict):
    """An object that boto3 wrote."""
    strict.boto.put_object(Bucket=strict.name, Key=f"videos/{KEY}", Body=DATA)


def read(storage, call=None, key=KEY):
    with storage.read(key, call or Call()) as source:
        return source.read()


@pytest.mark.parametrize("cut", [0, MIB + 1])
def test_a_body_that_ends_early_is_an_error(strict, stored, proxy, cut):
    """Whoever reads an object gets all of its bytes or an error, never a beginning that looks like a whole."""
    proxy.on("GET", "mp4", faults.CutAnswer(at=cut))
    with pytest.raises(StorageError) as caught:
        read(strict.storage(proxy.url))
    assert caught.value.failure.kind is Kind.STORAGE
    assert proxy.count("GET", "mp4") == 1


@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_a_page_of_a_gateway_is_no_object(strict, stored, proxy, method):
    """What a gateway answers in the service's place is an error that passes, and neither an object nor its bytes."""
    storage = strict.storage(proxy.url)
    page = {"Content-Type": "text/html", "Last-Modified": "Sun, 29 Nov 2026 12:00:00 GMT"}
    proxy.on(method, "mp4", faults.Answer(200, page, b"<html>sign in</html>"), only=1)
    ask = {"HEAD": lambda: storage.stat(KEY), "GET": lambda: read(storage)}[method]
    with pytest.raises(StorageError, match="none of S3's") as caught:
        ask()
    assert caught.value.failure.kind is Kind.STORAGE
    assert storage.stat(KEY).size == len(DATA)
    assert read(storage) == DATA


@pytest.mark.parametrize("fault", [faults.Silence(), faults.CutAnswer(at=MIB, silent=True)], ids=["silent", "stalling"])
def test_a_body_that_stops_is_given_up_in_time(strict, stored, proxy, fault):
    """A server that falls silent is waited for as long as the deadline says, and asked once."""
    storage = strict.storage(proxy.url, timeout=timedelta(seconds=2))
    with contextlib.suppress(StorageError):
        storage.stat("warm")
    proxy.on("GET", "mp4", fault)
    with Lateness() as lateness:
        while not proxy.count("GET", "mp4"):  # a machine that stands still uses up the time before that
            before = time.monotonic()
            with pytest.raises(StorageError, match="did not answer within 2 s"):
                read(storage)
            ended = time.monotonic()
        assert ended - before - lateness.between(before, ended) < 2 * 1.2 + 0.5
    assert proxy.count("GET", "mp4") == 1


def test_a_cancel_is_heard_while_nothing_comes(strict, stored, proxy):
    """A cancel ends a read that waits for a silent server."""
    proxy.on("GET", "mp4", faults.CutAnswer(at=MIB, silent=True))
    call = Call()

    def cancel():
        proxy.wait_for(lambda requests: any(one.status for one in requests))
        call.cancel.cancel("stopped")
        return time.monotonic()

    with ThreadPoolExecutor(1) as pool:
        cancelled = pool.submit(cancel)
        with pytest.raises(Cancelled):
            read(strict.storage(proxy.url), call)
        assert time.monotonic() - cancelled.result() < 5


def test_what_is_replaced_while_it_is_read_is_never_mixed(strict, stored):
    """Bytes of two versions never make one file: a reader gets the version that it began with, or an error."""
    with strict.storage().read(KEY, Call()) as source:
        first = source.read(MIB)
        strict.boto.put_object(Bucket=strict.name, Key=f"videos/{KEY}", Body=DATA[::-1])
        try:
            rest = source.read()
        except StorageError:
            return
    assert first + rest == DATA


def test_leaving_in_the_middle_is_harmless(strict, stored):
    """A reader that goes early leaves a storage that works."""
    storage = strict.storage()
    with storage.read(KEY, Call()) as source:
        assert source.read(10) == DATA[:10]
    assert read(storage) == DATA


def test_a_list_has_all_pages_and_strangers_too(bucket, monkeypatch):
    """Every page is listed, by folder and not by substring, with our prefix taken off; strangers have any name."""
    monkeypatch.setattr(module, "_PAGE", 2)
    names = ["a/1.mp4", "a/2.mp4", "a/b/3.mp4", "a/wh at?versionId=[x] é.mp4", "a1/4.mp4", "b/5.mp4"]
    for name in names:
        bucket.boto.put_object(Bucket=bucket.name, Key=f"videos/{name}", Body=name.encode())
    bucket.boto.put_object(Bucket=bucket.name, Key="videos-of-others/1.mp4", Body=b"")
    storage = bucket.storage()
    assert sorted(each.key for each in storage.list("")) == sorted(names)
    listed = list(storage.list("a"))
    assert sorted(each.key for each in listed) == sorted(names[:4])
    assert {each.size for each in listed if each.key == names[3]} == {len(names[3].encode())}
    assert {each.modified.tzinfo for each in listed} == {UTC}


def test_pending_uploads_have_all_pages(bucket, monkeypatch):
    """Open uploads below a folder are listed over all pages, whoever began them, and nobody else's are ended."""
    monkeypatch.setattr(module, "_PAGE", 2)
    begun = {}
    for name in ["videos/a/1.mp4", "videos/a/1.mp4", "videos/a/2.mp4", "videos/a/b/3.mp4", "videos/a1/4.mp4", "x/5"]:
        answer = bucket.boto.create_multipart_upload(Bucket=bucket.name, Key=name)
        begun[answer["UploadId"]] = name.removeprefix("videos/")
    storage = bucket.storage()
    found = list(storage.pending("a"))
    expected = {token: name for token, name in begun.items() if name.startswith("a/")}
    assert {each.token: each.key for each in found} == expected
    for each in found:
        storage.abort_pending(each)
    storage.abort_pending(PendingUpload("a/1.mp4", found[0].token, found[0].began))
    assert sorted(bucket.uploads()) == ["videos/a1/4.mp4", "x/5"]


def test_a_signed_url_lives_seven_days_at_most(strict, stored):
    """A signed URL serves the object to anybody; a longer life than S3 allows is a mistake in the config."""
    storage = strict.storage()
    with urlopen(storage.signed_url(KEY, timedelta(days=7))) as answer:
        assert answer.read() == DATA
    for lifetime in (timedelta(days=7, seconds=1), timedelta(0)):
        with pytest.raises(StorageError) as caught:
            storage.signed_url(KEY, lifetime)
        assert caught.value.failure.kind is Kind.CONFIG


@pytest.mark.parametrize("whole", [True, False])
def test_a_copy_between_prefixes_is_made_by_the_service(bucket, put, monkeypatch, whole):
    """Small objects are copied by one request and large ones in parts, with their own metadata and no byte sent."""
    monkeypatch.setattr(copying, "WHOLE", 20 * MIB if whole else MIB)
    monkeypatch.setattr(copying, "PART", 5 * MIB)
    data = DATA * 3
    here, there = bucket.storage(prefix="here"), bucket.storage(prefix="there")
    put(here, data)
    info = ObjectInfo("video/webm", AttemptId("c" * 32), "youtube v2", "00")
    copied = there.copy_here(here, KEY, "copy.mp4", info, Call())
    answer = bucket.boto.get_object(Bucket=bucket.name, Key="there/copy.mp4")
    with answer["Body"] as body:
        assert body.read() == data
    assert answer["ContentType"] == "video/webm"
    assert answer["Metadata"] == {"attempt": "c" * 32, "video": "youtube v2", "sha256": "00"}
    assert copied == there.stat("copy.mp4")
    assert bucket.uploads() == []


@pytest.mark.parametrize("whole", [True, False])
def test_a_copy_whose_answer_is_lost_is_there(strict, proxy, put, monkeypatch, whole):
    """When the service made a copy and its answer was lost, the copy is found; no upload stays open."""
    monkeypatch.setattr(copying, "WHOLE", 20 * MIB if whole else MIB)
    monkeypatch.setattr(copying, "PART", 5 * MIB)
    storage = strict.storage(proxy.url)
    put(storage, DATA * 3)
    proxy.on("PUT" if whole else "POST", "copy.mp4" if whole else "uploadId=", faults.DropAnswer())
    info = ObjectInfo("video/mp4", AttemptId("c" * 32), "v", "00")
    assert storage.copy_here(storage, KEY, "copy.mp4", info, Call()) == storage.stat("copy.mp4")
    assert strict.get("copy.mp4")["Bytes"] == DATA * 3
    assert strict.uploads() == []


def test_a_copy_that_fails_half_way_leaves_nothing(strict, proxy, put, monkeypatch):
    """When the service refuses a part of a copy its upload is ended."""
    monkeypatch.setattr(copying, "WHOLE", MIB)
    monkeypatch.setattr(copying, "PART", 5 * MIB)
    storage = strict.storage(proxy.url)
    put(storage, DATA * 3)
    proxy.on("PUT", "partNumber=2", faults.Answer(503))
    info = ObjectInfo("video/mp4", AttemptId("c" * 32), "v", "00")
    with pytest.raises(StorageError):
        storage.copy_here(storage, KEY, "copy.mp4", info, Call())
    assert list(strict.objects()) == [f"videos/{KEY}"]
    assert strict.uploads() == []


def test_nothing_is_copied_from_where_other_credentials_are_needed(strict, lenient, put):
    """From another service, or with other credentials, the service is not asked to copy."""
    other = lenient.storage()
    put(other, b"x")
    assert strict.storage().copy_here(other, KEY, KEY, ObjectInfo("a/b", AttemptId("c"), "v", None), Call()) is None
    assert strict.is_empty()


@pytest.mark.parametrize("fault", [faults.DropAnswer(), faults.Reset()], ids=["lost", "reset"])
def test_a_delete_may_be_repeated(strict, stored, proxy, fault):
    """A delete whose answer was lost fails, and is quiet when it is done again."""
    storage = strict.storage(proxy.url)
    proxy.on("DELETE", "", fault, only=1)
    with pytest.raises(StorageError):
        storage.delete(KEY)
    assert proxy.count("DELETE", "") == 1
    storage.delete(KEY)
    assert strict.objects() == {}
