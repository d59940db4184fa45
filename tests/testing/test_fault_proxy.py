"""The fault proxy, seen from plain sockets on both sides, and from S3 and GCS clients before real servers."""

import hashlib
import http.client
import io
import json
import socket
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import boto3
import botocore.config
import botocore.exceptions
import pytest

from haulage.testing import FaultProxy, LoopbackSite, faults
from haulage.testing.servers import FakeGcs, Seaweed

GET = b"GET /a?b=c HTTP/1.1\r\nHost: store.example\r\nX-Odd:  two  spaces\r\n\r\n"
PUT = b"PUT /a HTTP/1.1\r\nHost: store.example\r\nContent-Length: 10\r\n\r\n"
CHUNKED = b"PUT /a HTTP/1.1\r\nHost: store.example\r\nTransfer-Encoding: chunked\r\n\r\n"
ASKING = b"PUT /a HTTP/1.1\r\nHost: store.example\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n"
BODY = b"0123456789"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\nX-Odd:  two  spaces\r\n\r\n"
EMPTY = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
GO_ON = b"HTTP/1.1 100 Continue\r\n\r\n"
REFUSED = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"


class Ends:
    """Both ends of a proxy: this test is the client and the server."""

    def __init__(self, proxy: FaultProxy, listener: socket.socket, stack: ExitStack) -> None:
        self.proxy = proxy
        self._listener = listener
        self._stack = stack
        self.client = self.connect()

    def connect(self) -> socket.socket:
        """One more client."""
        place = ("127.0.0.1", int(self.proxy.url.rpartition(":")[2]))
        return self._stack.enter_context(socket.create_connection(place, timeout=5))

    def accept(self) -> socket.socket:
        """The server's end of the next connection that comes to it."""
        connection = self._stack.enter_context(self._listener.accept()[0])
        connection.settimeout(5)
        return connection

    def nobody_came(self) -> bool:
        """Whether the server has heard nothing."""
        self._listener.settimeout(0)
        try:
            self.accept()
        except BlockingIOError:
            return True
        return False


def read(end: socket.socket, count: int) -> bytes:
    """Read this many bytes, or what there is until the end."""
    got = b""
    while len(got) < count and (more := end.recv(count - len(got))):
        got += more
    return got


def is_over(end: socket.socket) -> bool:
    """Whether the other side has ended the connection, without a reset; waits for it."""
    return end.recv(1) == b""


def is_open(end: socket.socket) -> bool:
    """Whether nothing comes for a while, and no end either."""
    end.settimeout(0.2)
    try:
        end.recv(1)
    except TimeoutError:
        return True
    return False


