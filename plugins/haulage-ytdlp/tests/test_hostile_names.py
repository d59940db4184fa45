"""Pages whose languages, formats, ids and titles would make a path that leads out of the work folder."""

import contextlib
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from haulage.plugin import BuildContext, FetchError, FetchResult, Kind, Request, Video
from haulage.testing import ffmpeg
from haulage_ytdlp.fetcher import YtDlpFetcher
from haulage_ytdlp.options import YtDlpOptions

HOSTILE = {
    "parents": "../../../escaped",
    "absolute": "/tmp/escaped",
    "nul": "a\0b",
    "long": "x" * 4096,
    "device": "CON",
    "newline": "new\nline",
    "right to left": "\N{RIGHT-TO-LEFT OVERRIDE}4pm.exe",
    "ours": ".haulage-lock",
    "dots": "dots...",
    "home": "~/$HOME",
    "template": "%(id)s%(ext)s",
}

HLS_TYPE = "application/vnd.apple.mpegurl"
HEAD = "#EXTM3U\n#EXT-X-VERSION:4\n"
SUBTITLES = f"{HEAD}#EXT-X-TARGETDURATION:1\n#EXTINF:1.0,\nsub.vtt\n#EXT-X-ENDLIST\n"


@pytest.fixture(scope="module")
def greedy() -> Iterator[YtDlpFetcher]:
    """A fetcher that takes whatever a page has."""
    options = YtDlpOptions(subtitles=("all",), info=True, thumbnail=True)
    fetcher = YtDlpFetcher(options, BuildContext("fetcher", Path(), dict(os.environ), ("127.0.0.1",)))
    yield fetcher
    fetcher.close()


@pytest.fixture
def fetch(greedy: YtDlpFetcher, work: Any, tmp_path: Path) -> Callable[[str], FetchResult]:
    """Fetch a URL into a folder far below the test's; nothing is left anywhere else."""

    def fetch(url: str) -> FetchResult:
        folder = tmp_path / "a" / "b" / "c" / "d"
        folder.mkdir(parents=True)
        result = greedy.fetch(Video("generic", "clip", "", url), folder, work)
        strays = [path for path in tmp_path.rglob("*") if path.is_file() and path.parent != folder]
        assert not strays, f"a page has written outside the work folder: {strays}"
        assert all(each.path.parent == folder and each.path.is_file() for each in result.files)
        return result

    return fetch


def _stream(pages: Any, hls: dict[str, bytes], master: str) -> str:
    for name, body in hls.items():
        pages.put(f"/{name}", HLS_TYPE if name.endswith("m3u8") else "video/mp2t", body)
    pages.put("/sub.vtt", "text/vtt", "WEBVTT\n\n00:00.000 --> 00:01.000\nhello\n")
    pages.put("/subs.m3u8", HLS_TYPE, SUBTITLES)
    return str(pages.put("/master.m3u8", HLS_TYPE, f"{HEAD}{master}"))


def _subtitle(language: str) -> str:
    return f'#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="s",NAME="s",LANGUAGE="{language}",URI="subs.m3u8"\n'


class TestSubtitles:
    def test_languages(self, fetch: Any, pages: Any, hls: dict[str, bytes]) -> None:
        """A language that is no name of one is left out, and the video and its other subtitles come all the same."""
        every = "".join(map(_subtitle, (*HOSTILE.values(), "en")))
        result = fetch(_stream(pages, hls, f'{every}#EXT-X-STREAM-INF:BANDWIDTH=1000,SUBTITLES="s"\nlist.m3u8\n'))
        assert [each.role for each in result.files] == ["video", "info", "subtitle.CON", "subtitle.en"]

    def test_number(self, fetch: Any, pages: Any, hls: dict[str, bytes]) -> None:
        """Of ever so many languages the first hundred are stored."""
        many = "".join(_subtitle(f"l{number}") for number in range(300))
        result = fetch(_stream(pages, hls, f'{many}#EXT-X-STREAM-INF:BANDWIDTH=1000,SUBTITLES="s"\nlist.m3u8\n'))
        assert len(result.files) == 2 + 100
        assert pages.asked.count("/subs.m3u8") == 100


