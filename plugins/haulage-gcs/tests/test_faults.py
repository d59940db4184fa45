"""A service that fails, and what is left then."""

import hashlib
import json
import logging
import random
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from haulage.cancel import Cancelled
from haulage.plugin import AlreadyExists, Kind, ObjectInfo, Size, StorageError
from haulage.testing import Call, faults

MIB = 1 << 20
DATA = random.Random(5).randbytes(2 * MIB + 9)
SOON = timedelta(seconds=1)
OBJECT, LIST, BEGIN, CHUNK = "/o/[^?]+$|/o/[^?]+\\?fields", "/o\\?prefix", "uploadType=resumable&name", "upload_id"
"""What stands in the targets of requests."""
QUERIES = ("GET", OBJECT), ("GET", "alt=media"), ("GET", LIST), ("DELETE", "/o/"), ("POST", BEGIN), ("PUT", CHUNK)


def told(status, reason="", message="", **headers):
    """An answer as the service words them."""
    error = {"code": status, "message": message, "errors": [{"reason": reason, "message": message}]}
    return faults.Answer(status, {"Content-Type": "application/json", **headers}, json.dumps({"error": error}).encode())


def everything(storage, store):
    """Do all that a storage can do, each in a function of its own."""

    def read():
        with storage.read("c/there.mp4", Call()) as file:
            return file.read()

    return {
        ("GET", OBJECT): lambda: storage.stat("c/there.mp4"),
        ("GET", "alt=media"): read,
        ("GET", LIST): lambda: list(storage.list("c")),
        ("DELETE", "/o/"): lambda: storage.delete("c/there.mp4"),
        ("POST", BEGIN): lambda: store(storage, DATA),
        ("PUT", CHUNK): lambda: store(storage, DATA),
    }


@pytest.mark.parametrize("query", QUERIES, ids=["stat", "read", "list", "delete", "begin", "chunk"])
@pytest.mark.parametrize(
    ("fault", "kind", "said", "cure"),
    [
        (told(401, "authError", "Invalid Credentials"), Kind.DENIED, "Invalid Credentials", "haulage doctor"),
        (
            told(403, "forbidden", "me@x does not have storage.objects.create access to the object."),
            Kind.DENIED,
            "me@x does not have",
            "grant the credentials storage.objects.create",
        ),
        (told(429, "rateLimitExceeded", "slow down"), Kind.STORAGE, "HTTP 429", ""),
        (told(503, "backendError", "Backend Error"), Kind.STORAGE, "Backend Error", ""),
        (faults.Answer(502, {}, b"<html>oops</html>"), Kind.STORAGE, "it was refused", ""),
        (faults.Answer(302, {"Location": "http://127.0.0.1:9/"}), Kind.CONFIG, "HTTP 302", "correct endpoint_url"),
        (faults.Reset(), Kind.STORAGE, "broke the connection off", ""),
        (faults.Drop(), Kind.STORAGE, "broke the connection off", ""),
    ],
    ids=["401", "403", "429", "503", "502", "redirect", "reset", "drop"],
)
def test_every_fault_is_told_of_and_tried_once(proxied, proxy, witness, store, query, fault, kind, said, cure):
    """Whatever is asked, an error has its kind, what was tried, what was said and a cure; nothing is asked twice."""
    witness.put("p/c/there.mp4", DATA)
    storage = proxied()
    proxy.on(*query, fault)
    with pytest.raises(StorageError) as raised:
        everything(storage, store)[query]()
    failure = raised.value.failure
    assert (failure.kind, "\n" in failure.message) == (kind, False)
    assert "gs://" in failure.message
    assert said in failure.message
    assert cure in failure.cure
    assert proxy.count(*query) == 1
    assert witness.names() == ["p/c/there.mp4"]


def since_harmed(proxy):
    """Seconds since the first request came that was not just handed on."""
    return time.monotonic() - next(each.at for each in proxy.requests if each.fault != faults.Pass())


