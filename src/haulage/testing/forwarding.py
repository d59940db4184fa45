"""The connections of a fault proxy: reads requests, hands them on or does harm, and hands on the answers."""

import contextlib
import itertools
import re
import select
import socket
import socketserver
import struct
import threading
import time
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Final, NoReturn

from haulage.testing.faults import (
    Answer,
    CutAnswer,
    CutRequest,
    Delay,
    Drop,
    DropAnswer,
    Fault,
    FlipAnswer,
    FlipRequest,
    Reset,
    Silence,
    Trickle,
)
from haulage.testing.listening import Listener
from haulage.testing.wire import CutHere, Head, Piece, Wire, cut, flipped, trickled

Begin = Callable[[str, str], tuple[int, Fault]]
"""Is told the method and target of a request; gives it a number, and says what befalls it."""
Answered = Callable[[int, int], None]
"""Is told the number of a request and the status of its answer, before the client gets it."""

_LINGER_SECONDS: Final = 2
_PIECE: Final = 64 * 1024
_GONE: Final = select.POLLHUP | select.POLLERR | getattr(select, "POLLRDHUP", 0)


class Forwarder(Listener):
    """Stand before a server until `stop`."""

    def __init__(self, upstream: tuple[str, int], begin: Begin, answered: Answered) -> None:
        self.upstream = upstream
        self.begin = begin
        self.answered = answered
        self.stopping = threading.Event()
        super().__init__(_Handler, "fault-proxy")

    def stop(self) -> None:
        """End every connection, and leave no thread that forwards."""
        self.stopping.set()
        super().stop()

    def here(self, answer: bytes) -> bytes:
        """The head of an answer, with the server's own URL in its Location changed to this one."""
        there = re.escape("http://{}:{}".format(*self.upstream).encode())
        here = f"http://127.0.0.1:{self.port}".encode()
        return re.sub(rb"(?im)^(location:[ \t]*)" + there + rb"(?![\w.:-])", rb"\g<1>" + here, answer)


class _Handler(socketserver.BaseRequestHandler):
    """One connection of a client. Whatever ends it raises a ConnectionError, which the listener expects."""

    request: socket.socket
    server: Forwarder

    def handle(self) -> None:
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client = Wire(self.request)
        while (head := client.head()) is not None:
            _Exchange(self.server, client, head).run()


