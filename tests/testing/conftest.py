"""What these tests share: one site, and a client that knows nothing of haulage."""

import http.client
from collections.abc import Callable, Iterator
from email.message import Message

import pytest
from attrs import frozen

from haulage.testing import LoopbackSite


@frozen
class Got:
    """A response that was read to its end."""

    status: int
    headers: Message
    body: bytes


@pytest.fixture(scope="session")
def shared() -> Iterator[LoopbackSite]:
    """One site for all tests, so that media are made once."""
    with LoopbackSite() as site:
        yield site


@pytest.fixture
def site(shared: LoopbackSite) -> LoopbackSite:
    """The site with an empty log."""
    shared.wait_for(lambda requests: all(one.ended is not None for one in requests))
    shared.clear()
    return shared


@pytest.fixture
def ask(site: LoopbackSite) -> Callable[..., Got]:
    """One request over a connection of its own, which never waits for ever."""

    def get(path: str, method: str = "GET", **headers: str) -> Got:
        connection = http.client.HTTPConnection(site.url("/").split("/")[2], timeout=10)
        try:
            connection.request(method, path, headers={k.replace("_", "-"): v for k, v in headers.items()})
            response = connection.getresponse()
            return Got(response.status, response.headers, response.read())
        finally:
            connection.close()

    return get
