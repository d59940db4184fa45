"""How an object is sent, chunk by chunk."""

import hashlib
import random

import pytest

from haulage.cancel import Cancelled
from haulage.plugin import AlreadyExists, Kind, ObjectInfo, Size, StorageError
from haulage.testing import Call

KIB, MIB = 1 << 10, 1 << 20
QUANTUM = 256 * KIB
DATA = random.Random(3).randbytes(3 * MIB + 5)


@pytest.fixture
def strictly(build, strict):
    """Makes storages at the strict server; options may be given."""
    return lambda **options: build(bucket="videos", token="anon", endpoint_url=strict.url, **options)


def spans(strict):
    """The ranges that were sent."""
    return [each.headers["content-range"] for each in strict.asked if each.method == "PUT"]


def test_a_small_object_is_one_chunk_with_its_checksum(strictly, strict, store):
    """The last request of an upload says how large it is and what its CRC32C is, for the service to refuse others."""
    store(strictly(), b"123456789")
    (put,) = [each for each in strict.asked if each.method == "PUT"]
    assert put.headers["content-range"] == "bytes 0-8/9"
    assert put.headers["x-goog-hash"] == "crc32c=4waSgw=="  # of the check value of CRC-32C in its definition
    assert [each.method for each in strict.asked] == ["POST", "GET", "PUT"]


def test_chunks_are_as_large_as_the_buffer_lets_them(strictly, strict, store):
    """A small buffer makes small chunks; together they are the object."""
    store(strictly(buffer=Size(MIB)), DATA)
    assert spans(strict) == [
        f"bytes 0-{MIB - 1}/*",
        f"bytes {MIB}-{2 * MIB - 1}/*",
        f"bytes {2 * MIB}-{3 * MIB - 1}/*",
        f"bytes {3 * MIB}-{3 * MIB + 4}/{3 * MIB + 5}",
    ]
    assert strict.objects["c/v.mp4"]["data"] == DATA


def test_chunks_grow_with_what_was_sent(proxied, proxy, store, witness):
    """Chunks begin with 8 MiB and end with 32: a large file takes few requests, and a small one little memory."""
    data = bytes(65 * MIB)
    store(proxied(), data, known=False)
    sizes = [8, 8, 16, 32]
    assert proxy.count("PUT", "upload_id") == len(sizes) + 1
    assert witness.told("p/c/v.mp4")["size"] == str(len(data))


def test_two_uploads_share_the_buffer_and_neither_waits(strictly, strict):
    """An upload that finds the buffer spent sends small chunks, though the other one never goes on."""
    storage, call = strictly(buffer=Size(MIB)), Call()
    info = ObjectInfo("video/mp4", call.attempt, "v", None)
    with storage.begin("a.mp4", info, call) as first, storage.begin("b.mp4", info, call) as second:
        first.write(b"x")
        second.write(DATA)
        second.commit(size=len(DATA), sha256=hashlib.sha256(DATA).hexdigest())
        assert strict.objects["b.mp4"]["data"] == DATA
        assert len(spans(strict)) == -(-len(DATA) // QUANTUM)
    strict.asked.clear()
    with storage.begin("c.mp4", info, call) as third:  # all was given back
        third.write(DATA)
        assert spans(strict)[0] == f"bytes 0-{MIB - 1}/*"


def test_what_the_service_did_not_keep_of_a_chunk_is_sent_again(strictly, strict, store):
    """A service may keep less than it was sent, and then gets the rest, as often as it takes."""
    strict.keeps = QUANTUM
    store(strictly(buffer=Size(MIB)), DATA)
    assert strict.objects["c/v.mp4"]["data"] == DATA
    assert spans(strict)[:2] == [f"bytes 0-{MIB - 1}/*", f"bytes {QUANTUM}-{MIB - 1}/*"]


def test_a_service_that_keeps_nothing_is_an_error(strictly, strict, store):
    """A chunk that is not taken at all ends the upload, instead of being sent for ever."""
    strict.keeps = 0
    with pytest.raises(StorageError, match="the service has 0 bytes of the 1048576 that were sent") as raised:
        store(strictly(buffer=Size(MIB)), DATA)
    assert raised.value.failure.kind is Kind.STORAGE
    assert len(spans(strict)) == 1


def test_the_bytes_go_where_the_config_says(strictly, strict, store):
    """The host that the service names for the upload session is not followed; the strict server names another one."""
    store(strictly(), b"x")
    assert strict.objects["c/v.mp4"]["data"] == b"x"


def test_an_abort_ends_the_session(strictly, strict):
    """What is not committed is forgotten by the service at once."""
    call = Call()
    with strictly().begin("c/v.mp4", ObjectInfo("video/mp4", call.attempt, "v", None), call) as upload:
        upload.write(b"x")
        assert len(strict.sessions) == 1
    assert strict.sessions == {}
    upload.abort()
    assert strict.paths("DELETE") == ["/upload/storage/v1/b/videos/o"]


def test_a_service_that_honours_preconditions_decides_itself(strictly, strict, store, monkeypatch):
    """Who was faster between our look and the last request is not overwritten, by the service's word."""
    storage, call = strictly(), Call()
    with storage.begin("c/v.mp4", ObjectInfo("video/mp4", call.attempt, "v", None), call) as upload:
        upload.write(b"slow")
        answer, stored = strict.session, []

        def session(asked):
            if not stored:
                stored.append(strict.put("c/v.mp4", b"fast", strict.sessions["s0"]["asked"]))
            return answer(asked)

        monkeypatch.setattr(type(strict), "session", lambda _, asked: session(asked))
        with pytest.raises(AlreadyExists):
            upload.commit(size=4, sha256=hashlib.sha256(b"slow").hexdigest())
    assert strict.objects["c/v.mp4"]["data"] == b"fast"


def test_a_cancel_between_two_writes_leaves_nothing(storage, witness):
    """Cancelled is raised by the next write, and the service has no object."""
    call = Call()
    with storage.begin("c/v.mp4", ObjectInfo("video/mp4", call.attempt, "v", None), call) as upload:
        upload.write(DATA)
        call.cancel.cancel("enough")
        with pytest.raises(Cancelled):
            upload.write(DATA)
    assert witness.names() == []


@pytest.mark.parametrize("kind", [bytearray, memoryview, lambda data: memoryview(bytearray(data))])
def test_a_buffer_is_its_callers_again(storage, witness, kind):
    """What is done to the buffer after `write` changes nothing of the object."""
    call, data = Call(), kind(DATA)
    with storage.begin("c/v.mp4", ObjectInfo("video/mp4", call.attempt, "v", None), call) as upload:
        upload.write(data)
        if not memoryview(data).readonly:
            data[:] = bytes(len(data))
        upload.commit(size=len(DATA), sha256=hashlib.sha256(DATA).hexdigest())
    assert witness.content("p/c/v.mp4") == DATA


@pytest.mark.parametrize("wrong", ["size", "digest"])
def test_what_was_not_announced_is_not_published(storage, witness, wrong):
    """Another size or another digest than was written ends the upload."""
    call = Call()
    size, sha256 = len(DATA) + (wrong == "size"), hashlib.sha256(DATA + b"x" * (wrong == "digest")).hexdigest()
    with storage.begin("c/v.mp4", ObjectInfo("video/mp4", call.attempt, "v", None), call) as upload:
        upload.write(DATA)
        with pytest.raises(StorageError):
            upload.commit(size=size, sha256=sha256)
    assert witness.names() == []
