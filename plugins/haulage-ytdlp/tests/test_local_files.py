"""Pages that name files of this machine, for FFmpeg to read them."""

import os
import subprocess
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from yt_dlp import YoutubeDL
from yt_dlp.postprocessor.ffmpeg import FFmpegPostProcessor

from haulage import Pipeline, Status
from haulage.testing import LoopbackSite, ffmpeg
from haulage_ytdlp.child import limits

HLS_TYPE = "application/vnd.apple.mpegurl"
MPD = """<?xml version="1.0"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="{type}" mediaPresentationDuration="PT4S" minBufferTime="PT1S"
profiles="x"><Period duration="PT4S"><AdaptationSet mimeType="video/mp4"><Representation id="v" bandwidth="9000"
width="64" height="64" codecs="avc1.4d401f,mp4a.40.2">{inside}</Representation></AdaptationSet></Period></MPD>"""
WHOLE = "<BaseURL>{url}</BaseURL>"
SEGMENT = '<SegmentList duration="4"><SegmentURL media="{url}"/></SegmentList>'


def _files(folder: Path) -> dict[Path, bytes]:
    walked = [Path(above) / name for above, _, names in os.walk(folder) for name in names]
    return {path: path.read_bytes() for path in walked if path.is_file()}


@pytest.fixture
def secrets(site: LoopbackSite, tmp_path: Path) -> Path:
    """A folder with a video and a scanned picture, at a path without a space."""
    folder = tmp_path / "secrets"
    folder.mkdir()
    clip = site.file("clip.mp4")
    (folder / "clip.mp4").write_bytes(clip.read_bytes())
    one_picture = ["-v", "error", "-i", str(clip), "-frames:v", "1", "-update", "1", str(folder / "scan1.png")]
    subprocess.run([ffmpeg(), *one_picture], check=True, timeout=60)
    return folder


def _master(url: str, pages: Any) -> str:
    pages.put("/live.m3u8", HLS_TYPE, "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nseg.ts\n")
    first, best = (f"#EXT-X-STREAM-INF:BANDWIDTH={n},RESOLUTION={n}x{n}" for n in (16, 9000))
    return str(pages.put("/master.m3u8", HLS_TYPE, f"#EXTM3U\n{first}\nlive.m3u8\n{best}\n{url}\n"))


def _manifest(kind: str, inside: str, url: str, pages: Any) -> str:
    return str(pages.put("/m.mpd", "application/dash+xml", MPD.format(type=kind, inside=inside.format(url=url))))


@pytest.mark.parametrize(
    ("page", "written"),
    [
        pytest.param(_master, "file://{0}/clip.mp4", id="list, absolute"),
        pytest.param(_master, "file:{0}/clip.mp4", id="list, short"),
        pytest.param(_master, "file:{up}{0}/clip.mp4", id="list, relative"),
        pytest.param(_master, "file://{0}/scan1.png", id="list, picture"),
        pytest.param(_master, "file:{0}/scan%d.png", id="list, pattern"),
        pytest.param(partial(_manifest, "static", WHOLE), "file://{0}/clip.mp4", id="dash, file"),
        pytest.param(partial(_manifest, "static", SEGMENT), "file://{0}/clip.mp4", id="dash, segment"),
        pytest.param(partial(_manifest, "dynamic", WHOLE), "file://{0}/clip.mp4", id="live dash, file"),
        pytest.param(partial(_manifest, "dynamic", SEGMENT), "file://{0}/clip.mp4", id="live dash, segment"),
    ],
)
def test_no_stream_brings_a_file_of_this_machine(
    page: Any, written: str, secrets: Path, pages: Any, tmp_path: Path
) -> None:
    """A stream that names a file of this machine is refused, and nothing of the file is stored or worked on."""
    url = page(written.format(secrets, up="../" * 30), pages)
    folder = tmp_path / "haulage"
    config = {
        "private_hosts": ["127.0.0.1"],
        "storages": {"s": str(folder / "library")},
        "database": f"sqlite:///{folder}/haulage.db",
        "workspace": {"path": str(folder / "work")},
        "retry": {"attempts": 1},
    }
    folder.mkdir()
    with Pipeline.from_config(config) as pipeline:
        [job] = pipeline.run([url])
    private = {path.name: body[len(body) // 2 :][:64] for path, body in _files(secrets).items()}
    had = [str(path) for path, body in _files(folder).items() if any(each in body for each in private.values())]
    assert not had, f"a private file was copied into {had}"
    assert job.status is not Status.DOWNLOADED
    if page is _master:
        message = "the page leads to a URL of the scheme 'file'; only http and https are fetched"
        assert (job.tries[-1].failure.message, job.status) == (message, Status.UNAVAILABLE)


def test_no_list_is_read_to_learn_its_codec(site: LoopbackSite, tmp_path: Path, monkeypatch: Any) -> None:
    """A list of files is not followed either where yt-dlp only asks FFmpeg what a file has."""
    assert limits.ONE_FILE  # and with it FFmpeg is started as it is in a fetch process
    monkeypatch.chdir(tmp_path)
    private = site.file("clip.mp4").as_posix()
    Path("list.m3u8").write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n{private}\n#EXT-X-ENDLIST\n")
    program = FFmpegPostProcessor(YoutubeDL({"ffmpeg_location": ffmpeg(), "quiet": True}))
    assert program.get_audio_codec(private) == "aac"
    assert program.get_audio_codec("list.m3u8") is None