@pytest.mark.parametrize("query", QUERIES, ids=["stat", "read", "list", "delete", "begin", "chunk"])
def test_a_silent_service_ends_within_the_deadline(proxied, proxy, witness, store, query):
    """An answer that does not come is an error when the deadline is over, and not a fifth of it later."""
    witness.put("p/c/there.mp4", DATA)
    storage = proxied(timeout=SOON)
    asked = everything(storage, store)[query]
    proxy.on(query[0], query[1], faults.Silence())
    proxy.on("DELETE", CHUNK, faults.Silence())
    with pytest.raises(StorageError, match="said nothing, or took nothing, for 1 s") as raised:
        asked()
    assert raised.value.failure.kind is Kind.STORAGE
    assert since_harmed(proxy) < 1.2 * SOON.total_seconds()
    assert proxy.count(*query) == 1


@pytest.mark.parametrize("at", [0, MIB])
def test_an_upload_that_stalls_ends_within_the_deadline(proxied, proxy, witness, store, at):
    """Bytes that are not taken any more are an error when the deadline is over."""
    storage = proxied(timeout=SOON)
    proxy.on("PUT", CHUNK, faults.CutRequest(at, silent=True))
    with pytest.raises(StorageError, match="said nothing, or took nothing, for 1 s"):
        store(storage, bytes(16 * MIB))
    assert since_harmed(proxy) < 1.2 * SOON.total_seconds()
    assert proxy.count("PUT", CHUNK) == 1
    assert witness.names() == []


def test_a_download_that_stalls_ends_within_the_deadline(proxied, proxy, witness):
    """Bytes that do not come any more are an error when the deadline is over."""
    witness.put("p/c/v.mp4", DATA)
    proxy.on("GET", "alt=media", faults.CutAnswer(MIB, silent=True))
    with proxied(timeout=SOON).read("c/v.mp4", Call()) as file, pytest.raises(StorageError, match="cannot read gs://"):
        file.read()
    assert since_harmed(proxy) < 1.2 * SOON.total_seconds()


def test_an_object_that_is_replaced_before_it_is_read_is_an_error(proxied, proxy, witness, store):
    """Between the look and the first byte another version came: its bytes are not taken for those looked at."""
    witness.put("p/c/v.mp4", b"this version")
    storage = proxied()

    def read():
        with storage.read("c/v.mp4", Call()) as file:
            return file.read()

    proxy.on("GET", "alt=media", faults.Delay(0.5))
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read)
        proxy.wait_for(lambda requests: any("alt=media" in each.target for each in requests))
        witness.put("p/c/v.mp4", b"that version")
        with pytest.raises(StorageError, match="cannot read gs://"):
            reading.result()


def test_a_download_that_is_cut_is_an_error(proxied, proxy, witness):
    """Fewer bytes than the object has are never taken for the whole."""
    witness.put("p/c/v.mp4", DATA)
    storage = proxied()
    proxy.on("GET", "alt=media", faults.CutAnswer(MIB), only=1)
    proxy.on("GET", "alt=media", faults.Answer(200, {}, DATA[:MIB]), only=2)
    for _ in range(2):
        with storage.read("c/v.mp4", Call()) as file, pytest.raises(StorageError) as raised:
            file.read()
        assert raised.value.failure.kind is Kind.STORAGE


def test_a_download_hears_a_cancel(proxied, proxy, witness, clock):
    """A reader that waits for bytes is let go at once."""
    witness.put("p/c/v.mp4", DATA)
    proxy.on("GET", "alt=media", faults.CutAnswer(MIB, silent=True))
    call = Call()
    with proxied().read("c/v.mp4", call) as file:
        file.read(1)
        threading.Timer(0.2, call.cancel.cancel, ["enough"]).start()
        with pytest.raises(Cancelled):
            file.read()
    assert clock() < 5


def test_an_upload_hears_a_cancel_while_it_sends(proxied, proxy, witness, clock):
    """A chunk that is under way is broken off, and nothing is left of it."""
    call = Call()
    proxy.on("PUT", CHUNK, faults.Silence())
    storage = proxied(buffer=Size(MIB))
    with storage.begin("c/v.mp4", ObjectInfo("v", call.attempt, "v", None), call) as upload:
        threading.Timer(0.2, call.cancel.cancel, ["enough"]).start()
        with pytest.raises(Cancelled):
            upload.write(DATA)
    assert clock() < 5
    assert proxy.count("DELETE", CHUNK) == 1
    assert witness.names() == []


