"""Each fault of the fault proxy, seen from plain sockets on both sides."""

import time

import pytest
from proxy_ends import ASKING, BODY, CHUNKED, EMPTY, GET, OK, PUT, Ends, answered, is_open, is_over, read

from haulage.testing import faults


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
    began = time.monotonic()
    ends.client.sendall(PUT + BODY)
    server = ends.accept()
    assert read(server, len(PUT)) == PUT
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
    took = []
    for _ in range(3):  # a machine may stall, but not each time
        client, began = ends.connect(), time.monotonic()
        client.sendall(head + body)
        server = ends.accept()
        assert read(server, 1000) == head + body[: body.index(b"6789") if head == PUT else body.index(b"6789", 12)]
        assert is_over(client)
        took.append(time.monotonic() - began)
    assert min(took) < 1, "the server waited for more"


def test_stall_request(ends: Ends) -> None:
    """A request that is cut silently reaches the server up to that byte, and both connections stay open."""
    ends.proxy.on("PUT", "", faults.CutRequest(6, silent=True))
    ends.client.sendall(PUT + BODY)
    server = ends.accept()
    assert read(server, len(PUT) + 6) == PUT + BODY[:6]
    assert is_open(server)
    assert is_open(ends.client)


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
