"""The loopback site, asked by http.client and urllib."""

import hashlib
import http.client
import re
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from haulage.testing import LoopbackSite, Recipe

Client = Callable[..., Any]


def connect(site: LoopbackSite) -> http.client.HTTPConnection:
    """A connection to the site that never waits for ever."""
    return http.client.HTTPConnection(site.url("/").split("/")[2], timeout=10)


@pytest.mark.parametrize("name", ["clip.mp4", "second.mp4", "third.mp4"])
def test_direct(site: LoopbackSite, ask: Client, name: str) -> None:
    """A medium is served whole, with all that a careful client wants to know."""
    got = ask(f"/{name}")
    body = site.file(name).read_bytes()
    assert (got.status, hashlib.sha256(got.body).digest()) == (200, hashlib.sha256(body).digest())
    assert got.headers["Content-Type"] == "video/mp4"
    assert got.headers["Content-Length"] == str(len(body))
    assert got.headers["Accept-Ranges"] == "bytes"
    assert got.headers["ETag"] == f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    assert got.headers["Last-Modified"].endswith(" GMT")


def test_different_media(site: LoopbackSite) -> None:
    """The media differ from each other."""
    assert len({site.file(name).read_bytes() for name in site.recipes}) == 3


@pytest.mark.parametrize(
    ("wanted", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=100-199", 100, 200),
        ("bytes=1000-", 1000, None),
        ("bytes=-10", -10, None),
        ("bytes=5-99999999999", 5, None),
        ("bytes=-99999999999", 0, None),
    ],
)
def test_range(site: LoopbackSite, ask: Client, wanted: str, start: int, stop: int | None) -> None:
    """One range is served as 206, with its place in the whole."""
    body = site.file("clip.mp4").read_bytes()
    got = ask("/clip.mp4", Range=wanted)
    first, after, _ = slice(start, stop).indices(len(body))
    assert (got.status, got.body) == (206, body[start:stop])
    assert got.headers["Content-Range"] == f"bytes {first}-{after - 1}/{len(body)}"


def test_range_behind_the_end(site: LoopbackSite, ask: Client) -> None:
    """A range that begins behind the end, or has no bytes, gets 416 with the size."""
    size = site.file("clip.mp4").stat().st_size
    for wanted in (f"bytes={size}-", "bytes=-0"):
        got = ask("/clip.mp4", Range=wanted)
        assert (got.status, got.headers["Content-Range"]) == (416, f"bytes */{size}")


@pytest.mark.parametrize("wanted", ["bytes=0-1,5-6", "bytes=9-5", "bytes=-", "lines=1-2"])
def test_range_ignored(site: LoopbackSite, ask: Client, wanted: str) -> None:
    """A range that makes no sense, or is several, gets the whole medium."""
    got = ask("/clip.mp4", Range=wanted)
    assert (got.status, len(got.body)) == (200, site.file("clip.mp4").stat().st_size)


def test_if_range(ask: Client) -> None:
    """A range of another version of the medium gets the whole one."""
    headers = ask("/clip.mp4", "HEAD").headers
    assert ask("/clip.mp4", Range="bytes=0-9", If_Range=headers["ETag"]).status == 206
    assert ask("/clip.mp4", Range="bytes=0-9", If_Range=headers["Last-Modified"]).status == 206
    assert ask("/clip.mp4", Range="bytes=0-9", If_Range='"other"').status == 200


def test_head(site: LoopbackSite, ask: Client) -> None:
    """HEAD gets the headers of GET and no body."""
    got = ask("/clip.mp4", "HEAD")
    assert (got.status, got.body) == (200, b"")
    assert got.headers["Content-Length"] == str(site.file("clip.mp4").stat().st_size)
    (served,) = site.requests
    assert (served.method, served.body_bytes, served.complete) == ("HEAD", 0, True)


