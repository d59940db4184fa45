"""A proxy before PostgreSQL that loses the answer to one COMMIT."""

import contextlib
import select
import socket
import socketserver
import threading
from typing import Self

from haulage.testing.listening import Listener

COMMIT = b"COMMIT\0"
"""How the driver's words to the server end when it commits."""


class CommitProxy:
    """Hand on all that comes, except the answer to the n-th COMMIT: the server commits, and the connection ends.

    Args:
        port: Of the server, on 127.0.0.1.
        lose: Which COMMIT, from 1, over all connections; 0 for none.

    Attributes:
        count: How many came.
    """

    def __init__(self, port: int, lose: int) -> None:
        self.count, self._lose, self._lock = 0, lose, threading.Lock()
        proxy = self

        class Handler(socketserver.BaseRequestHandler):
            server: Listener

            def handle(self) -> None:
                with socket.create_connection(("127.0.0.1", port)) as upstream:
                    self.server.remember(upstream)
                    with contextlib.suppress(OSError):
                        proxy._relay(self.request, upstream)
                    self.server.forget(upstream)

        self._handler = Handler

    def __enter__(self) -> Self:
        self._listener = Listener(self._handler, "commit-proxy")
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.stop()

    @property
    def port(self) -> int:
        """Where it listens, on 127.0.0.1."""
        return self._listener.port

    def _relay(self, client: socket.socket, upstream: socket.socket) -> None:
        while True:
            ready, _, _ = select.select([client, upstream], [], [])
            for one, other in ((client, upstream), (upstream, client)):
                if one in ready:
                    data = one.recv(1 << 16)
                    if not data:
                        return
                    other.sendall(data)
                    if one is client and data.endswith(COMMIT) and self._is_the_one():
                        upstream.recv(1 << 16)  # it has committed
                        return

    def _is_the_one(self) -> bool:
        with self._lock:
            self.count += 1
            return self.count == self._lose
