"""What a client that resumes meets: cut replies, servers without ranges or validators, and videos that change."""

import hashlib
import http.client
import re
import subprocess
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from haulage.testing import LoopbackSite, Recipe, ffmpeg

Client = Callable[..., Any]


def received(ask: Client, path: str) -> bytes:
    """What comes of a reply that is cut."""
    with pytest.raises(http.client.IncompleteRead) as caught:
        ask(path)
    partial: bytes = caught.value.partial
    return partial


@pytest.mark.parametrize("share", [1, 60, 99])
def test_cut_once(site: LoopbackSite, ask: Client, share: int) -> None:
    """The first reply ends after its share of the announced body; a range then gives exactly the rest."""
    path, body = f"/cut-once/{share}/resumed/clip.mp4", site.file("clip.mp4").read_bytes()
    first = received(ask, path)
    rest = ask(path, Range=f"bytes={len(first)}-")
    assert len(first) == len(body) * share // 100
    assert (rest.status, first + rest.body) == (206, body)
    cut, resumed = site.log(path)
    assert (cut.body_bytes, cut.complete, cut.range_header) == (len(first), False, None)
    assert (resumed.body_bytes, resumed.complete) == (len(body) - len(first), True)
    assert resumed.range_header == f"bytes={len(first)}-"


def test_cut_once_for_each_tag(site: LoopbackSite, ask: Client) -> None:
    """A second whole request is served whole, and another tag is cut anew."""
    body = site.file("clip.mp4").read_bytes()
    for tag in ("one", "two"):
        received(ask, f"/cut-once/50/{tag}/clip.mp4")
        assert ask(f"/cut-once/50/{tag}/clip.mp4").body == body


def test_cut_once_announces_the_whole(site: LoopbackSite, ask: Client) -> None:
    """The cut reply has the length, the validators and the offer of ranges of a whole one."""
    headers = ask("/cut-once/50/head/clip.mp4", "HEAD").headers
    medium = site.medium("clip.mp4")
    assert (headers["Content-Length"], headers["ETag"]) == (str(medium.size), f'"{medium.sha256[:32]}"')
    assert headers["Accept-Ranges"] == "bytes"