def test_an_upload_that_waits_for_another_hears_a_cancel(proxied, proxy, store, clock):
    """Of two uploads to one key that end at once the second waits for the first, and not after a cancel."""
    storage, call = proxied(timeout=3 * SOON), Call()
    with ThreadPoolExecutor(1) as pool:
        with storage.begin("c/v.mp4", ObjectInfo("v", call.attempt, "v", None), call) as upload:
            upload.write(DATA)
            proxy.on("PUT", CHUNK, faults.Silence())
            first = pool.submit(store, storage, DATA)
            proxy.wait_for(lambda requests: any(each.method == "PUT" for each in requests))
            threading.Timer(0.2, call.cancel.cancel, ["enough"]).start()
            with pytest.raises(Cancelled):
                upload.commit(size=len(DATA), sha256=hashlib.sha256(DATA).hexdigest())
        assert clock() < 2.5
        assert isinstance(first.exception(), StorageError)
    assert proxy.count("PUT", CHUNK) == 1


@pytest.mark.parametrize("at", [0, MIB, len(DATA) - 1])
def test_a_flipped_byte_is_refused_and_not_seen(proxied, proxy, witness, store, at):
    """What arrived otherwise than it was sent is an error, and gone from a service that stored it."""
    proxy.on("PUT", CHUNK, faults.FlipRequest(at))
    with pytest.raises(StorageError, match="the service stored other bytes than were sent") as raised:
        store(proxied(), DATA)
    assert raised.value.failure.kind is Kind.STORAGE
    assert witness.names() == []


def test_a_flipped_byte_is_refused_by_a_service_that_checks(build, strict, store, monkeypatch):
    """A service that compares the checksum never shows the object; its refusal is told of as what it is."""
    answer = type(strict).session

    def flipped(self, asked):
        asked.body = asked.body[:-1] + bytes([asked.body[-1] ^ 1])
        return answer(self, asked)

    monkeypatch.setattr(type(strict), "session", flipped)
    with pytest.raises(StorageError, match="other bytes arrived than were sent: Provided CRC32C") as raised:
        store(build(bucket="videos", token="anon", endpoint_url=strict.url), b"123")
    assert raised.value.failure.kind is Kind.STORAGE
    assert strict.objects == {}


def test_an_object_that_cannot_be_deleted_again_is_told_of(proxied, proxy, store):
    """Where wrong bytes were stored and stay, the error says so."""
    proxy.on("PUT", CHUNK, faults.FlipRequest(0))
    proxy.on("DELETE", "/o/", told(403, "forbidden", "storage.objects.delete"))
    with pytest.raises(StorageError, match=r"other bytes than were sent, and they could not be deleted: .*delete"):
        store(proxied(), DATA)


def test_a_lost_answer_of_the_last_request_is_no_failure(proxied, proxy, witness, store):
    """What was stored, its answer lost, counts as stored: it is ours, and whole."""
    proxy.on("PUT", CHUNK, faults.DropAnswer())
    stored = store(proxied(), DATA)
    assert witness.content("p/c/v.mp4") == DATA
    assert stored.version == witness.told("p/c/v.mp4")["generation"]
    assert proxy.count("PUT", CHUNK) == 1


def test_an_error_though_it_was_stored_is_no_failure(proxied, proxy, witness, store):
    """A service that stores the object and says that it failed is believed in what it shows."""
    proxy.on("PUT", CHUNK, faults.CutAnswer(10))
    assert store(proxied(), DATA).version == witness.told("p/c/v.mp4")["generation"]


def test_a_lost_answer_does_not_claim_what_another_stored(proxied, proxy, witness, store):
    """An object of somebody else under the key is no success of ours, even with the same bytes."""
    storage = proxied()
    proxy.on("PUT", CHUNK, faults.Reset(), only=2)
    call = Call()
    with storage.begin("c/v.mp4", ObjectInfo("video/mp4", call.attempt, "v", None), call) as upload:
        upload.write(DATA)
        proxy.on("GET", OBJECT, told(404, "notFound", "No such object"), first=2)  # neither sees the other coming
        store(storage, DATA)
        with pytest.raises(StorageError, match="broke the connection off"):
            upload.commit(size=len(DATA), sha256=hashlib.sha256(DATA).hexdigest())


