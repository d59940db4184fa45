"""A service that fails or refuses, or hands on other bytes, and what is left then."""

import logging
import socket
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from gcs_requests import BEGIN, CHUNK, DATA, MIB, OBJECT, QUERIES, everything, told

from haulage.plugin import AlreadyExists, Kind, ObjectInfo, Size, StorageError
from haulage.testing import Call, faults


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