def test_connection_is_kept(site: LoopbackSite) -> None:
    """One connection serves several requests, refusals and empty bodies among them."""
    connection = connect(site)
    statuses = []
    for path in ("/second.mp4", "/404/x.mp4", "/empty/clip.mp4", "/third.mp4"):
        connection.request("GET", path)
        sock = connection.sock
        response = connection.getresponse()
        response.read()
        statuses.append(response.status)
        assert connection.sock is sock
    connection.close()
    assert statuses == [200, 404, 200, 200]


def test_log(site: LoopbackSite, ask: Client) -> None:
    """The log tells what was asked, in which order, and what was sent; clearing it forgets."""
    before = time.monotonic()
    size = len(ask("/clip.mp4").body)
    ask("/clip.mp4?again", Range="bytes=0-9")
    ask("/nothing")
    one, two, three = site.requests
    assert (one.method, one.path, one.status, one.body_bytes, one.complete) == (
        "GET",
        "/clip.mp4",
        200,
        size,
        True,
    )
    assert (two.path, two.status, two.body_bytes, two.complete) == ("/clip.mp4?again", 206, 10, True)
    assert (three.path, three.status) == ("/nothing", 404)
    assert one.ended is not None
    assert before <= one.at <= one.ended <= two.at <= three.at <= time.monotonic()
    assert site.log("/clip.mp4") == site.log(site.url("/clip.mp4")) == (one,)
    assert site.log("/clip.mp4?again") == (two,)
    site.clear()
    assert site.requests == ()


def test_read_means_logged(site: LoopbackSite, ask: Client) -> None:
    """Whoever has read a reply to its end finds it ended in the log, however often one looks."""
    size = site.file("third.mp4").stat().st_size
    for turn in range(100):
        ask(f"/third.mp4?{turn}")
        (served,) = site.log(f"/third.mp4?{turn}")
        assert (served.body_bytes, served.complete) == (size, True)
        assert served.ended is not None


def test_503_twice(ask: Client) -> None:
    """Two requests for a path get 503 and the third the medium; another tag counts anew."""
    for path in ("/503-twice/clip.mp4", "/503-twice/tag/clip.mp4"):
        assert [ask(path, method).status for method in ("HEAD", "GET", "GET")] == [503, 503, 200]


@pytest.mark.parametrize(
    "path",
    [
        "/404/clip.mp4",
        "/",
        "/other.mp4",
        "/short/other.mp4",
        "/clip.mp4/x",
        "/drip/clip.mp4",
        "/drip/0/clip.mp4",
    ],
)
def test_404(site: LoopbackSite, ask: Client, path: str) -> None:
    """404 is served on demand, and for what the site does not have."""
    assert ask(path).status == 404


def test_403(ask: Client) -> None:
    """403 is served on demand."""
    assert ask("/403/clip.mp4").status == 403


def test_a_site_that_refuses(site: LoopbackSite, ask: Client) -> None:
    """Whatever is asked for meets the refusal while it lasts, and is served as ever after it."""
    with site.refusing(429, retry_after=7):
        got = ask("/503-twice/refused/clip.mp4")
        assert (got.status, got.headers["Retry-After"]) == (429, "7")
    with site.refusing(401):
        got = ask("/clip.mp4?refused")
        assert (got.status, got.headers["Retry-After"]) == (401, None)
    assert [ask("/503-twice/refused/clip.mp4").status for _ in range(3)] == [503, 503, 200]


def test_429(site: LoopbackSite, ask: Client) -> None:
    """A path gets 429 with Retry-After until that time is over."""
    path = "/429/1/clip.mp4"
    got = ask(path)
    assert (got.status, got.headers["Retry-After"]) == (429, "1")
    while (got := ask(path)).status == 429:
        assert len(site.requests) < 100_000
    first, *_, last = site.log(path)
    assert (got.status, got.body) == (200, site.file("clip.mp4").read_bytes())
    assert 1 <= last.at - first.at < 2