@pytest.fixture
def ends() -> Iterator[Ends]:
    """A proxy between two sockets."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        listener.settimeout(5)
        proxy = stack.enter_context(FaultProxy(f"http://127.0.0.1:{listener.getsockname()[1]}"))
        yield Ends(proxy, listener, stack)


def test_all_goes_its_way_unchanged(ends: Ends) -> None:
    """Without a rule every byte of a request and its answer is handed on, the Host header among them."""
    ends.client.sendall(GET)
    server = ends.accept()
    assert read(server, len(GET)) == GET
    server.sendall(OK + BODY)
    assert read(ends.client, len(OK + BODY)) == OK + BODY
    (seen,) = ends.proxy.requests
    assert (seen.method, seen.target, seen.fault, seen.status) == ("GET", "/a?b=c", faults.Pass(), 200)


def test_one_connection_serves_many_requests(ends: Ends) -> None:
    """A client may send its next request over the same connection."""
    for _ in range(3):
        ends.client.sendall(PUT + BODY)
        server = ends.accept()
        assert read(server, len(PUT + BODY)) == PUT + BODY
        server.sendall(EMPTY)
        assert read(ends.client, len(EMPTY)) == EMPTY
    assert ends.proxy.count("PUT", "^/a$") == 3


def test_bodies_are_not_held_back(ends: Ends) -> None:
    """Chunks of a request and of an answer come out before the next ones have gone in."""
    ends.client.sendall(CHUNKED)
    server = ends.accept()
    assert read(server, len(CHUNKED)) == CHUNKED
    for chunk in (b"3\r\nabc\r\n", b"2;signature=x\r\nde\r\n", b"0\r\nX-Checksum: y\r\n\r\n"):
        ends.client.sendall(chunk)
        assert read(server, len(chunk)) == chunk
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    for chunk in (head, b"3\r\nabc\r\n", b"0\r\n\r\n"):
        server.sendall(chunk)
        assert read(ends.client, len(chunk)) == chunk
    ends.client.sendall(GET)
    assert read(ends.accept(), len(GET)) == GET, "the connection is of no more use"


def test_an_answer_without_length_ends_with_its_connection(ends: Ends) -> None:
    """An answer that goes on until the server closes does so for the client."""
    ends.client.sendall(GET)
    server = ends.accept()
    read(server, len(GET))
    server.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + BODY)
    server.close()
    assert read(ends.client, 1000) == b"HTTP/1.0 200 OK\r\n\r\n" + BODY


def test_leave_to_send_is_asked_for(ends: Ends) -> None:
    """A client that waits for 100 Continue gets it from the server, before it has sent a byte of the body."""
    ends.client.sendall(ASKING)
    server = ends.accept()
    assert read(server, len(ASKING)) == ASKING
    server.sendall(GO_ON)
    assert read(ends.client, len(GO_ON)) == GO_ON
    ends.client.sendall(BODY)
    assert read(server, 10) == BODY
    server.sendall(EMPTY)
    assert read(ends.client, len(EMPTY)) == EMPTY


def test_leave_to_send_is_refused(ends: Ends) -> None:
    """A client that waits for 100 Continue gets the refusal in its place, and then the end."""
    ends.client.sendall(ASKING)
    server = ends.accept()
    read(server, len(ASKING))
    server.sendall(REFUSED)
    assert read(ends.client, 1000) == REFUSED
    assert is_over(server)


def test_leave_to_send_is_not_waited_for(ends: Ends) -> None:
    """A client that sends its body although no 100 Continue came is not held up."""
    ends.client.sendall(ASKING)
    server = ends.accept()
    read(server, len(ASKING))
    ends.client.sendall(BODY)
    assert read(server, 10) == BODY
    server.sendall(GO_ON + EMPTY)
    assert read(ends.client, len(GO_ON + EMPTY)) == GO_ON + EMPTY


def test_a_refusal_in_the_middle_of_a_body_arrives(ends: Ends) -> None:
    """A client whose server refuses while the body is being sent gets that answer, and no reset."""
    size = 32 << 20  # more than all buffers on the way hold
    ends.client.sendall(b"PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size)
    sending = threading.Thread(target=ends.client.sendall, args=(bytes(size),))
    sending.start()
    server = ends.accept()
    read(server, 1000)
    server.sendall(REFUSED)
    assert read(ends.client, 1000) == REFUSED
    sending.join()


def test_a_client_that_goes_is_gone_for_the_server(ends: Ends) -> None:
    """A client that ends its connection while the server works ends that of the server."""
    ends.client.sendall(GET)
    server = ends.accept()
    read(server, len(GET))
    ends.client.close()
    assert is_over(server)


def test_a_server_that_is_not_there(ends: Ends) -> None:
    """Where the server does not listen the connection ends without an answer."""
    ends._listener.close()
    ends.client.sendall(GET)
    assert is_over(ends.client)


def test_further_requests_of_an_upload_come_here(ends: Ends) -> None:
    """A Location of the server becomes one of the proxy, and one of another server stays."""
    there = f"http://127.0.0.1:{ends._listener.getsockname()[1]}"
    for location, wanted in [
        (f"{there}/upload?id=1", f"{ends.proxy.url}/upload?id=1"),
        (f"{there}1/upload", f"{there}1/upload"),
    ]:
        ends.client.sendall(GET)
        server = ends.accept()
        read(server, len(GET))
        server.sendall(f"HTTP/1.1 200 OK\r\nlocation: {location}\r\nContent-Length: 0\r\n\r\n".encode())
        answer = f"HTTP/1.1 200 OK\r\nlocation: {wanted}\r\nContent-Length: 0\r\n\r\n".encode()
        assert read(ends.client, len(answer)) == answer


def test_drop(ends: Ends) -> None:
    """A dropped request ends the client's connection, and the server hears nothing of it."""
    ends.proxy.on("PUT", "", faults.Drop())
    ends.client.sendall(PUT + BODY)
    assert is_over(ends.client)
    assert ends.nobody_came()
    assert [(one.fault, one.status) for one in ends.proxy.requests] == [(faults.Drop(), None)]


