"""What yt-dlp runs with: all of it written down here, and what follows from it."""

import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from yt_dlp import YoutubeDL
from yt_dlp.downloader.common import FileDownloader
from yt_dlp.downloader.fragment import FragmentFD

from haulage.plugin import FetchError, Kind, Video
from haulage_ytdlp.child.parameters import ffmpeg, parameters
from haulage_ytdlp.fetcher import YtDlpFetcher
from haulage_ytdlp.options import YtDlpOptions

EFFECTIVE = {
    "cachedir": False,
    "color": {"stdout": "no_color", "stderr": "no_color"},
    "continuedl": True,
    "cookiefile": None,
    "cookiesfrombrowser": None,
    "default_search": "error",
    "enable_file_urls": False,
    "external_downloader": None,
    "extractor_retries": 0,
    "file_access_retries": 0,
    "fixup": "detect_or_warn",
    "format": "bestvideo*+bestaudio/best",
    "fragment_retries": 0,
    "geo_bypass": False,
    "hls_prefer_native": True,
    "hls_use_mpegts": False,
    "ignore_no_formats_error": False,
    "ignoreerrors": False,
    "live_from_start": False,
    "merge_output_format": None,
    "nocheckcertificate": False,
    "nopart": False,
    "noplaylist": True,
    "noprogress": True,
    "outtmpl": {"default": "video.%(ext)s"},
    "overwrites": False,
    "paths": {"home": "."},
    "playlistend": 2,
    "postprocessors": [],
    "proxy": "",
    "quiet": True,
    "ratelimit": None,
    "retries": 0,
    "skip_unavailable_fragments": False,
    "socket_timeout": 20.0,
    "subtitlesformat": "vtt/srt/best",
    "subtitleslangs": [],
    "updatetime": False,
    "usenetrc": False,
    "wait_for_video": None,
    "write_all_thumbnails": False,
    "writeautomaticsub": False,
    "writeinfojson": False,
    "writesubtitles": False,
    "writethumbnail": False,
}
"""All but the logger, the hook, and where FFmpeg lies."""

VARYING = {"ffmpeg_location", "logger", "progress_hooks"}


def _documented() -> set[str]:
    """The names that yt-dlp documents for YoutubeDL: in its own lists, and in those of its downloaders."""
    assert YoutubeDL.__doc__
    documents = "".join(each.__doc__ or "" for each in (YoutubeDL, FileDownloader, FragmentFD))
    names = set(re.findall(r"^ {4}(\w+):", documents, re.MULTILINE))
    (handed_on,) = re.findall(
        r"not used by YoutubeDL itself, they are used by\s+the downloader \(see .*?\):\s+(.*?)\.\n",
        YoutubeDL.__doc__,
        re.DOTALL,
    )
    return names | set(re.findall(r"\w+", handed_on))


class TestSnapshot:
    def test_literal(self, tmp_path: Path) -> None:
        """Each parameter is what this test says it is; a change of one is a change of this test."""
        logger, hook = object(), object()
        effective = parameters(tmp_path, YtDlpOptions(), logger, hook)
        assert {name: value for name, value in effective.items() if name not in VARYING} == EFFECTIVE
        assert set(effective) == set(EFFECTIVE) | VARYING
        assert effective["logger"] is logger
        assert effective["progress_hooks"] == [hook]

    def test_without_a_folder(self) -> None:
        """Where nothing is downloaded, nothing can be written."""
        effective = parameters(None, YtDlpOptions(), object(), object())
        assert effective["paths"] == {"home": os.devnull}
        assert effective["ffmpeg_location"] is None

    @pytest.mark.parametrize("name", sorted({*EFFECTIVE, *VARYING}))
    def test_documented(self, name: str) -> None:
        """Each is a parameter that the installed yt-dlp documents, so that none is passed in vain."""
        assert name in _documented()

    def test_documentation_is_read(self) -> None:
        """A name that yt-dlp does not know is told apart by the test above."""
        assert "retires" not in _documented()
        assert len(_documented()) > 100


class TestFfmpeg:
    def test_on_the_path(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The system's FFmpeg is taken where there is one."""
        program = tmp_path / "ffmpeg"
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))
        assert ffmpeg() == str(program)

    def test_nowhere_on_the_path(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where there is none, that of imageio-ffmpeg is taken."""
        monkeypatch.setenv("PATH", str(tmp_path))
        found = ffmpeg()
        assert found is not None
        assert "imageio_ffmpeg" in found
        assert shutil.which(found)


def _put(pages: Any, hls: dict[str, bytes], without: str | None = None, status: int = 404) -> str:
    for name, body in hls.items():
        media_type = "application/vnd.apple.mpegurl" if name.endswith("m3u8") else "video/mp2t"
        pages.put(f"/{name}", media_type, b"" if name == without else body, status if name == without else 200)
    return str(pages.url("/list.m3u8"))


class TestSegments:
    def test_whole(self, fetcher: YtDlpFetcher, pages: Any, hls: dict[str, bytes], work: Any, tmp_path: Path) -> None:
        """A stream in segments arrives whole, in one file, put right by FFmpeg."""
        result = fetcher.fetch(Video("generic", "clip", "", _put(pages, hls)), tmp_path, work)
        assert len(hls) >= 4
        assert result.facts.container == "mp4"
        assert (result.facts.width, result.facts.height) == (640, 360)
        assert result.facts.duration == pytest.approx(4, abs=0.1)
        assert [each.name for each in tmp_path.rglob("*") if each.is_file()] == [result.files[0].path.name]

    @pytest.mark.parametrize(("status", "kind"), [(404, Kind.INVALID), (503, Kind.TRANSIENT)])
    def test_missing(
        self,
        fetcher: YtDlpFetcher,
        pages: Any,
        hls: dict[str, bytes],
        work: Any,
        tmp_path: Path,
        status: int,
        kind: Kind,
    ) -> None:
        """A stream that lacks a segment is a failure, after one try, and never a file with a hole."""
        url = _put(pages, hls, without="list2.ts", status=status)
        with pytest.raises(FetchError) as caught:
            fetcher.fetch(Video("generic", "clip", "", url), tmp_path, work)
        assert caught.value.failure.kind is kind
        assert pages.asked.count("/list2.ts") == 1

    def test_stale_part(self, fetcher: YtDlpFetcher, site: Any, work: Any, tmp_path: Path) -> None:
        """What another attempt left is not spliced onto."""
        (tmp_path / "video.mp4.part").write_bytes(b"x" * 1000)
        result = fetcher.fetch(Video("generic", "clip", "", site.url("/clip.mp4")), tmp_path, work)
        assert result.files[0].path.read_bytes() == site.file("clip.mp4").read_bytes()
