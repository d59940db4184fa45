"""A proxy that does harm on demand, to be put before any HTTP store or the loopback site."""

import re
import threading
import time
from collections.abc import Callable
from typing import Self
from urllib.parse import urlsplit

from attrs import define, evolve, frozen

from haulage.testing.faults import Fault, Pass
from haulage.testing.forwarding import Forwarder


@frozen
class Proxied:
    """One request that came to the proxy, as far as it has come.

    Attributes:
        at: When it arrived, by time.monotonic().
        method: As it was sent.
        target: As it was sent, with the query.
        fault: What was done to it.
        status: Of the answer, whether or not the client got it; None where there is none, or not yet.
    """

    at: float
    method: str
    target: str
    fault: Fault
    status: int | None = None


@define
class _Rule:
    method: re.Pattern[str]
    target: re.Pattern[str]
    fault: Fault
    only: int | None
    first: int | None
    matched: int = 0

    def applies(self, method: str, target: str) -> bool:
        """Whether it decides about a request, which is counted."""
        if not self.method.fullmatch(method) or not self.target.search(target):
            return False
        self.matched += 1
        return (self.only is None or self.matched == self.only) and (self.first is None or self.matched <= self.first)


class FaultProxy:
    """Stand before one HTTP server and hand on what comes, except where a rule says otherwise.

    It serves inside its `with` block, which is entered once; leaving it ends every connection within a second, in the
    middle of a request too. Safe to use from many threads.

    Requests are handed on as they came, the Host header too, so signatures hold. Bodies are streamed, chunked ones
    chunk by chunk. Answers are handed on as they came, but where a Location header begins with the server's own URL
    it is given the proxy's, so that the further requests of an upload pass here too. Each request has a connection of
    its own to the server. Where the server does not listen the client's connection is closed without an answer.

    Example:
        with FaultProxy(server.endpoint_url) as proxy:
            proxy.on("PUT", "partNumber=2", faults.DropAnswer(), only=1)
            upload(endpoint_url=proxy.url)
            assert proxy.count("PUT", "partNumber=2") == 2
    """

    def __init__(self, upstream_url: str) -> None:
        address = urlsplit(upstream_url)
        if address.scheme != "http" or address.hostname is None:
            raise ValueError(f"a fault proxy needs the http URL of a server, not {upstream_url!r}")
        self._upstream = (address.hostname, address.port or 80)
        self._changed = threading.Condition()
        self._rules: list[_Rule] = []
        self._requests: dict[int, Proxied] = {}
        self._next = 0
        self._forwarder: Forwarder | None = None

    def __enter__(self) -> Self:
        self._forwarder = Forwarder(self._upstream, self._begin, self._answered)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._forwarder is not None
        self._forwarder.stop()

    @property
    def url(self) -> str:
        """The URL to give to clients in place of the server's, without a slash at the end."""
        assert self._forwarder is not None, "the proxy serves inside its with block"
        return f"http://127.0.0.1:{self._forwarder.port}"

    def on(self, method: str, target: str, fault: Fault, *, only: int | None = None, first: int | None = None) -> None:
        """Add a rule. Of the rules that apply to a request the one that was added first decides.

        Args:
            method: A regular expression for the whole method; "" for any.
            target: A regular expression for some part of the target, which is the path and the query; "" for any.
            fault: What is done to the request.
            only: Apply to this match alone, counted from 1 and from when the rule was added.
            first: Apply to this many matches, and let the others pass.
        """
        rule = _Rule(re.compile(method or ".*"), re.compile(target), fault, only, first)
        with self._changed:
            self._rules.append(rule)

    @property
    def requests(self) -> tuple[Proxied, ...]:
        """All requests, oldest first, those under way among them. Who has an answer finds its status here."""
        with self._changed:
            return tuple(self._requests.values())

    def count(self, method: str, target: str) -> int:
        """Count the requests that a rule with these would match."""
        return sum(
            bool(re.fullmatch(method or ".*", one.method) and re.search(target, one.target)) for one in self.requests
        )

    def wait_for(self, condition: Callable[[tuple[Proxied, ...]], bool], timeout: float = 60) -> tuple[Proxied, ...]:
        """Wait until the requests fulfil a condition, and return them.

        Raises:
            TimeoutError: They did not within `timeout` seconds.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: condition(self.requests), timeout):
                raise TimeoutError(f"not within {timeout} s; the requests were {self.requests}")
            return self.requests

    def clear(self) -> None:
        """Forget all rules and all requests. What is under way goes on as it began."""
        with self._changed:
            self._rules.clear()
            self._requests.clear()

    def _begin(self, method: str, target: str) -> tuple[int, Fault]:
        with self._changed:
            applying = [rule.fault for rule in self._rules if rule.applies(method, target)]
            fault = applying[0] if applying else Pass()
            self._next += 1
            self._requests[self._next] = Proxied(time.monotonic(), method, target, fault)
            self._changed.notify_all()
            return self._next, fault

    def _answered(self, number: int, status: int) -> None:
        with self._changed:
            if number in self._requests:
                self._requests[number] = evolve(self._requests[number], status=status)
                self._changed.notify_all()