MANIFEST = """<?xml version="1.0"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT4S" minBufferTime="PT1S"><Period>
<AdaptationSet mimeType="video/mp4"><Representation id="{0}v" bandwidth="1000" width="640" height="360"
codecs="avc1.42c01e"><BaseURL>picture.mp4</BaseURL></Representation></AdaptationSet>
<AdaptationSet mimeType="audio/mp4"><Representation id="{0}a" bandwidth="1000"
codecs="mp4a.40.2"><BaseURL>sound.m4a</BaseURL></Representation></AdaptationSet></Period></MPD>
"""


class TestFormats:
    @pytest.mark.parametrize("name", ["parents", "absolute", "right to left", "dots", "template"])
    def test_id(self, fetch: Any, pages: Any, site: Any, tmp_path: Path, name: str) -> None:
        """The ids of formats, which become parts of names while streams are merged, lead nowhere."""
        for half, without in (("picture.mp4", "-an"), ("sound.m4a", "-vn")):
            only = [ffmpeg(), "-loglevel", "error", "-i", str(site.file("clip.mp4")), without, "-c", "copy"]
            made = tmp_path / half
            subprocess.run([*only, str(made)], check=True)
            pages.put(f"/{half}", "video/mp4", made.read_bytes())
            made.unlink()
        url = pages.put("/manifest.mpd", "application/dash+xml", MANIFEST.format(HOSTILE[name]))
        assert fetch(url).files[0].path.name == "video.mp4"
        assert {"/picture.mp4", "/sound.m4a"} <= set(pages.asked)


class TestPage:
    @pytest.mark.parametrize("name", ["parents", "nul", "template"])
    def test_title(self, fetch: Any, pages: Any, site: Any, name: str) -> None:
        """A title is a title, and names no file; one that nobody would read is cut."""
        media = pages.put("/clip.mp4", "video/mp4", site.file("clip.mp4").read_bytes())
        shown = HOSTILE[name].replace("\0", "&#0;")
        url = pages.put(
            "/watch", "text/html", f'<html><title>{shown}</title><meta property="og:video" content="{media}"></html>'
        )
        result = fetch(url)
        assert [each.path.name for each in result.files] == ["video.mp4", "video.info.json"]
        assert len(result.video.title) <= 1000

    def test_odd_extension(self, fetch: Any, pages: Any, site: Any) -> None:
        """A file is called what it was measured to be, whatever its URL ends with."""
        file = fetch(pages.put("/clip.mp4%2Fx", "video/mp4", site.file("clip.mp4").read_bytes())).files[0]
        assert (file.path.name, file.extension) == ("video.mp4", "mp4")

    def test_extension_behind_a_nul(self, fetch: Any, pages: Any, site: Any, tmp_path: Path) -> None:
        """Some versions of Python read on behind a NUL: it is refused then; no file is ever called like that."""
        url = pages.put("/clip.mp4%00.exe", "video/mp4", site.file("clip.mp4").read_bytes())
        with contextlib.suppress(FetchError):
            assert fetch(url).files[0].path.name == "video.mp4"
        names = {path.name for path in tmp_path.rglob("*") if path.is_file()}
        assert names <= {"video.mp4", "video.info.json"}

    @pytest.mark.parametrize("extension", ["sh", "desktop", "x" * 300])
    def test_dangerous_extension(self, fetch: Any, pages: Any, site: Any, tmp_path: Path, extension: str) -> None:
        """A file whose URL ends with what is no medium is refused."""
        with pytest.raises(FetchError) as caught:
            fetch(pages.put(f"/clip.{extension}", "video/mp4", site.file("clip.mp4").read_bytes()))
        failure = caught.value.failure
        assert failure.kind is Kind.UNAVAILABLE
        assert failure.message.endswith("is unusual and will be skipped for safety reasons")
        assert not [path for path in tmp_path.rglob("*") if path.is_file()]

    def test_id(self, fetcher: YtDlpFetcher, pages: Any, work: Any) -> None:
        """The id of a video whose page has no name of its own is no path."""
        (found,) = fetcher.expand(Request(pages.url("/%2e%2e%2f%2e%2e%2fescaped%00.mp4")), work)
        assert isinstance(found, Video)
        assert "/" not in found.id