def test_short(site: LoopbackSite, ask: Client) -> None:
    """The full length is announced, 60 % of it comes, and the reply is not complete."""
    body = site.file("clip.mp4").read_bytes()
    with pytest.raises(http.client.IncompleteRead) as caught:
        ask("/short/clip.mp4")
    assert caught.value.partial == body[: len(body) * 6 // 10]
    assert caught.value.expected == len(body) - len(caught.value.partial)
    (served,) = site.requests
    assert (served.body_bytes, served.complete) == (len(caught.value.partial), False)


def test_cut(site: LoopbackSite, ask: Client) -> None:
    """60 % of the body comes without a length, and nothing shows that there should be more."""
    body = site.file("clip.mp4").read_bytes()
    got = ask("/cut/clip.mp4")
    assert (got.status, got.body) == (200, body[: len(body) * 6 // 10])
    assert got.headers["Content-Length"] is None
    assert got.headers["Connection"] == "close"
    (served,) = site.requests
    assert (served.body_bytes, served.complete) == (len(got.body), True)


@pytest.mark.parametrize(
    ("behaviour", "media_type", "pattern"),
    [
        ("html", "text/html; charset=utf-8", b"<!DOCTYPE html>.*</html>\n"),
        ("lying-html", "video/mp4", b"<!DOCTYPE html>.*</html>\n"),
        ("empty", "video/mp4", b""),
    ],
)
def test_not_media(site: LoopbackSite, ask: Client, behaviour: str, media_type: str, pattern: bytes) -> None:
    """What is no medium comes with status 200, and may call itself a video."""
    got = ask(f"/{behaviour}/clip.mp4")
    assert (got.status, got.headers["Content-Type"]) == (200, media_type)
    assert re.fullmatch(pattern, got.body, re.DOTALL)
    assert site.requests[0].complete


def test_drip(site: LoopbackSite, ask: Client) -> None:
    """Bytes come at the rate of the path, the right ones, and ranges are served at it, too."""
    body = site.file("clip.mp4").read_bytes()
    began = time.monotonic()
    got = ask("/drip/2000/clip.mp4", Range="bytes=500-1499")
    assert (got.status, got.body) == (206, body[500:1500])
    assert 0.5 <= time.monotonic() - began < 5  # with patience for a machine that stalls


def test_drip_whole(site: LoopbackSite, ask: Client) -> None:
    """A medium that drips fast enough to end is whole."""
    got = ask("/drip/10000000/clip.mp4")
    assert got.body == site.file("clip.mp4").read_bytes()


def test_drip_under_way(site: LoopbackSite) -> None:
    """A slow reply shows its headers at once, is logged while it runs, and ends when the client goes."""
    seen = []
    for _ in range(5):  # a machine may stall until the next byte is due, but not each time
        site.clear()
        response = urllib.request.urlopen(site.url("/drip/1/clip.mp4"), timeout=10)
        (shown,) = site.requests
        assert (shown.status, shown.complete, shown.ended) == (200, False, None)
        site.clear()
        assert len(site.requests) == 1
        assert site.wait_for(lambda requests: requests[0].body_bytes >= 1)[0].ended is None
        response.close()
        gone = time.monotonic()
        (served,) = site.wait_for(lambda requests: requests[0].ended is not None)
        assert not served.complete
        seen.append((shown.body_bytes, served.body_bytes, time.monotonic() - gone < 0.5))
        if seen[-1] == (0, 1, True):
            break
    assert seen[-1] == (0, 1, True), f"the headers or the end waited for a byte: {seen}"


def test_stall(site: LoopbackSite) -> None:
    """1024 bytes come, then nothing, until the client goes."""
    connection = connect(site)
    connection.request("GET", "/stall/clip.mp4")
    response = connection.getresponse()
    assert response.headers["Content-Length"] == str(site.file("clip.mp4").stat().st_size)
    assert response.read(1024) == site.file("clip.mp4").read_bytes()[:1024]
    connection.sock.settimeout(0.2)
    with pytest.raises(TimeoutError):
        response.read(1)
    assert site.requests[0].ended is None
    response.close()
    connection.close()
    (served,) = site.wait_for(lambda requests: requests[0].ended is not None)
    assert (served.body_bytes, served.complete) == (1024, False)


def test_client_gone(capfd: pytest.CaptureFixture[str]) -> None:
    """A client that leaves in the middle is recorded, with what it took, and nobody complains."""
    with LoopbackSite([Recipe("big", size=30_000_000)]) as site:
        response = urllib.request.urlopen(site.url("/big.mp4"), timeout=10)
        response.read(1000)
        response.close()
        (served,) = site.wait_for(lambda requests: requests[0].ended is not None)
    assert not served.complete
    assert 1000 <= served.body_bytes < 30_000_000
    assert capfd.readouterr() == ("", "")


def test_redirect(site: LoopbackSite, ask: Client) -> None:
    """A redirect leads to a path of the site, to another address, and to what must be encoded."""
    with urllib.request.urlopen(site.redirect("/third.mp4"), timeout=10) as response:
        assert response.url == site.url("/third.mp4")
        assert response.read() == site.file("third.mp4").read_bytes()
    for target, location in (
        ("http://169.254.169.254/latest?a=b&c=%20", "http://169.254.169.254/latest?a=b&c=%20"),
        ("/ü\r\nX: y", "/%C3%BC%0D%0AX:%20y"),
    ):
        got = ask("/" + site.redirect(target).split("/", 3)[3])
        assert (got.status, got.headers["Location"]) == (302, location)


def test_many_clients(site: LoopbackSite, ask: Client) -> None:
    """Many clients at once each get their own reply."""
    got = []
    threads = [threading.Thread(target=lambda: got.append(ask("/second.mp4"))) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {one.body for one in got} == {site.file("second.mp4").read_bytes()}
    assert len(got) == len(site.requests) == 30


def test_wait_gives_up(site: LoopbackSite) -> None:
    """Waiting for what never happens ends with an error."""
    with pytest.raises(TimeoutError):
        site.wait_for(lambda requests: bool(requests), timeout=0.01)


def test_leaving(capfd: pytest.CaptureFixture[str]) -> None:
    """The end of the site waits for no client, and leaves no file, no thread and no open port."""
    before = threading.enumerate()
    with LoopbackSite([Recipe(duration=1, width=160, height=90)]) as site:
        folder: Path = site.file("clip.mp4").parent
        clients = [urllib.request.urlopen(site.url(f"/{slow}/clip.mp4"), timeout=10) for slow in ("drip/1", "stall")]
        idle = connect(site)
        idle.request("GET", "/clip.mp4")
        idle.getresponse().read()
        clients[1].read(1024)
        port = int(site.url("/").split(":")[2].strip("/"))
        began = time.monotonic()
    assert time.monotonic() - began < 5, "it waited for a client"  # which it gives up after 5 s
    assert not folder.exists()
    assert all(one.ended is not None for one in site.requests)
    for thread in set(threading.enumerate()) - set(before):
        thread.join(10)
        assert not thread.is_alive()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=1)
    with pytest.raises(http.client.IncompleteRead):
        clients[0].read()
    for client in clients:
        client.close()
    idle.close()
    assert capfd.readouterr() == ("", "")


def test_no_recipe(site: LoopbackSite) -> None:
    """A file without a recipe is a KeyError."""
    with pytest.raises(KeyError):
        site.file("other.mp4")


def test_cannot_make(tmp_path: Path) -> None:
    """Where a medium cannot be made, the site says so with 500."""
    with LoopbackSite([Recipe(size=10_000)]) as site, pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(site.url("/clip.mp4"), timeout=10)
    with caught.value:
        assert caught.value.code == 500
        assert b"too few" in caught.value.read()
