"""A TCP server in a thread of its own, as the loopback site and the fault proxy need one."""

import contextlib
import socket
import socketserver
import sys
import threading
from typing import Any, Final

_STEP: Final = 0.05


class Listener(socketserver.ThreadingTCPServer):
    """Serve from a thread of its own, on a free port of 127.0.0.1, until `stop`."""

    # http.server's own class looks up the host's name, which may ask the network.
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, handler: type[socketserver.BaseRequestHandler], name: str) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self._changed = threading.Condition()
        self._connections: set[Any] = set()
        self._stopped = False
        self._thread = threading.Thread(target=self.serve_forever, args=(_STEP,), name=name, daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self.server_address[1])

    def stop(self) -> None:
        """End every connection, in the middle of a reply too, and leave no thread that answers."""
        self.shutdown()
        self._thread.join()
        self.server_close()
        with self._changed:
            self._stopped = True
            for connection in self._connections:
                _shut(connection)
            self._changed.wait_for(lambda: not self._connections, timeout=5)

    def remember(self, connection: Any) -> None:
        """Shut a connection down with `stop`, or now if it was already.

        To be forgotten before it is closed.
        """
        with self._changed:
            self._connections.add(connection)
            if self._stopped:
                _shut(connection)

    def forget(self, connection: Any) -> None:
        """No longer shut it down."""
        with self._changed:
            self._connections.discard(connection)
            self._changed.notify_all()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection, for `stop`."""
        self.remember(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Close the connection and forget it."""
        super().shutdown_request(request)
        self.forget(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that went away; anything else is a bug of the server and shows itself."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def _shut(connection: Any) -> None:
    with contextlib.suppress(OSError):  # it may have ended by itself
        connection.shutdown(socket.SHUT_RDWR)
