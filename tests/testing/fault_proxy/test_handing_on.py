"""What the fault proxy hands on where no rule says otherwise, seen from plain sockets on both sides."""

import threading

import pytest
from proxy_ends import ASKING, BODY, CHUNKED, EMPTY, GET, GO_ON, OK, PUT, REFUSED, Ends, is_over, read

from haulage.testing import FaultProxy, faults


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


def test_an_address_that_is_none() -> None:
    """Only the http URL of a server can be stood before."""
    with pytest.raises(ValueError, match=r"'https://store.example'"):
        FaultProxy("https://store.example")
