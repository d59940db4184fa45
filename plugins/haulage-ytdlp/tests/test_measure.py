"""Measuring media files, against what the ffmpeg program says of them."""

import hashlib
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from haulage.plugin import FetchError, Kind
from haulage.testing import LoopbackSite, Recipe, ffmpeg, make
from haulage_ytdlp.child import measure

CLIP = Recipe("whole", duration=4, width=320, height=180)
ENDINGS = 0.1
"""Seconds by which a container's own statement may differ from the recipe: the last packet of sound is never full."""


def _encode(path: Path, *arguments: str, seconds: float = 3) -> Path:
    picture = ["-f", "lavfi", "-i", f"testsrc2=size=160x90:rate=10:duration={seconds}"]
    tone = ["-f", "lavfi", "-i", f"sine=frequency=440:sample_rate=48000:duration={seconds}"]
    subprocess.run(
        [ffmpeg(), "-loglevel", "error", "-y", *picture, *tone, *arguments, str(path)], check=True, timeout=60
    )
    return path


def _kind(path: Path, announced: float | None = None) -> Kind:
    with pytest.raises(FetchError) as caught:
        measure.measure(path, announced)
    return caught.value.failure.kind


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole file, whose index lies in front."""
    return make(CLIP, tmp_path_factory.mktemp("media"))


class TestWhole:
    def test_facts(self, clip: Path, look: Callable[[Path], Any]) -> None:
        """What is measured is what the recipe says, and what the ffmpeg program says."""
        facts, looked = measure.measure(clip, None), look(clip)
        assert (facts.duration, facts.width, facts.height) == (CLIP.duration, CLIP.width, CLIP.height)
        assert (facts.width, facts.height) == (looked.width, looked.height)
        assert (facts.video_codec, facts.audio_codec) == (looked.video_codec, looked.audio_codec)
        assert facts.duration == pytest.approx(looked.duration, abs=0.01)
        assert facts.container == "mp4"

    @pytest.mark.parametrize(
        ("name", "arguments", "container"),
        [
            ("a.mp4", ["-c:v", "libx264", "-c:a", "aac"], "mp4"),
            ("a.mov", ["-c:v", "libx264", "-c:a", "aac"], "mov"),
            ("a.mkv", ["-c:v", "libx264", "-c:a", "aac"], "mkv"),
            ("a.webm", ["-c:v", "libvpx", "-c:a", "libopus"], "webm"),
            ("a.ts", ["-c:v", "libx264", "-c:a", "aac"], "ts"),
            ("a.ogg", ["-vn", "-c:a", "libvorbis"], "ogg"),
            ("a.m4a", ["-vn", "-c:a", "aac"], "m4a"),
            ("a.mp3", ["-vn", "-c:a", "libmp3lame"], "mp3"),
            ("a.webm", ["-vn", "-c:a", "libopus"], "webm"),
            ("a.mkv", ["-vn", "-c:a", "aac"], "mkv"),
            ("a.flac", ["-vn", "-c:a", "flac"], "flac"),
            ("a.wav", ["-vn"], "wav"),
            ("a.mp4", ["-an", "-c:v", "libx264"], "mp4"),
            ("a.mp4", ["-c:v", "libx264", "-bf", "0", "-c:a", "aac", "-movflags", "frag_keyframe+empty_moov"], "mp4"),
        ],
        ids=lambda value: value if isinstance(value, str) else " ".join(value),
    )
    def test_containers(
        self, tmp_path: Path, look: Callable[[Path], Any], name: str, arguments: list[str], container: str
    ) -> None:
        """Each container is named right, and its streams are those that the ffmpeg program finds."""
        path = _encode(tmp_path / name, *arguments)
        facts, looked = measure.measure(path, None), look(path)
        assert facts.container == container
        assert facts.duration == pytest.approx(3, abs=ENDINGS)
        assert facts.duration == pytest.approx(looked.duration, abs=0.02)
        assert (facts.width, facts.height) == (looked.width, looked.height)
        assert facts.video_codec == looked.video_codec
        assert (facts.audio_codec or "").split("_")[0] == (looked.audio_codec or "").split("_")[0]

    @pytest.mark.parametrize(("name", "container"), [("video.unknown_video", "mp4"), ("video", "mp4")])
    def test_name_that_says_nothing(self, clip: Path, tmp_path: Path, name: str, container: str) -> None:
        """Without a name that helps, the container is the usual one of its family."""
        (tmp_path / name).write_bytes(clip.read_bytes())
        assert measure.measure(tmp_path / name, None).container == container

    def test_digest(self, clip: Path) -> None:
        """The digest is that of all bytes."""
        assert measure.sha256(clip) == hashlib.sha256(clip.read_bytes()).hexdigest()

    @pytest.mark.parametrize(
        ("container", "media_type"),
        [("mp4", "video/mp4"), ("webm", "video/webm"), ("m4a", "audio/mp4"), ("amr", "application/octet-stream")],
    )
    def test_media_type(self, container: str, media_type: str) -> None:
        """Each container has its MIME type, and one that is not known that of unknown bytes."""
        assert measure.media_type(container) == media_type

    @pytest.mark.parametrize(
        "rest",
        [b"\0\0\0\x08free", bytes(8), b"TAG" + bytes(125), b"\xff" * 64, b"\0\0\0\0", b"junk"],
        ids=["box", "zeros", "tag", "ones", "few zeros", "junk"],
    )
    def test_bytes_behind_the_end(self, clip: Path, tmp_path: Path, rest: bytes) -> None:
        """Bytes behind the end of a whole file do not make it a cut one."""
        (tmp_path / "video.mp4").write_bytes(clip.read_bytes() + rest)
        assert measure.measure(tmp_path / "video.mp4", None).duration == CLIP.duration


class TestCut:
    @pytest.mark.parametrize("percent", [*range(1, 10), *range(10, 100, 10), 95, 99])
    def test_share(self, clip: Path, tmp_path: Path, percent: int) -> None:
        """A file with its index in front that ends early is `invalid`, wherever it was cut."""
        whole = clip.read_bytes()
        (tmp_path / "video.mp4").write_bytes(whole[: len(whole) * percent // 100])
        assert _kind(tmp_path / "video.mp4") is Kind.INVALID

    def test_last_byte(self, clip: Path, tmp_path: Path) -> None:
        """A file that lacks its last byte is `invalid`."""
        (tmp_path / "video.mp4").write_bytes(clip.read_bytes()[:-1])
        assert _kind(tmp_path / "video.mp4") is Kind.INVALID

    def test_between_packets(self, clip: Path, tmp_path: Path) -> None:
        """A file that was cut right between two packets, where none is damaged, is `invalid` too."""
        path, whole = tmp_path / "video.mp4", clip.read_bytes()
        for end in _ends_of_packets(clip)[:-1]:
            path.write_bytes(whole[:end])
            assert _kind(path) is Kind.INVALID, f"cut after {end} of {len(whole)} bytes"

    def test_with_fragments(self, tmp_path: Path) -> None:
        """A fragmented file that ends within a fragment is `invalid`."""
        whole = _encode(
            tmp_path / "a.mp4", "-c:v", "libx264", "-g", "10", "-c:a", "aac", "-movflags", "frag_keyframe+empty_moov"
        ).read_bytes()
        (tmp_path / "video.mp4").write_bytes(whole[: whole.rindex(b"mdat") + 100])
        assert _kind(tmp_path / "video.mp4") is Kind.INVALID

    @pytest.mark.parametrize("name", ["a.mkv", "a.webm"])
    def test_end_of_a_segment(self, tmp_path: Path, name: str) -> None:
        """A Matroska or WebM file that lacks its last byte is `invalid`, unless its size was not known in front."""
        codecs = ["-c:v", "libvpx", "-c:a", "libopus"]
        path = _encode(tmp_path / name, *codecs)
        whole = measure.measure(path, None).duration
        path.write_bytes(path.read_bytes()[:-1])
        assert _kind(path) is Kind.INVALID
        live = _encode(tmp_path / f"live-{name}", *codecs, "-live", "1")
        live.write_bytes(live.read_bytes()[:-1])
        assert measure.measure(live, None).duration == pytest.approx(whole, abs=0.2)

    @pytest.mark.parametrize(
        ("name", "arguments"),
        [
            ("a.mkv", ["-c:v", "libx264", "-c:a", "aac"]),
            ("a.webm", ["-c:v", "libvpx", "-c:a", "libopus"]),
            ("a.mp3", ["-vn", "-c:a", "libmp3lame"]),
            ("a.flac", ["-vn", "-c:a", "flac"]),
        ],
        ids=["mkv", "webm", "mp3", "flac"],
    )
    @pytest.mark.parametrize("percent", [20, 40, 60])
    def test_other_containers(self, tmp_path: Path, name: str, arguments: list[str], percent: int) -> None:
        """Others that say in front how long they last are `invalid` when much of that is missing."""
        path = _encode(tmp_path / name, *arguments, seconds=6)
        path.write_bytes(path.read_bytes()[: path.stat().st_size * percent // 100])
        assert _kind(path) is Kind.INVALID


class TestAnnounced:
    @pytest.mark.parametrize("announced", [None, 0, 4, 3.5, 4.5])
    def test_agrees(self, clip: Path, announced: float | None) -> None:
        """A page may round."""
        assert measure.measure(clip, announced).duration == CLIP.duration

    @pytest.mark.parametrize("announced", [1, 2.5, 5.5, 8, 3600])
    def test_disagrees(self, clip: Path, announced: float) -> None:
        """A file that is whole but lasts longer or shorter than its page announced is `invalid`."""
        assert _kind(clip, announced) is Kind.INVALID


class TestNoMedium:
    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"x",
            b"<!DOCTYPE html><html><body>Sorry.</body></html>",
            b'{"error": "no"}',
            bytes(100_000),
            b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41",
        ],
        ids=["empty", "one byte", "html", "json", "zeros", "beginning of an mp4"],
    )
    def test_invalid(self, tmp_path: Path, content: bytes) -> None:
        """What is no medium is `invalid`."""
        (tmp_path / "video.mp4").write_bytes(content)
        assert _kind(tmp_path / "video.mp4") is Kind.INVALID

    def test_empty_is_named(self, tmp_path: Path) -> None:
        """A file of no bytes is said to be that."""
        (tmp_path / "video.mp4").touch()
        with pytest.raises(FetchError, match="the file is empty"):
            measure.measure(tmp_path / "video.mp4", None)

    def test_text(self, tmp_path: Path) -> None:
        """A text file is `invalid`, whatever its name."""
        for name in ("video.mp4", "video.txt", "video.srt"):
            (tmp_path / name).write_text("1\n00:00:01,000 --> 00:00:02,000\nHello.\n")
            assert _kind(tmp_path / name) is Kind.INVALID

    @pytest.mark.parametrize("name", ["video.m3u8", "video.mp4", "video.ffconcat"])
    def test_list_of_media(self, site: LoopbackSite, tmp_path: Path, name: str) -> None:
        """A list that names a medium elsewhere is `invalid`, and what it names is not asked for."""
        url = site.url("/clip.mp4")
        lists = {"m": f"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n{url}\n#EXT-X-ENDLIST\n", "c": f"file {url}\n"}
        concat = name.endswith("ffconcat")
        (tmp_path / name).write_text(f"ffconcat version 1.0\n{lists['c']}" if concat else lists["m"])
        assert _kind(tmp_path / name) is Kind.INVALID
        assert site.requests == ()


def _ends_of_packets(path: Path) -> list[int]:
    """Where each packet of an MP4 ends, by its own tables: stsz gives sizes, stco the beginnings of chunks."""
    data = path.read_bytes()
    ends = []
    for track in data.split(b"trak")[1:]:
        sizes = _table(track, b"stsz", 4)
        starts = _table(track, b"stco", 0)
        runs = _table(track, b"stsc", 0, 3)
        firsts = [runs[index] for index in range(0, len(runs), 3)]
        counts = [runs[index + 1] for index in range(0, len(runs), 3)]
        sample = 0
        for number, start in enumerate(starts, 1):
            run = max(index for index, first in enumerate(firsts) if first <= number)
            end = start
            for _ in range(counts[run]):
                end += sizes[sample]
                ends.append(end)
                sample += 1
        assert sample == len(sizes)
    return sorted(ends)


def _table(track: bytes, name: bytes, before: int, width: int = 1) -> list[int]:
    """The numbers of a box: version and flags, `before` bytes more, the number of entries, the entries."""
    at = track.index(name) + 8 + before
    count = int.from_bytes(track[at : at + 4], "big") * width
    return [int.from_bytes(track[at + 4 + 4 * index : at + 8 + 4 * index], "big") for index in range(count)]