def test_cut_first(site: LoopbackSite, ask: Client) -> None:
    """As many replies are cut as the path says."""
    path, body = "/cut-first/3/50/clip.mp4", site.file("clip.mp4").read_bytes()
    assert [received(ask, path) for _ in range(3)] == [body[: len(body) // 2]] * 3
    assert ask(path).body == body


def test_stall_first(site: LoopbackSite, ask: Client) -> None:
    """As many replies fall silent as the path says, after the share that it says."""
    path, body = "/stall-first/2/50/clip.mp4", site.file("clip.mp4").read_bytes()
    for _ in range(2):
        connection = http.client.HTTPConnection(site.url("/").split("/")[2], timeout=10)
        connection.request("GET", path)
        with connection.getresponse() as response:
            assert response.read(len(body) // 2) == body[: len(body) // 2]
            connection.sock.settimeout(0.5)
            with pytest.raises(TimeoutError):
                response.read(1)
        connection.close()
    assert ask(path).body == body


@pytest.mark.parametrize("rest", ["cut-once", "cut-once/0", "cut-once/100", "cut-first/2", "stall-first/0/60"])
def test_no_share(ask: Client, rest: str) -> None:
    """A share or a number that is none is not found."""
    assert ask(f"/{rest}/clip.mp4").status == 404


def test_no_range(site: LoopbackSite, ask: Client) -> None:
    """A range is ignored and none is offered, whatever lies behind."""
    body = site.file("clip.mp4").read_bytes()
    received(ask, "/no-range/cut-once/50/clip.mp4")
    for path in ("/no-range/clip.mp4", "/no-range/a-tag/clip.mp4", "/no-range/cut-once/50/clip.mp4"):
        got = ask(path, Range="bytes=100-199")
        assert (got.status, got.body) == (200, body)
        assert got.headers["Accept-Ranges"] is None
        assert got.headers["Content-Range"] is None
        assert site.log(path)[-1].range_header == "bytes=100-199"


def test_no_validators(site: LoopbackSite, ask: Client) -> None:
    """Ranges are served, without a word on which version they are of."""
    body = site.file("clip.mp4").read_bytes()
    for headers, status, part in (({}, 200, body), ({"Range": "bytes=100-199"}, 206, body[100:200])):
        got = ask("/no-validators/clip.mp4", **headers)
        assert (got.status, got.body) == (status, part)
        assert (got.headers["ETag"], got.headers["Last-Modified"]) == (None, None)
        assert got.headers["Accept-Ranges"] == "bytes"


def test_changing(site: LoopbackSite, ask: Client) -> None:
    """A changed path has another video with other validators, until it is changed back; other paths keep theirs."""
    path = "/changing/back-and-forth/clip.mp4"
    before = ask(path)
    site.change(path)
    after = ask(path)
    assert before.body == ask("/changing/clip.mp4").body == site.file("clip.mp4").read_bytes()
    assert after.body not in (before.body, b"")
    for name in ("Content-Length", "ETag", "Last-Modified"):
        assert before.headers[name] != after.headers[name]
    site.change(site.url(path))
    assert ask(path).body == before.body


def test_both_are_whole_videos(site: LoopbackSite) -> None:
    """The two videos of a path are of different length, as their recipes say, and known to tests."""
    recipe = site.recipes["clip.mp4"]
    for changed, duration in ((False, recipe.duration), (True, recipe.changed().duration)):
        medium = site.medium("clip.mp4", changed=changed)
        body = medium.path.read_bytes()
        assert (medium.size, medium.sha256) == (len(body), hashlib.sha256(body).hexdigest())
        command = [ffmpeg(), "-hide_banner", "-i", medium.path, "-f", "null", "-"]
        said = subprocess.run(command, capture_output=True, text=True).stderr
        assert re.search(rf"Duration: 00:00:0{duration:.2f},", said)
        assert re.search(rf"frame= *{duration * recipe.fps:.0f} ", said)
        assert f"{recipe.width}x{recipe.height}" in said
    assert recipe.changed().duration == recipe.duration + 1


def test_changed_while_cut(site: LoopbackSite, ask: Client) -> None:
    """Who resumes with If-Range after a change gets the new video whole."""
    path = "/cut-once/50/changed/clip.mp4"
    etag = f'"{site.medium("clip.mp4").sha256[:32]}"'
    half = received(ask, path)
    site.change(path)
    got = ask(path, Range=f"bytes={len(half)}-", If_Range=etag)
    assert (got.status, got.body) == (200, site.medium("clip.mp4", changed=True).path.read_bytes())


def test_stealthy(site: LoopbackSite, ask: Client) -> None:
    """Who resumes with If-Range after a change gets a part of the new video, with its validators."""
    path = "/stealthy/cut-once/50/clip.mp4"
    old, new = site.medium("clip.mp4"), site.medium("clip.mp4", changed=True)
    half = received(ask, path)
    site.change(path)
    got = ask(path, Range=f"bytes={len(half)}-", If_Range=f'"{old.sha256[:32]}"')
    assert (got.status, got.body) == (206, new.path.read_bytes()[len(half) :])
    assert got.headers["Content-Range"] == f"bytes {len(half)}-{new.size - 1}/{new.size}"
    assert got.headers["ETag"] == f'"{new.sha256[:32]}"'


def test_stealthy_without_a_change(site: LoopbackSite, ask: Client) -> None:
    """Before a change it is an honest server."""
    assert ask("/stealthy/clip.mp4").body == site.file("clip.mp4").read_bytes()


def test_only_videos_change(site: LoopbackSite) -> None:
    """A path that is no video of a recipe cannot be changed."""
    for path in ("/changing/other.mp4", "/page.html", "/", "/clip.mp4/"):
        with pytest.raises(KeyError):
            site.change(path)


def test_change_of_an_encoded_path() -> None:
    """A path is changed as it is asked for, percent-encoded."""
    with LoopbackSite([Recipe("a b", duration=1, width=160, height=90)]) as site:
        site.change("/a%20b.mp4")
        with urllib.request.urlopen(site.url("/a%20b.mp4"), timeout=10) as response:
            assert response.read() == site.medium("a b.mp4", changed=True).path.read_bytes()
