"""Interrupted downloads in fragments: gone on with after a cancel, begun anew after a kill, never spliced."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
from offers import TAG, Asked, Offer, Server

from haulage.testing import ffmpeg

OTHER_TAG = {"ETag": '"b"'}


@pytest.fixture
def segments(server: Server, hls: dict[str, bytes]) -> list[str]:
    """A stream on the server; the paths of its segments."""
    paths = [f"/{name}" for name in sorted(hls) if name.endswith(".ts")]
    for name, body in hls.items():
        media_type = "video/mp2t" if name.endswith(".ts") else "application/x-mpegurl"
        server.offers[f"/{name}"] = Offer(body, media_type=media_type, looked=False)
    return paths


@pytest.fixture
def whole(segments: list[str], hls: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> str:
    """The pictures of the stream."""
    joined = tmp_path_factory.mktemp("joined") / "all.ts"
    joined.write_bytes(b"".join(hls[each[1:]] for each in segments))
    return _pictures(joined)


def _pictures(path: Path) -> str:
    """A digest of every decoded picture, as the ffmpeg program has it."""
    command = [ffmpeg(), "-loglevel", "error", "-i", str(path), "-map", "0:v:0", "-f", "framemd5", "-"]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    return "\n".join(line.rpartition(",")[2].strip() for line in said.splitlines() if not line.startswith("#"))


def _interrupt(rounds: Any, server: Server, path: str, how: str) -> None:
    """End a fetch when half of a segment has come."""
    offer = server.offers[path]
    offer.stop = len(offer.body) // 2
    rounds.interrupt(
        how, lambda: any(each.path == path and each.sent == offer.stop for each in server.asked), "/list.m3u8"
    )
    offer.stop = None


def _fetched(rounds: Any, server: Server) -> list[Asked]:
    """Fetch to the end; the segments that were asked for."""
    rounds.fetch("/list.m3u8")
    return [each for each in server.asked if each.path != "/list.m3u8"]


def test_killed(rounds: Any, server: Server, segments: list[str], whole: str) -> None:
    """One that was killed begins afresh, and has every picture once."""
    _interrupt(rounds, server, segments[2], "kill")
    assert rounds.part.stat().st_size >= len(server.offers[segments[0]].body)
    assert [each.path for each in _fetched(rounds, server)] == segments
    assert _pictures(rounds.folder / "video.mp4") == whole


def test_cancelled(rounds: Any, server: Server, segments: list[str], whole: str) -> None:
    """One that was cancelled goes on: of what it had, one byte is asked for again."""
    _interrupt(rounds, server, segments[2], "cancel")
    asked = _fetched(rounds, server)
    assert [each.path for each in asked] == segments[1:]
    assert (asked[0].span, asked[0].sent) == ("bytes=0-0", 1)
    assert _pictures(rounds.folder / "video.mp4") == whole


def test_cancelled_twice(rounds: Any, server: Server, segments: list[str], whole: str) -> None:
    """One that was cancelled while it went on goes on once more."""
    _interrupt(rounds, server, segments[1], "cancel")
    _interrupt(rounds, server, segments[2], "cancel")
    assert [each.path for each in server.asked if each.path != "/list.m3u8"] == segments[:3]
    assert [each.path for each in _fetched(rounds, server)] == segments[1:]
    assert _pictures(rounds.folder / "video.mp4") == whole


def test_cancelled_before_anything_came(rounds: Any, server: Server, segments: list[str], whole: str) -> None:
    """One that was cancelled when it had just been taken up again keeps what it had."""
    _interrupt(rounds, server, segments[2], "cancel")
    server.offers[segments[1]].headers = {}
    server.offers["/list.m3u8"].stop = 10
    rounds.interrupt("cancel", lambda: len(server.asked) == 2, "/list.m3u8")
    server.offers["/list.m3u8"].stop = None
    server.offers[segments[1]].headers = dict(TAG)
    assert [each.path for each in _fetched(rounds, server)] == segments[1:]
    assert _pictures(rounds.folder / "video.mp4") == whole


def test_killed_after_a_cancel(rounds: Any, server: Server, segments: list[str], whole: str) -> None:
    """One that was killed while it went on begins afresh."""
    _interrupt(rounds, server, segments[1], "cancel")
    _interrupt(rounds, server, segments[2], "kill")
    assert [each.path for each in _fetched(rounds, server)] == segments
    assert _pictures(rounds.folder / "video.mp4") == whole


@pytest.mark.parametrize("named", [True, False], ids=["named", "not named"])
def test_changed(
    rounds: Any, server: Server, hls: dict[str, bytes], segments: list[str], whole: str, named: bool
) -> None:
    """A stream whose content changed meanwhile is not spliced, whether the server gives contents a name or not."""
    for path in segments:
        server.offers[path].headers = dict(TAG) if named else {}
        server.offers[path].body = hls[segments[0][1:]]  # another one, of the same length of list
    _interrupt(rounds, server, segments[2], "cancel")
    for path in segments:
        server.offers[path].headers = dict(OTHER_TAG) if named else {}
        server.offers[path].body = hls[path[1:]]
    assert [each.path for each in _fetched(rounds, server)][1:] == segments
    assert _pictures(rounds.folder / "video.mp4") == whole


def test_unnamed(rounds: Any, server: Server, segments: list[str], whole: str) -> None:
    """Where the server gives contents no name, the last segment is asked for again, and compared."""
    for path in segments:
        server.offers[path].headers = {}
    _interrupt(rounds, server, segments[2], "cancel")
    assert [(each.path, each.span) for each in _fetched(rounds, server)] == [(each, None) for each in segments[1:]]
    assert _pictures(rounds.folder / "video.mp4") == whole


def test_another_list(rounds: Any, server: Server, segments: list[str], whole: str) -> None:
    """A list of segments that has another one in between is not gone on with."""
    _interrupt(rounds, server, segments[2], "cancel")
    head, *parts = server.offers["/list.m3u8"].body.decode().split("#EXTINF")
    one_more = parts[-1].replace("#EXT-X-ENDLIST", "")
    server.offers["/list.m3u8"].body = "#EXTINF".join([head, one_more, *parts]).encode()
    asked = [each.path for each in _fetched(rounds, server)]
    assert asked == [segments[0], segments[-1], *segments]
    assert _pictures(rounds.folder / "video.mp4").count("\n") > whole.count("\n")


@pytest.mark.parametrize("note", [b"", b"{", b"[]", b"null", b'{"number": 2}'])
def test_note(rounds: Any, server: Server, segments: list[str], whole: str, note: bytes) -> None:
    """A part whose note is garbage is not gone on with."""
    rounds.part.write_bytes(b"x" * 1000)
    (rounds.folder / "video.mp4.fragments.json").write_bytes(note)
    assert [each.path for each in _fetched(rounds, server)] == segments
    assert _pictures(rounds.folder / "video.mp4") == whole
