"""A fault proxy between two sockets."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from proxy_ends import Ends

from haulage.testing import FaultProxy


@pytest.fixture
def ends() -> Iterator[Ends]:
    """A proxy between two sockets."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        listener.settimeout(5)
        proxy = stack.enter_context(FaultProxy(f"http://127.0.0.1:{listener.getsockname()[1]}"))
        yield Ends(proxy, listener, stack)