def test_drop_answer(ends: Ends) -> None:
    """Where the answer is dropped the server has had the whole request, and the client only gets an end."""
    ends.proxy.on("PUT", "", faults.DropAnswer())
    ends.client.sendall(PUT + BODY)
    server = ends.accept()
    assert read(server, len(PUT + BODY)) == PUT + BODY
    server.sendall(OK + BODY[:5])
    assert is_open(ends.client), "the server was not done"
    server.sendall(BODY[5:])
    ends.client.settimeout(5)
    assert is_over(ends.client)
    assert [one.status for one in ends.proxy.requests] == [200]


def test_delay(ends: Ends) -> None:
    """A delayed request reaches the server later, and has its answer."""
    ends.proxy.on("", "", faults.Delay(0.3))
    began = time.monotonic()
    ends.client.sendall(GET)
    server = ends.accept()
    assert time.monotonic() - began >= 0.3
    assert read(server, len(GET)) == GET
    server.sendall(EMPTY)
    assert read(ends.client, len(EMPTY)) == EMPTY


def test_trickle(ends: Ends) -> None:
    """Of what trickles each byte comes by itself, in the request's body and in the whole of the answer."""
    ends.proxy.on("PUT", "", faults.Trickle(0.01))
    ends.client.sendall(PUT + BODY)
    server = ends.accept()
    assert read(server, len(PUT)) == PUT
    began = time.monotonic()
    assert read(server, len(BODY)) == BODY
    assert time.monotonic() - began >= 0.01 * (len(BODY) - 1)
    began = time.monotonic()
    server.sendall(OK + BODY)
    assert read(ends.client, len(OK + BODY)) == OK + BODY
    assert time.monotonic() - began >= 0.01 * (len(OK + BODY) - 1)


def test_silence(ends: Ends) -> None:
    """A silent connection stays open without a word, and the server hears nothing."""
    ends.proxy.on("", "", faults.Silence())
    ends.client.sendall(GET)
    assert is_open(ends.client)
    assert ends.nobody_came()


@pytest.mark.parametrize(("head", "body"), [(PUT, BODY), (CHUNKED, b"4\r\n0123\r\n6\r\n456789\r\n0\r\n\r\n")])
def test_cut_request(ends: Ends, head: bytes, body: bytes) -> None:
    """A request that is cut reaches the server up to that byte of its content, and both connections end."""
    ends.proxy.on("PUT", "", faults.CutRequest(6))
    began = time.monotonic()
    ends.client.sendall(head + body)
    server = ends.accept()
    assert read(server, 1000) == head + body[: body.index(b"6789") if head == PUT else body.index(b"6789", 12)]
    assert is_over(ends.client)
    assert time.monotonic() - began < 1, "the server waited for more"


def test_stall_request(ends: Ends) -> None:
    """A request that is cut silently reaches the server up to that byte, and both connections stay open."""
    ends.proxy.on("PUT", "", faults.CutRequest(6, silent=True))
    ends.client.sendall(PUT + BODY)
    server = ends.accept()
    assert read(server, len(PUT) + 6) == PUT + BODY[:6]
    assert is_open(server)
    assert is_open(ends.client)


def answered(ends: Ends, answer: bytes) -> socket.socket:
    """Ask, and answer so; returns the server's end."""
    ends.client.sendall(GET)
    server = ends.accept()
    read(server, len(GET))
    server.sendall(answer)
    return server


def test_cut_answer(ends: Ends) -> None:
    """An answer that is cut reaches the client up to that byte, and both connections end."""
    ends.proxy.on("GET", "", faults.CutAnswer(6))
    server = answered(ends, OK + BODY)
    assert read(ends.client, 1000) == OK + BODY[:6]
    assert is_over(server)