@pytest.mark.parametrize("fault", [faults.DropAnswer(), faults.Drop()], ids=["done", "not done"])
def test_a_lost_answer_of_a_chunk_ends_the_upload(proxied, proxy, witness, store, fault):
    """A chunk is not sent again; the upload fails, its session is ended, and nothing is seen."""
    proxy.on("PUT", CHUNK, fault, only=2)
    with pytest.raises(StorageError, match="broke the connection off") as raised:
        store(proxied(buffer=Size(MIB)), DATA)
    assert raised.value.failure.kind is Kind.STORAGE
    assert (proxy.count("PUT", CHUNK), proxy.count("DELETE", CHUNK)) == (2, 1)
    assert witness.names() == []


@pytest.mark.parametrize(
    ("query", "left"),
    [(("GET", OBJECT), True), (("GET", LIST), True), (("DELETE", "/o/"), False), (("POST", BEGIN), True)],
    ids=["stat", "list", "delete", "begin"],
)
def test_a_lost_answer_leaves_what_was_done(proxied, proxy, witness, store, query, left):
    """Every other answer that is lost is an error; what was asked for is done or not, and nothing else."""
    witness.put("p/c/there.mp4", DATA)
    storage = proxied()
    proxy.on(*query, faults.DropAnswer(), only=1)
    with pytest.raises(StorageError, match="broke the connection off"):
        everything(storage, store)[query]()
    assert witness.names() == (["p/c/there.mp4"] if left else [])
    storage.delete("c/there.mp4")  # again, or at last
    assert witness.names() == []


def test_a_lost_answer_of_a_copy_is_no_failure(proxied, proxy, witness):
    """A copy that was made, its answer lost, counts as made."""
    witness.put("p/c/v.mp4", DATA)
    storage, call = proxied(), Call()
    proxy.on("POST", "rewriteTo", faults.DropAnswer())
    info = ObjectInfo("video/mp4", call.attempt, "v", None)
    copied = storage.copy_here(storage, "c/v.mp4", "c/w.mp4", info, call)
    assert copied.version == witness.told("p/c/w.mp4")["generation"]


@pytest.mark.parametrize("status", [400, 403, 500, 503])
def test_a_refused_completion_publishes_nothing(proxied, proxy, witness, store, status):
    """A service that takes every chunk and refuses the last is told of, and its session ended."""
    proxy.on("PUT", CHUNK, told(status, "no", "not this one"), only=3)
    with pytest.raises(StorageError, match="not this one"):
        store(proxied(buffer=Size(MIB)), DATA)
    assert (proxy.count("PUT", CHUNK), proxy.count("DELETE", CHUNK)) == (3, 1)
    assert witness.names() == []


def test_a_session_that_is_gone_is_told_of(proxied, proxy, store):
    """An upload that the service has forgotten is an error to begin anew after, and no missing bucket."""
    proxy.on("PUT", CHUNK, told(410, "gone"))
    with pytest.raises(StorageError, match="forgotten the upload session") as raised:
        store(proxied(), DATA)
    assert raised.value.failure.kind is Kind.STORAGE


@pytest.mark.parametrize("query", [("GET", OBJECT), ("GET", LIST), ("POST", BEGIN)], ids=["stat", "list", "begin"])
def test_a_page_of_somebody_else_is_no_answer(proxied, proxy, store, query):
    """Where a network answers everything with a page of its own, nothing is taken for stored, missing or empty."""
    storage = proxied()
    proxy.on(*query, faults.Answer(200, {"Content-Type": "text/html"}, b"<html>sign in</html>"))
    with pytest.raises(StorageError) as raised:
        everything(storage, store)[query]()
    assert raised.value.failure.kind is Kind.CONFIG
    assert "endpoint_url" in raised.value.failure.cure


@pytest.mark.parametrize("told", [b"{}", b'{"size": "6"}', b'{"generation": "7"}', b"<html>"])
def test_an_answer_that_cannot_be_read_deletes_nothing(proxied, proxy, witness, store, told):
    """Where the last answer does not say what was stored, a look decides; no other object is deleted for it."""
    storage = proxied()
    first = store(storage, b"first")
    proxy.on("PUT", CHUNK, faults.Answer(200, {}, told))
    with pytest.raises(StorageError, match="cannot be read"):
        store(storage, b"second", replaces=first)
    assert witness.content("p/c/v.mp4") == b"first"
    assert proxy.count("DELETE", "/o/") == 0