class _Exchange:
    """One request and its answer. Raises a ConnectionError where the client's connection ends with it."""

    def __init__(self, server: Forwarder, client: Wire, head: Head) -> None:
        self._server = server
        self._client = client
        self._head = head
        self._number, self._fault = server.begin(head.words[0], head.words[1])

    def run(self) -> None:
        match self._fault:
            case Drop():
                self._close()
            case Reset():
                # Closed so, a socket says RST in place of an end.
                self._client.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self._client.connection.close()
                raise ConnectionAbortedError
            case Silence():
                self._stay_silent()
            case Answer() as answer:
                self._answer(answer)
            case Delay(seconds):
                self._server.stopping.wait(seconds)
                self._forward()
            case _:
                self._forward()

    def _answer(self, answer: Answer) -> None:
        waits = self._head.says("expect", "100-continue")
        if not waits:
            for _ in self._body():
                pass
        phrase = HTTPStatus(answer.status).phrase if answer.status in set(HTTPStatus) else "Unknown"
        headers = {"Content-Length": str(len(answer.body)), **answer.headers}
        if waits:
            headers["Connection"] = "close"  # its body is not read
        lines = [f"HTTP/1.1 {answer.status} {phrase}", *(f"{name}: {value}" for name, value in headers.items())]
        body = b"" if self._head.words[0] == "HEAD" else answer.body
        self._server.answered(self._number, answer.status)
        self._client.connection.sendall("\r\n".join([*lines, "", ""]).encode("iso-8859-1") + body)
        if waits:
            self._close()

    def _forward(self) -> None:
        try:
            connection = socket.create_connection(self._server.upstream, timeout=10)
        except OSError:
            self._close()
        connection.settimeout(None)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._server.remember(connection)
        try:
            self._exchange(Wire(connection))
        except CutHere:
            if isinstance(self._fault, CutRequest | CutAnswer) and self._fault.silent:
                self._stay_silent()
            self._close(connection)
        finally:
            self._server.forget(connection)
            connection.close()

    def _exchange(self, upstream: Wire) -> None:
        upstream.connection.sendall(self._head.raw)
        early = self._ask_leave(upstream) or self._send(upstream)
        whole = self._hand_back(upstream, early or self._answer_of(upstream))
        if early or not whole or self._head.says("connection", "close"):
            self._close(upstream.connection)

    def _body(self) -> Iterator[Piece]:
        length = int(self._head.headers.get("content-length", "0"))
        return self._client.body(length, chunked=self._head.says("transfer-encoding", "chunked"))

    def _ask_leave(self, upstream: Wire) -> Head | None:
        """Wait until the body may be sent, where the client asks for leave; returns what it is refused with."""
        if self._head.says("expect", "100-continue"):
            while not self._client.has_rest:
                if not self._ready(upstream, select.POLLIN, with_client=True):
                    return None  # the client has waited enough, and sends
                head = self._head_of(upstream)
                if head.status == HTTPStatus.CONTINUE:
                    return None
                if head.status >= HTTPStatus.OK:
                    return head
        return None

    def _send(self, upstream: Wire) -> Head | None:
        """Send the body; returns an answer that comes before its end."""
        pieces = self._body()
        match self._fault:
            case CutRequest(at):
                pieces = cut(pieces, at)
            case FlipRequest(at):
                pieces = flipped(pieces, at)
            case Trickle(pause):
                pieces = trickled(pieces, lambda: self._server.stopping.wait(pause))
        for data, _ in pieces:
            rest = memoryview(data)
            while rest:
                if self._ready(upstream, select.POLLIN | select.POLLOUT) & select.POLLIN:
                    head = self._head_of(upstream)
                    if head.status >= HTTPStatus.OK:
                        return head
                else:
                    rest = rest[upstream.connection.send(rest, socket.MSG_DONTWAIT) :]
        return None

    def _answer_of(self, upstream: Wire) -> Head:
        while True:
            self._ready(upstream, select.POLLIN)
            head = self._head_of(upstream)
            if head.status >= HTTPStatus.OK:
                return head

    def _head_of(self, upstream: Wire) -> Head:
        """Read a head from the server; the client gets it at once if more is to follow."""
        head = upstream.head()
        if head is None:
            self._close()
        if head.status < HTTPStatus.OK:
            self._client.connection.sendall(head.raw)
        return head

    def _hand_back(self, upstream: Wire, answer: Head) -> bool:
        """Give the client its answer; returns whether the connection may go on."""
        empty = self._head.words[0] == "HEAD" or answer.status in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)
        chunked = answer.says("transfer-encoding", "chunked") and not empty
        announced = answer.headers.get("content-length")
        length = 0 if empty else None if announced is None else int(announced)
        pieces = upstream.body(length, chunked=chunked)
        match self._fault:
            case DropAnswer():
                for _ in pieces:  # then all is done that was asked for
                    pass
                self._server.answered(self._number, answer.status)
                self._close(upstream.connection)
            case CutAnswer(at):
                pieces = cut(pieces, at)
            case FlipAnswer(at):
                pieces = flipped(pieces, at)
        pieces = itertools.chain([(self._server.here(answer.raw), False)], pieces)
        if isinstance(self._fault, Trickle):
            pause = self._fault.pause
            pieces = trickled(pieces, lambda: self._server.stopping.wait(pause))
        self._server.answered(self._number, answer.status)
        for data, _ in pieces:
            self._client.connection.sendall(data)
        return (chunked or length is not None) and not answer.says("connection", "close")

    def _ready(self, upstream: Wire, events: int, *, with_client: bool = False) -> int:
        """Wait for the server's connection, and return what it is ready for; nothing if it is the client's turn.

        Raises:
            ConnectionError: The client has gone.
        """
        if upstream.has_rest:
            return select.POLLIN
        poll = select.poll()
        poll.register(upstream.connection, events)
        poll.register(self._client.connection, _GONE | (select.POLLIN if with_client else 0))
        happened = dict(poll.poll())
        if happened.get(self._client.connection.fileno(), 0) & _GONE:
            raise ConnectionAbortedError
        on_upstream = happened.get(upstream.connection.fileno(), 0)
        return select.POLLIN if on_upstream & (select.POLLIN | _GONE) else on_upstream

    def _stay_silent(self) -> NoReturn:
        poll = select.poll()
        poll.register(self._client.connection, _GONE)
        poll.poll()
        raise ConnectionAbortedError

    def _close(self, upstream: socket.socket | None = None) -> NoReturn:
        """End the connections, the client's without a reset, which it would get for what it sends and nobody reads."""
        if upstream:
            with contextlib.suppress(OSError):
                upstream.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(OSError):
            self._client.connection.shutdown(socket.SHUT_WR)
            self._client.connection.settimeout(_LINGER_SECONDS)
            end = time.monotonic() + _LINGER_SECONDS
            while time.monotonic() < end and self._client.connection.recv(_PIECE):
                pass
        raise ConnectionAbortedError
