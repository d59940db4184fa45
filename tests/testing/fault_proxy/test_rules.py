"""Which requests a rule of the fault proxy is for, and how they are waited for."""

import http.client
import threading

import pytest
from proxy_ends import EMPTY, GET, Ends, answered, read

from haulage.testing import faults


def statuses(ends: Ends, *targets: str) -> list[int]:
    """Put to targets, each over a connection of its own, and return what the rules answer."""
    found = []
    for target in targets:
        connection = http.client.HTTPConnection(ends.proxy.url.removeprefix("http://"), timeout=5)
        connection.request("PUT", target)
        found.append(connection.getresponse().status)
        connection.close()
    return found


def test_only_one_match(ends: Ends) -> None:
    """A rule for the k-th match leaves those before and after it to other rules."""
    ends.proxy.on("PUT", "part=", faults.Answer(503), only=2)
    ends.proxy.on("", "", faults.Answer(204))
    assert statuses(ends, "/?part=1", "/other", "/?part=2", "/?part=3") == [204, 204, 503, 204]


def test_first_matches(ends: Ends) -> None:
    """A rule for the first matches leaves the others to other rules."""
    ends.proxy.on("PUT", "part=", faults.Answer(503), first=2)
    ends.proxy.on("", "", faults.Answer(204))
    assert statuses(ends, "/?part=1", "/other", "/?part=2", "/?part=3") == [503, 204, 503, 204]


def test_the_first_rule_decides(ends: Ends) -> None:
    """Of two rules that apply the older one decides, and a method must match as a whole."""
    ends.proxy.on("PU", "", faults.Answer(501))
    ends.proxy.on("PUT|POST", "", faults.Answer(502))
    ends.proxy.on("", "", faults.Answer(503))
    assert statuses(ends, "/") == [502]


def test_rules_are_forgotten(ends: Ends) -> None:
    """After clear there are neither rules nor requests."""
    ends.proxy.on("", "", faults.Answer(503))
    assert statuses(ends, "/") == [503]
    ends.proxy.clear()
    assert ends.proxy.requests == ()
    answered(ends, EMPTY)
    assert read(ends.client, len(EMPTY)) == EMPTY


def test_requests_are_waited_for(ends: Ends) -> None:
    """Whoever waits for a request is woken by it, and has an error with what came if it does not come."""
    threading.Thread(target=ends.client.sendall, args=(GET,)).start()
    (seen,) = ends.proxy.wait_for(lambda requests: len(requests) == 1)
    assert seen.target == "/a?b=c"
    with pytest.raises(TimeoutError, match=r"/a\?b=c"):
        ends.proxy.wait_for(lambda requests: len(requests) == 2, timeout=0.05)