@pytest.mark.parametrize("query", [("POST", BEGIN), ("PUT", CHUNK)], ids=["begin", "commit"])
def test_a_failed_precondition_is_a_conflict(proxied, proxy, store, query):
    """What the service says of a precondition is AlreadyExists."""
    proxy.on(*query, told(412, "conditionNotMet", "no"))
    with pytest.raises(AlreadyExists) as raised:
        store(proxied(), DATA)
    assert raised.value.failure.kind is Kind.CONFLICT


def test_how_long_to_wait_is_handed_on(proxied, proxy):
    """What the service asks for goes to the retry policy."""
    proxy.on("GET", OBJECT, told(503, "backendError", "later", **{"Retry-After": "17"}))
    with pytest.raises(StorageError) as raised:
        proxied().stat("c/v.mp4")
    assert raised.value.failure.retry_after == timedelta(seconds=17)


@pytest.mark.parametrize(
    ("answer", "kind", "cure"),
    [
        (
            told(400, "required", "Bucket is a requester pays bucket but no user project provided."),
            Kind.CONFIG,
            "project",
        ),
        (told(400, "invalid", "Invalid argument."), Kind.CONFIG, "storage_class"),
        (told(403, "forbidden", "x needs serviceusage.services.use"), Kind.DENIED, "project"),
        (told(403, "accountDisabled", "The billing account is disabled"), Kind.DENIED, "billing"),
        (told(403, "retentionPolicyNotMet", "too early"), Kind.DENIED, "retention policy"),
        (told(403, "rateLimitExceeded", "too fast"), Kind.STORAGE, ""),
        (told(404, "notFound", "The specified bucket does not exist."), Kind.DENIED, "make it"),
        (told(409, "conflict", "busy"), Kind.STORAGE, ""),
    ],
    ids=["requester pays", "argument", "payer", "billing", "retention", "rate", "bucket", "conflict"],
)
def test_what_google_refuses_has_a_cure(proxied, proxy, answer, kind, cure):
    """Each reason that a person can do something about says what."""
    proxy.on("GET", OBJECT, answer)
    with pytest.raises(StorageError) as raised:
        proxied().stat("c/v.mp4")
    assert raised.value.failure.kind is kind
    assert cure in raised.value.failure.cure


def test_a_bucket_that_is_not_there_is_told_of(build, fake_gcs):
    """The name of the bucket and of the service are in the message."""
    storage = build(bucket="nowhere", token="anon", endpoint_url=fake_gcs.endpoint_url)
    call = Call()
    with pytest.raises(StorageError, match=f"there is no bucket nowhere at {fake_gcs.endpoint_url}") as raised:
        storage.begin("c/v.mp4", ObjectInfo("video/mp4", call.attempt, "v", None), call)
    assert raised.value.failure.kind is Kind.DENIED
    with pytest.raises(StorageError, match="there is no bucket nowhere"):
        list(storage.list(""))


def test_a_refused_connection_may_be_for_a_while(build):
    """Nobody listens now: an error of the store, to be tried again."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{reserved.getsockname()[1]}"
        with pytest.raises(StorageError, match=f"{endpoint} cannot be reached: ") as raised:
            build(bucket="videos", token="anon", endpoint_url=endpoint).stat("c/v.mp4")
    assert raised.value.failure.kind is Kind.STORAGE


def test_a_session_that_cannot_be_ended_is_a_warning(proxied, proxy, caplog):
    """An abort raises nothing, says what is left, and shows nobody the name of the session."""
    proxy.on("DELETE", CHUNK, told(503, "backendError", "later"))
    call = Call()
    with (
        caplog.at_level(logging.WARNING),
        proxied().begin("c/v.mp4", ObjectInfo("video/mp4", call.attempt, "v", None), call),
    ):
        pass
    (record,) = [each for each in caplog.records if each.name.startswith("haulage")]
    assert "cannot end the upload of gs://" in record.getMessage()
    assert "within a week" in record.getMessage()
    assert "upload_id" not in caplog.text
