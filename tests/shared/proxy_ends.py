"""Both ends of a fault proxy in the hands of a test, and what goes from one to the other."""

import socket
from contextlib import ExitStack

from haulage.testing import FaultProxy

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


def answered(ends: Ends, answer: bytes) -> socket.socket:
    """Ask, and answer so; returns the server's end."""
    ends.client.sendall(GET)
    server = ends.accept()
    read(server, len(GET))
    server.sendall(answer)
    return server
