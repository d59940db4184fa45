"""The HTTP/1.1 server below the loopback site: sends replies, paced or broken, and keeps the log."""

import select
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Final

from haulage.testing.listening import Listener
from haulage.testing.replies import Reply
from haulage.testing.requests import RequestLog, Served

Respond = Callable[[str, str, Mapping[str, str]], Reply]
"""Finds the reply to a method, a path and headers, whose names are in lower case."""

_PIECE: Final = 256 * 1024
_BUFFER: Final = 64 * 1024
_STEP: Final = 0.05


class Server(Listener):
    """Serve what `respond` finds, until `stop`."""

    def __init__(self, respond: Respond, log: RequestLog) -> None:
        self.respond = respond
        self.log = log
        super().__init__(_Handler, "loopback-site")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    connection: socket.socket
    server: Server

    def setup(self) -> None:
        # By default the system takes megabytes that the client never reads, and the log would tell of them as sent.
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
        super().setup()

    def do_GET(self) -> None:
        self._serve()

    def do_HEAD(self) -> None:
        self._serve()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        pass

    def _serve(self) -> None:
        arrived = time.monotonic()
        log = self.server.log
        headers = {name.lower(): value for name, value in self.headers.items()}
        reply = self.server.respond(self.command, self.path, headers)
        number = log.begin(Served(arrived, self.command, self.path, reply.status, headers.get("range")))
        try:
            with log.writing():
                self._send_head(reply)
                if self.command == "HEAD" or reply.announced == 0:
                    log.end(number, complete=True)
                    return
            self.close_connection = reply.announced != reply.stop - reply.start or self.close_connection
            self._send_body(reply, number)
            log.end(number, complete=reply.announced is None)
        except ConnectionError:
            self.close_connection = True
        finally:
            log.end(number, complete=False)

    def _send_head(self, reply: Reply) -> None:
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.media_type)
        if reply.announced is None:
            self.send_header("Connection", "close")
        else:
            self.send_header("Content-Length", str(reply.announced))
        for name, value in reply.headers:
            self.send_header(name, value)
        self.end_headers()

    def _send_body(self, reply: Reply, number: int) -> None:
        sent, began = 0, time.monotonic()
        for piece in _pieces(reply):
            rest = memoryview(piece)
            if reply.rate:
                self._rest(began + (sent + len(rest)) / reply.rate - time.monotonic())
            while rest:
                # Sent and counted in one go: who has read a byte, or a reply's end, finds it in the log.
                with self.server.log.writing():
                    count = self._send_some(rest)
                    sent += count
                    self.server.log.add(number, count)
                    if sent == reply.announced:
                        self.server.log.end(number, complete=True)
                rest = rest[count:]
                if rest:
                    self._ready(select.POLLOUT, None)
        if reply.silent:
            self._rest(None)

    def _send_some(self, data: memoryview) -> int:
        try:
            return self.connection.send(data, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return 0

    def _rest(self, seconds: float | None) -> None:
        """Wait, unless the client goes away or the server stops: both make the socket readable."""
        if (seconds is None or seconds > 0) and self._ready(select.POLLIN, seconds):
            raise ConnectionAbortedError

    def _ready(self, event: int, seconds: float | None) -> bool:
        poll = select.poll()
        poll.register(self.connection, event)
        return bool(poll.poll(None if seconds is None else seconds * 1000))


def _pieces(reply: Reply) -> Iterator[bytes]:
    size = max(1, int(reply.rate * _STEP)) if reply.rate else _PIECE
    if isinstance(reply.body, Path):
        with reply.body.open("rb") as file:
            file.seek(reply.start)
            left = reply.stop - reply.start
            while piece := file.read(min(size, left)):
                left -= len(piece)
                yield piece
    else:
        for start in range(reply.start, reply.stop, size):
            yield reply.body[start : min(start + size, reply.stop)]
