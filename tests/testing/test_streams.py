"""HLS and DASH, as their specifications and ffmpeg read them."""

import hashlib
import re
import subprocess
import urllib.error
import urllib.request
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from haulage.testing import DASH, HLS, LoopbackSite, Recipe, ffmpeg

Client = Callable[..., Any]


def described(source: str | Path) -> str:
    """What ffmpeg says of a URL or a file after it has decoded all of it, errors among it."""
    command = [ffmpeg(), "-hide_banner", "-i", source, "-f", "null", "-"]
    return subprocess.run(command, capture_output=True, text=True).stderr


def lines(playlist: bytes) -> list[str]:
    """The entries of an HLS playlist."""
    return [line for line in playlist.decode().splitlines() if line and not line.startswith("#")]


def test_hls_master(ask: Client) -> None:
    """The master has one relative entry for each resolution, of different bitrates."""
    got = ask("/hls/master.m3u8")
    text = got.body.decode()
    assert (got.status, got.headers["Content-Type"]) == (200, "application/vnd.apple.mpegurl")
    assert re.findall(r"RESOLUTION=(\d+)x(\d+)", text) == [(str(one.width), str(one.height)) for one in HLS]
    assert [one.height for one in HLS] == [360, 480, 720]
    assert lines(got.body) == ["360p.m3u8", "480p.m3u8", "720p.m3u8"]
    bandwidths = [int(each) for each in re.findall(r":BANDWIDTH=(\d+)", text)]
    assert len(set(bandwidths)) == 3
    assert bandwidths == sorted(bandwidths)


@pytest.mark.parametrize("recipe", HLS, ids=lambda recipe: recipe.name)
def test_hls_segments(site: LoopbackSite, ask: Client, recipe: Recipe) -> None:
    """A resolution is a complete playlist of segments of a second, each of which can be decoded by itself."""
    playlist = ask(f"/hls/{recipe.name}.m3u8").body
    durations = [float(each) for each in re.findall(rb"#EXTINF:([\d.]+),", playlist)]
    assert b"#EXT-X-PLAYLIST-TYPE:VOD" in playlist
    assert playlist.rstrip().endswith(b"#EXT-X-ENDLIST")
    assert durations == [1.0] * int(recipe.duration)
    assert lines(playlist) == [f"{recipe.name}-{number:03}.ts" for number in range(len(durations))]
    for name in lines(playlist):
        assert ask(f"/hls/{name}").headers["Content-Type"] == "video/mp2t"
        said = described(site.url(f"/hls/{name}"))
        assert re.search(r"frame= *25 ", said)
        assert f"{recipe.width}x{recipe.height}" in said
        assert "Audio: aac" in said


def test_hls_as_a_whole(site: LoopbackSite) -> None:
    """A player of the master, below a tag, too, sees every frame of the best resolution, and no error."""
    said = described(site.url("/hls/a-tag/master.m3u8"))
    assert re.search(r"frame= *100 ", said)
    assert "1280x720" in said
    assert "rror" not in said
    assert {one.status for one in site.requests} <= {200, 206}


def test_hls_missing(ask: Client) -> None:
    """The same stream lacks one segment of each resolution."""
    assert ask("/hls-missing/master.m3u8").body == ask("/hls/master.m3u8").body
    for recipe in HLS:
        names = lines(ask(f"/hls-missing/{recipe.name}.m3u8").body)
        assert [ask(f"/hls-missing/{name}").status for name in names] == [200, 404, 200, 200]


def test_stream_behind_another_behaviour(ask: Client) -> None:
    """The files of a stream can misbehave like any medium."""
    assert [ask("/hls/503-twice/360p-000.ts").status for _ in range(3)] == [503, 503, 200]
    assert ask("/dash/html/manifest.mpd").body.startswith(b"<!DOCTYPE html>")


def test_dash(ask: Client, tmp_path: Path) -> None:
    """The manifest has picture and sound apart, and both can be played with it."""
    got = ask("/dash/manifest.mpd")
    assert (got.status, got.headers["Content-Type"]) == (200, "application/dash+xml")
    space = {"d": "urn:mpeg:dash:schema:mpd:2011"}
    manifest = ET.fromstring(got.body)
    assert (manifest.get("type"), manifest.get("mediaPresentationDuration")) == ("static", "PT4.0S")
    picture, sound = manifest.findall(".//d:AdaptationSet", space)
    assert (picture.get("contentType"), sound.get("contentType")) == ("video", "audio")
    (one,) = picture.findall("d:Representation", space)
    assert (one.get("width"), one.get("height")) == (str(DASH.width), str(DASH.height)) == ("640", "360")
    assert ask("/dash/chunk-stream0-00001.m4s").headers["Content-Type"] == "video/iso.segment"
    for stream in (0, 1):
        assert [ask(f"/dash/chunk-stream{stream}-{number:05}.m4s").status for number in range(1, 5)] == [200] * 4
    files = [ask(f"/dash/{name}").body for name in ("init-stream0.m4s", "chunk-stream0-00001.m4s")]
    alone = tmp_path / "picture.mp4"
    alone.write_bytes(b"".join(files))
    said = described(alone)
    assert re.search(r"frame= *25 ", said)
    assert "Audio" not in said


@pytest.mark.parametrize(
    "path",
    ["/hls", "/hls/", "/hls/clip.mp4", "/hls/720p-999.ts", "/hls/..%2fclip.mp4", "/dash/master.m3u8", "/360p.m3u8"],
)
def test_not_in_a_stream(ask: Client, path: str) -> None:
    """What a stream does not have is not found, even if the site has it."""
    assert ask(path).status == 404


def test_stream_is_made_once(site: LoopbackSite, ask: Client) -> None:
    """Asking for what a stream does not have leaves its files as they are."""
    made = site.file("hls/master.m3u8").stat()
    ask("/hls/720p-999.ts")
    assert site.file("hls/master.m3u8").stat().st_mtime_ns == made.st_mtime_ns


def test_stream_is_known(site: LoopbackSite, ask: Client) -> None:
    """A test finds the local file of a segment, its size and its digest."""
    body = ask("/hls/360p-000.ts").body
    medium = site.medium("hls/360p-000.ts")
    assert (medium.path.read_bytes(), medium.size) == (body, len(body))
    assert medium.sha256 == hashlib.sha256(body).hexdigest()


def test_stream_cannot_be_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where ffmpeg fails, each request gets 500, and once it works again, the stream is there."""
    program = tmp_path / "ffmpeg"
    program.write_text("#!/bin/sh\necho broken >&2\nexit 1\n")
    program.chmod(0o755)
    with LoopbackSite() as site:
        with monkeypatch.context() as patch:
            patch.setenv("PATH", str(tmp_path))
            for _ in range(2):
                with pytest.raises(urllib.error.HTTPError) as caught:
                    urllib.request.urlopen(site.url("/dash/manifest.mpd"), timeout=10)
                with caught.value:
                    assert caught.value.code == 500
                    assert caught.value.read() == b"ffmpeg could not make the DASH stream: broken\n"
        with urllib.request.urlopen(site.url("/dash/manifest.mpd"), timeout=10) as response:
            assert response.status == 200