def test_stall_answer(ends: Ends) -> None:
    """An answer that is cut silently reaches the client up to that byte, and the connection stays open."""
    ends.proxy.on("GET", "", faults.CutAnswer(6, silent=True))
    answered(ends, OK + BODY)
    assert read(ends.client, len(OK) + 6) == OK + BODY[:6]
    assert is_open(ends.client)


def test_flip_request(ends: Ends) -> None:
    """One bit of one byte of the request's body is another one for the server."""
    ends.proxy.on("PUT", "", faults.FlipRequest(3))
    ends.client.sendall(PUT + BODY)
    assert read(ends.accept(), len(PUT) + 10) == PUT + b"0122456789"


def test_flip_request_in_chunks(ends: Ends) -> None:
    """The byte is counted in the content of a chunked body, and not in what frames it."""
    ends.proxy.on("PUT", "", faults.FlipRequest(5))
    ends.client.sendall(CHUNKED + b"4\r\n0123\r\n6\r\n456789\r\n0\r\n\r\n")
    wanted = CHUNKED + b"4\r\n0123\r\n6\r\n446789\r\n0\r\n\r\n"
    assert read(ends.accept(), len(wanted)) == wanted


def test_flip_answer(ends: Ends) -> None:
    """One bit of one byte of the answer's body is another one for the client."""
    ends.proxy.on("GET", "", faults.FlipAnswer(9))
    answered(ends, OK + BODY)
    assert read(ends.client, len(OK) + 10) == OK + b"0123456788"


@pytest.mark.parametrize("fault", [faults.CutRequest(10), faults.CutAnswer(10), faults.FlipRequest(10)])
def test_a_body_that_is_shorter_passes(ends: Ends, fault: faults.Fault) -> None:
    """A fault behind the last byte does nothing."""
    ends.proxy.on("PUT", "", fault)
    ends.client.sendall(PUT + BODY)
    server = ends.accept()
    assert read(server, len(PUT + BODY)) == PUT + BODY
    server.sendall(OK + BODY)
    assert read(ends.client, len(OK + BODY)) == OK + BODY


def test_reset(ends: Ends) -> None:
    """A client that is reset has an error, and the server hears nothing."""
    ends.proxy.on("", "", faults.Reset())
    ends.client.sendall(PUT + BODY)
    with pytest.raises(ConnectionResetError):
        ends.client.recv(1)
    assert ends.nobody_came()


def test_answer(ends: Ends) -> None:
    """An answer of the proxy has the status, headers and body of its rule, and the connection goes on."""
    ends.proxy.on("PUT", "", faults.Answer(503, {"Retry-After": "7"}, b"slow down"), first=2)
    wanted = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 9\r\nRetry-After: 7\r\n\r\nslow down"
    for _ in range(2):
        ends.client.sendall(PUT + BODY)
        assert read(ends.client, len(wanted)) == wanted
    assert ends.nobody_came()
    assert [one.status for one in ends.proxy.requests] == [503, 503]


def test_answer_to_who_asks_for_leave(ends: Ends) -> None:
    """A client that waits for 100 Continue gets the answer in its place, and is told that the connection ends."""
    ends.proxy.on("PUT", "", faults.Answer(503))
    ends.client.sendall(ASKING)
    wanted = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    assert read(ends.client, 1000) == wanted


def test_answer_to_head(ends: Ends) -> None:
    """The answer to HEAD announces a body and has none."""
    ends.proxy.on("HEAD", "", faults.Answer(404, {}, b"none"))
    for _ in range(2):
        ends.client.sendall(b"HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n")
        wanted = b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\n"
        assert read(ends.client, len(wanted)) == wanted


def statuses(ends: Ends, *targets: str) -> list[int]:
    """Put to targets, each over a connection of its own, and return what the rules answer."""
    found = []
    for target in targets:
        connection = http.client.HTTPConnection(ends.proxy.url.removeprefix("http://"), timeout=5)
        connection.request("PUT", target)
        found.append(connection.getresponse().status)
        connection.close()
    return found


def test_only_one_match(ends: Ends) -> None:
    """A rule for the k-th match leaves those before and after it to other rules."""
    ends.proxy.on("PUT", "part=", faults.Answer(503), only=2)
    ends.proxy.on("", "", faults.Answer(204))
    assert statuses(ends, "/?part=1", "/other", "/?part=2", "/?part=3") == [204, 204, 503, 204]


