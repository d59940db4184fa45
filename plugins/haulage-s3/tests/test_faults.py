"""What becomes of an upload when requests and answers get lost, wait, or are changed on their way."""

import hashlib
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from lateness import Lateness

from haulage.plugin import AlreadyExists, Cancelled, Kind, StorageError
from haulage.testing import Call, faults
from haulage_s3 import multipart

KEY = "UC1/v1/video.mp4"
PART = 8 << 20
DATA = bytes(range(256)) * (PART // 128) + b"the end"  # three parts
SWEPT = "a sweep of pending uploads will end it"
CREATE, PARTS, COMPLETE = ("POST", r"\?uploads"), ("PUT", "partNumber="), ("POST", "uploadId=")
ABORT, PUT, HEAD = ("DELETE", "uploadId="), ("PUT", r"mp4$"), ("HEAD", "")


@pytest.fixture
def storage(strict, proxy):
    """A storage that speaks through the proxy, with some patience."""
    return strict.storage(proxy.url, timeout=timedelta(seconds=10))


def test_as_few_requests_as_possible(storage, proxy, put):
    """What fits into a part is one PUT; before and after it the service is asked once what is there."""
    put(storage, b"small")
    assert [one.method for one in proxy.requests] == ["HEAD", "PUT", "HEAD"]
    proxy.clear()
    put(storage, DATA, "2.mp4")
    assert [one.method for one in proxy.requests] == ["POST", "PUT", "PUT", "PUT", "HEAD", "POST", "HEAD"]


def test_aborting_takes_two_requests(storage, proxy, begin):
    """An upload is ended, and then looked for."""
    with begin(storage, DATA):
        proxy.clear()
    assert [one.method for one in proxy.requests] == ["DELETE", "GET"]


@pytest.mark.parametrize(("data", "rule"), [(b"small", PUT), (DATA, COMPLETE)], ids=["put", "complete"])
def test_a_lost_answer_to_what_publishes_is_no_failure(storage, proxy, put, strict, data, rule):
    """When the service published the object and its answer was lost, the commit succeeds, with one object."""
    proxy.on(*rule, faults.DropAnswer())
    stored = put(storage, data)
    assert stored == storage.stat(KEY)
    assert strict.get()["Bytes"] == data
    assert strict.uploads() == []
    assert proxy.count(*rule) == 1


@pytest.mark.parametrize("rule", [CREATE, PARTS, HEAD], ids=["create", "part", "head"])
def test_a_lost_answer_before_that_is_a_failure_that_publishes_nothing(storage, proxy, put, strict, rule):
    """When any other answer is lost the upload fails, and may be repeated; no request is repeated unasked."""
    proxy.on(*rule, faults.DropAnswer(), only=1)
    with pytest.raises(StorageError) as caught:
        put(storage, DATA)
    assert caught.value.failure.kind is Kind.STORAGE
    assert strict.objects() == {}
    assert proxy.count(*rule) == (3 if rule == PARTS else 1)
    if rule == CREATE:
        [orphan] = storage.pending("UC1")
        storage.abort_pending(orphan)
    assert strict.uploads() == []
    put(storage, DATA)
    assert strict.get()["Bytes"] == DATA


@pytest.mark.parametrize("fault", [faults.DropAnswer(), faults.Drop(), faults.Answer(503)], ids=lambda each: str(each))
def test_an_abort_is_repeated_until_the_upload_has_ended(storage, proxy, begin, strict, fault):
    """An upload is ended although the first attempt to do so came to nothing, or its answer did."""
    proxy.on(*ABORT, fault, only=1)
    with begin(storage, DATA) as upload:
        upload.write(DATA)
    assert strict.is_empty()


def test_no_part_arrives_after_the_abort(storage, proxy, begin, strict):
    """Parts that are on their way when an upload is aborted are stopped first: one that came later would stay."""
    for _ in range(5):
        proxy.clear()
        proxy.on(*PARTS, faults.Delay(0.7))
        with begin(storage, DATA) as upload:
            upload.write(DATA)
            sent = proxy.wait_for(lambda requests: any(one.method == "PUT" for one in requests))
        if time.monotonic() < 0.7 + next(one.at for one in sent if one.method == "PUT"):
            break  # on a busy machine a part may arrive before it is stopped, which shows nothing
    with pytest.raises(TimeoutError):
        proxy.wait_for(lambda requests: any(one.method == "PUT" and one.status for one in requests), timeout=1.5)
    assert strict.is_empty()


def test_an_abort_that_cannot_be_is_logged_and_swept(storage, proxy, begin, strict, caplog):
    """Where the service refuses to end an upload nothing is raised; a sweep finds it and ends it later."""
    proxy.on(*ABORT, faults.Answer(503))
    with begin(storage, DATA) as upload:
        upload.write(DATA)
    assert SWEPT in caplog.text
    proxy.clear()
    [pending] = storage.pending("")
    assert (pending.key, pending.token) == (KEY, upload.token)
    storage.abort_pending(pending)
    storage.abort_pending(pending)
    assert strict.uploads() == []


@pytest.mark.parametrize("kind", ["strict", "lenient"])
@pytest.mark.parametrize(("data", "rule"), [(b"small", PUT), (DATA, PARTS)], ids=["put", "part"])
def test_a_byte_that_changes_on_its_way_is_refused(request, put, kind, data, rule):
    """A flipped bit is noticed by a service that checks what it receives, and by us where it does not."""
    from haulage.testing import FaultProxy

    bucket = request.getfixturevalue(kind)
    with FaultProxy(bucket.server.endpoint_url) as proxy:
        proxy.on(*rule, faults.FlipRequest(at=2), only=1)
        with pytest.raises(StorageError, match=r"other bytes|kept"):
            put(bucket.storage(proxy.url), data)
        assert bucket.is_empty()


def test_an_object_that_is_not_what_was_sent_is_deleted(storage, proxy, begin, strict):
    """When the service shows other bytes under our name after a commit, they are deleted, and the commit fails."""
    proxy.on(*HEAD, faults.Delay(1.5), only=2)  # the change has to be made before that
    data = b"small"

    def change():
        proxy.wait_for(lambda requests: [one.method for one in requests].count("HEAD") == 2)
        strict.boto.put_object(Bucket=strict.name, Key=f"videos/{KEY}", Body=b"smaLL", Metadata={"attempt": "a" * 32})

    with ThreadPoolExecutor(1) as pool, begin(storage, data) as upload:
        upload.write(data)
        changed = pool.submit(change)
        with pytest.raises(StorageError, match="the service kept 5 bytes"):
            upload.commit(size=5, sha256=hashlib.sha256(data).hexdigest())
        changed.result()
    assert strict.is_empty()


def test_an_object_of_somebody_else_stays(storage, proxy, begin, strict):
    """When somebody else's object stands under the key after a commit, it is not touched, and the commit fails."""
    proxy.on(*HEAD, faults.Delay(1.5), only=2)  # the change has to be made before that

    def change():
        proxy.wait_for(lambda requests: [one.method for one in requests].count("HEAD") == 2)
        strict.boto.put_object(Bucket=strict.name, Key=f"videos/{KEY}", Body=b"other", Metadata={"attempt": "b" * 32})

    with ThreadPoolExecutor(1) as pool, begin(storage, b"small") as upload:
        upload.write(b"small")
        changed = pool.submit(change)
        with pytest.raises(StorageError, match="not there any more"):
            upload.commit(size=5, sha256=hashlib.sha256(b"small").hexdigest())
        changed.result()
    assert strict.get()["Bytes"] == b"other"


@pytest.mark.parametrize("data", [b"small", DATA], ids=["put", "complete"])
def test_a_service_that_knows_no_preconditions_is_written_to_without(storage, proxy, begin, put, strict, data):
    """Where the service knows no such header it is left out from then on, and what is there is not overwritten."""
    body = b"<Error><Code>NotImplemented</Code><Message>A header implies what is not there</Message></Error>"
    rule = PUT if data == b"small" else COMPLETE
    proxy.on(*rule, faults.Answer(501, body=body), only=1)
    put(storage, data)
    assert strict.get()["Bytes"] == data
    put(storage, data, "2.mp4")
    assert proxy.count(*rule) == 3
    with begin(storage, data, "3.mp4") as upload:
        upload.write(data)
        strict.boto.put_object(Bucket=strict.name, Key="videos/3.mp4", Body=b"other")
        with pytest.raises(AlreadyExists):
            upload.commit(size=len(data), sha256=hashlib.sha256(data).hexdigest())
    assert strict.get("3.mp4")["Bytes"] == b"other"
    assert strict.uploads() == []


def test_a_completion_that_is_refused_leaves_nothing(storage, proxy, put, strict):
    """A service that takes every part and refuses the completion is an error of the storage; nothing is left."""
    proxy.on(*COMPLETE, faults.Answer(503, body=b"<Error><Code>SlowDown</Code></Error>"))
    with pytest.raises(StorageError) as caught:
        put(storage, DATA)
    assert caught.value.failure.kind is Kind.STORAGE
    assert strict.is_empty()
    assert proxy.count(*COMPLETE) == 1


def test_an_upload_that_somebody_ended_is_an_error(storage, begin, strict):
    """When a sweep of somebody else takes the upload away, writing on or committing fails and publishes nothing."""
    with begin(storage, DATA) as upload:
        strict.boto.abort_multipart_upload(Bucket=strict.name, Key=f"videos/{KEY}", UploadId=upload.token)
        upload.write(DATA[:1000])  # less than a part: nothing is sent yet
        with pytest.raises(StorageError, match="somebody ended the upload"):
            write_on(upload, DATA[1000:])
    assert strict.is_empty()


def write_on(upload, data, block=PART):
    """Write the rest, and commit."""
    for start in range(0, len(data), block):
        upload.write(data[start : start + block])
    upload.commit(size=len(DATA), sha256=hashlib.sha256(DATA).hexdigest())


def sweep(bucket):
    """End the uploads that are open."""
    storage = bucket.storage()
    for pending in storage.pending(""):
        storage.abort_pending(pending)


PATIENCE = 3  # of which a fifth is what a busy machine may be late by, beside what can be measured
SILENT, STALLING, RESET = faults.Silence(), faults.CutRequest(at=PART // 2, silent=True), faults.Reset()
RULES = {"put": (PUT, 1), "part": (PARTS, 3), "create": (CREATE, 1), "complete": (COMPLETE, 1), "head": (HEAD, 1)}


@pytest.mark.parametrize(
    ("fault", "name"),
    [*((SILENT, name) for name in RULES), (STALLING, "put"), (STALLING, "part"), *((RESET, name) for name in RULES)],
    ids=lambda each: each if isinstance(each, str) else type(each).__name__,
)
def test_a_server_that_does_not_answer_is_given_up_in_time(strict, proxy, begin, caplog, fault, name):
    """Whichever request meets silence, a stall or a reset ends within the deadline and 20 %, and is not repeated."""
    # A reset that was waited for would take a minute.
    patience, longest = (60, 5) if fault is RESET else (PATIENCE, PATIENCE * 1.2)
    storage = strict.storage(proxy.url, timeout=timedelta(seconds=patience))
    rule, requests = RULES[name]
    data = bytes(PART) if name == "put" else DATA

    def work():
        with begin(storage, data) as upload:
            upload.write(data)
            upload.commit(size=len(data), sha256=hashlib.sha256(data).hexdigest())

    with Lateness() as lateness:
        for _ in range(5):
            proxy.clear()
            caplog.clear()
            proxy.on(*rule, fault, first=requests)
            with pytest.raises(StorageError) as caught:
                work()
            failed = time.monotonic()
            harmed = [one for one in proxy.requests if one.fault == fault]
            # A machine that stands still uses up the time before the fault, or what an abort has after it.
            if harmed and SWEPT not in caplog.text:
                break
            sweep(strict)
    assert SWEPT not in caplog.text, "the upload was not ended"
    assert caught.value.failure.kind is Kind.STORAGE
    assert 1 <= len(harmed) <= requests
    assert proxy.count(*rule) <= requests
    took = failed - harmed[0].at - lateness.between(harmed[0].at, failed)
    assert took < longest, "what follows is counted too"
    assert strict.is_empty()


@pytest.mark.parametrize("rule", [PARTS, COMPLETE, CREATE, HEAD], ids=["part", "complete", "create", "head"])
def test_a_cancel_ends_any_request_in_time(strict, proxy, put, rule):
    """A cancel that meets a silent server is over within 5 s, and leaves nothing."""
    storage = strict.storage(proxy.url, timeout=timedelta(seconds=60))
    proxy.on(*rule, faults.Silence())
    call = Call()

    def cancel():
        proxy.wait_for(lambda requests: any(isinstance(one.fault, faults.Silence) for one in requests))
        call.cancel.cancel("stopped")
        return time.monotonic()

    with ThreadPoolExecutor(1) as pool:
        cancelled = pool.submit(cancel)
        with pytest.raises(Cancelled):
            put(storage, DATA, ctx=call)
        assert time.monotonic() - cancelled.result() < 5
    assert strict.is_empty()


def test_a_cancel_while_an_upload_is_begun_leaves_none_open(strict, proxy, begin, monkeypatch):
    """Where the service begins an upload although who asked for it was cancelled, the upload is ended."""
    monkeypatch.setattr(multipart, "PATIENCE", 30)  # the delay is a part of it
    storage = strict.storage(proxy.url)
    proxy.on(*CREATE, faults.Delay(1.5))  # a cancel that a busy machine is late with has to be heard before that
    call = Call()

    def cancel():
        proxy.wait_for(lambda requests: len(requests) == 1)
        call.cancel.cancel("stopped")

    with ThreadPoolExecutor(1) as pool:
        pool.submit(cancel)
        with pytest.raises(Cancelled):
            begin(storage, DATA, ctx=call)
    [created, *_] = proxy.wait_for(lambda requests: requests[0].status is not None)
    assert created.status == 200
    assert strict.is_empty()


def test_a_cancel_wakes_a_writer_that_waits_for_memory(strict, proxy, begin):
    """A writer that holds its half of the buffer, in parts that a server never takes, hears the cancel."""
    storage = strict.storage(proxy.url, buffer=4 * PART)
    proxy.on(*PARTS, faults.Silence())
    call = Call()

    def cancel():
        proxy.wait_for(lambda requests: sum(one.method == "PUT" for one in requests) == 2)
        call.cancel.cancel("stopped")

    with begin(storage, b"", size=10 * PART, ctx=call) as upload, ThreadPoolExecutor(1) as pool:
        pool.submit(cancel)
        with pytest.raises(Cancelled):
            upload.write(bytes(10 * PART))
    assert proxy.count(*PARTS) == 2
    assert strict.is_empty()


def test_a_part_that_failed_wakes_a_writer_that_waits_for_memory(strict, proxy, begin, caplog):
    """A writer that waits until parts are sent is told when one of them could not be."""
    storage = strict.storage(proxy.url, buffer=2 * PART, timeout=timedelta(seconds=3))
    proxy.on(*PARTS, faults.Silence())
    with begin(storage, b"", size=10 * PART) as upload, pytest.raises(StorageError, match="did not answer within 3 s"):
        upload.write(bytes(10 * PART))
    if SWEPT in caplog.text:  # an abort has a moment only, which a busy machine may use up
        sweep(strict)
    assert strict.is_empty()


def relay(listening, port, pause):
    """Hand one connection on to a port, in pieces with pauses between them; what the client sent first is returned."""
    first = b""
    with listening.accept()[0] as client, socket.create_connection(("127.0.0.1", port)) as server:

        def back():
            while piece := server.recv(1 << 16):
                client.sendall(piece)

        with ThreadPoolExecutor(1) as pool:
            pool.submit(back)
            while piece := client.recv(1 << 18):
                first += piece if len(first) < 1 << 16 else b""
                server.sendall(piece)
                time.sleep(pause if len(piece) > 1 << 15 else 0)
            server.shutdown(socket.SHUT_WR)
    return first


def test_a_slow_link_is_no_silent_one(strict, put):
    """A request may take longer than its deadline as long as its bytes move."""
    listening = socket.socket()
    with listening, ThreadPoolExecutor(1) as pool:
        # Little may be on its way, so that the sender has to wait.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 17)
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        relayed = pool.submit(relay, listening, strict.server.ports[0], 0.1)
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        storage = strict.storage(url, timeout=timedelta(seconds=2))
        before = time.monotonic()
        put(storage, bytes(PART))
        assert time.monotonic() - before > 2.5, "the link was not slow, so this shows nothing"
        storage.close()
        sent = relayed.result(10).lower()
        assert b"expect:" not in sent, "a server that knows no 100-continue would be waited for"
        assert b"content-md5:" in sent, "over HTTPS, where bodies are not signed, the service could check nothing"
    assert strict.objects() == {f"videos/{KEY}": PART}
