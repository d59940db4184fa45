"""A fault proxy that stops, whatever is open."""

import socket
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack

import pytest
from proxy_ends import ASKING, BODY, GET, OK, PUT, Ends, read

from haulage.testing import FaultProxy, faults


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
    """Leaving the block waits for nobody in any state of a request, and leaves no thread."""
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
        assert time.monotonic() - began < 4, "it waited"  # whoever does not end is given up after 5 s
        for thread in set(threading.enumerate()) - before:
            thread.join(10)
            assert not thread.is_alive(), f"{thread} is left"