def test_first_matches(ends: Ends) -> None:
    """A rule for the first matches leaves the others to other rules."""
    ends.proxy.on("PUT", "part=", faults.Answer(503), first=2)
    ends.proxy.on("", "", faults.Answer(204))
    assert statuses(ends, "/?part=1", "/other", "/?part=2", "/?part=3") == [503, 204, 503, 204]


def test_the_first_rule_decides(ends: Ends) -> None:
    """Of two rules that apply the older one decides, and a method must match as a whole."""
    ends.proxy.on("PU", "", faults.Answer(501))
    ends.proxy.on("PUT|POST", "", faults.Answer(502))
    ends.proxy.on("", "", faults.Answer(503))
    assert statuses(ends, "/") == [502]


def test_rules_are_forgotten(ends: Ends) -> None:
    """After clear there are neither rules nor requests."""
    ends.proxy.on("", "", faults.Answer(503))
    assert statuses(ends, "/") == [503]
    ends.proxy.clear()
    assert ends.proxy.requests == ()
    answered(ends, EMPTY)
    assert read(ends.client, len(EMPTY)) == EMPTY


def test_requests_are_waited_for(ends: Ends) -> None:
    """Whoever waits for a request is woken by it, and has an error with what came if it does not come."""
    threading.Thread(target=ends.client.sendall, args=(GET,)).start()
    (seen,) = ends.proxy.wait_for(lambda requests: len(requests) == 1)
    assert seen.target == "/a?b=c"
    with pytest.raises(TimeoutError, match=r"/a\?b=c"):
        ends.proxy.wait_for(lambda requests: len(requests) == 2, timeout=0.05)


def silent_client(ends: Ends) -> None:
    ends.connect()


def waiting_for_server(ends: Ends) -> None:
    ends.connect().sendall(GET)
    ends.accept()


def sending_nothing_more(ends: Ends) -> None:
    ends.connect().sendall(PUT + BODY[:5])
    read(ends.accept(), len(PUT) + 5)


def getting_nothing_more(ends: Ends) -> None:
    ends.connect().sendall(GET)
    ends.accept().sendall(OK + BODY[:5])


def waiting_for_leave(ends: Ends) -> None:
    ends.connect().sendall(ASKING)
    read(ends.accept(), len(ASKING))


def reading_nothing(ends: Ends) -> None:
    ends.connect().sendall(GET)
    server = ends.accept()
    server.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
    server.settimeout(0.2)
    with pytest.raises(TimeoutError):
        server.sendall(bytes(100_000_000))


def silenced(ends: Ends) -> None:
    ends.proxy.on("POST", "", faults.Silence())
    ends.connect().sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n")


def delayed(ends: Ends) -> None:
    ends.proxy.on("DELETE", "", faults.Delay(60))
    ends.connect().sendall(b"DELETE / HTTP/1.1\r\nHost: x\r\n\r\n")


STATES = [
    silent_client,
    waiting_for_server,
    sending_nothing_more,
    getting_nothing_more,
    waiting_for_leave,
    reading_nothing,
    silenced,
    delayed,
]


@pytest.mark.parametrize("state", STATES)
def test_it_stops_whatever_is_open(state: Callable[[Ends], None]) -> None:
    """Leaving the block takes less than a second in every state of a request, and leaves no thread."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        listener.settimeout(5)
        before = set(threading.enumerate())
        with FaultProxy(f"http://127.0.0.1:{listener.getsockname()[1]}") as proxy:
            ends = Ends(proxy, listener, stack)
            state(ends)
            if state is not silent_client:
                proxy.wait_for(lambda requests: len(requests) == 1)
            began = time.monotonic()
        assert time.monotonic() - began < 1
        for thread in set(threading.enumerate()) - before:
            thread.join(1)
            assert not thread.is_alive(), f"{thread} is left"


def test_an_address_that_is_none() -> None:
    """Only the http URL of a server can be stood before."""
    with pytest.raises(ValueError, match=r"'https://store.example'"):
        FaultProxy("https://store.example")


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
