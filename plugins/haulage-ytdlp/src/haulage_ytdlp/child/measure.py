"""Measure a media file, and make sure that it is whole: what a page or an index says of it counts for nothing."""

import hashlib
from pathlib import Path

import av
from av.container import InputContainer

from haulage.plugin import Failure, FetchError, Kind, MediaFacts
from haulage_ytdlp.child.limits import ONE_FILE

SLACK_SECONDS = 1.0
SLACK_SHARE = 0.02
"""How much two statements about a duration may differ: by a second, since the streams of a file need not be equally
long, or by this share, since pages round."""

_NAMES = {"matroska": "mkv", "mov": "mp4", "ogg": "ogg", "mpegts": "ts"}

MEDIA_TYPES = {
    # RFC 4337, RFC 3003, RFC 5334, RFC 9559 and the IANA registry; x- where it has none.
    "aac": "audio/aac",
    "flac": "audio/flac",
    "m4a": "audio/mp4",
    "mka": "audio/matroska",
    "mkv": "video/matroska",
    "mov": "video/quicktime",
    "mp3": "audio/mpeg",
    "mp4": "video/mp4",
    "ogg": "audio/ogg",
    "ogv": "video/ogg",
    "opus": "audio/ogg",
    "ts": "video/mp2t",
    "wav": "audio/x-wav",
    "webm": "video/webm",
}


def measure(path: Path, announced: float | None) -> MediaFacts:
    """Read every packet of a file and say what it is.

    Args:
        path: The file.
        announced: How many seconds its page says that it lasts.

    Raises:
        FetchError: It is no medium, it ends before its own index says, or its duration is another one than was
            announced (kind `invalid`).
    """
    if not path.stat().st_size:
        raise _invalid("the file is empty")
    try:
        with av.open(str(path), options=ONE_FILE) as container:
            if container.format.name.startswith("mov,"):
                _whole_boxes(path)
            elif container.format.name.startswith("matroska,"):
                _whole_segment(path)
            return _measure(container, path, announced)
    except (av.FFmpegError, OSError) as error:
        raise _invalid(f"it cannot be read as a medium: {error.strerror}") from error


def _measure(container: InputContainer, path: Path, announced: float | None) -> MediaFacts:
    video = next(iter(container.streams.video), None)
    audio = next(iter(container.streams.audio), None)
    if video is None and audio is None:
        raise _invalid("it has neither picture nor sound")
    end = start = None
    for packet in container.demux(*(stream for stream in (video, audio) if stream is not None)):
        if packet.pts is None or packet.time_base is None:
            continue
        if packet.is_corrupt:
            raise _invalid("it is damaged")
        at = float(packet.pts * packet.time_base)
        after = at + float((packet.duration or 0) * packet.time_base)
        start = at if start is None else min(start, at)
        end = after if end is None else max(end, after)
    if end is None or start is None:
        raise _invalid("it holds no picture and no sound")
    held = end - max(start, 0.0)
    said = container.duration / av.time_base if container.duration else None
    if said is not None and held < said - _slack(said):
        raise _invalid(f"it was cut: its index promises {said:.1f} s, and it ends after {held:.1f} s")
    duration = said if said is not None else held
    if announced and abs(duration - announced) > _slack(announced):
        raise _invalid(f"it lasts {duration:.1f} s, and its page announced {announced:.1f} s")
    return MediaFacts(
        container=_container(container.format.name, path.suffix[1:].lower()),
        duration=duration,
        width=video.codec_context.width if video else None,
        height=video.codec_context.height if video else None,
        video_codec=video.codec_context.codec.canonical_name if video else None,
        audio_codec=audio.codec_context.codec.canonical_name if audio else None,
    )


def _whole_boxes(path: Path) -> None:
    """Refuse an MP4 that ends within one of its boxes (ISO 14496-12 section 4.2).

    Where it was cut between two packets, no packet is damaged, and the end may be too near to be told from a sound
    track that is a little shorter than the picture.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        at = 0
        while at < size:
            file.seek(at)
            header = file.read(16)
            length = int.from_bytes(header[:4], "big")
            if length == 1:
                length = int.from_bytes(header[8:16], "big")
            if header[4:8] in (b"moov", b"moof", b"mdat") and at + length > size:
                raise _invalid(f"it was cut: it promises {at + length} bytes, and it has {size}")
            if length < 8:  # to the end of the file, or bytes that mean nothing
                return
            at += length


def _whole_segment(path: Path) -> None:
    """Refuse a Matroska or WebM file that ends within its segment (RFC 8794 sections 4 to 6, RFC 9559 section 5.1).

    A segment of unknown size, as live streams have, may end anywhere.
    """
    with path.open("rb") as file:
        front = file.read(4096)
    length, value = _vint(front, 4)
    at = 4 + length + (value or 0)  # behind the EBML header, whose size is always known
    if front[at : at + 4] != b"\x18\x53\x80\x67":
        return
    length, value = _vint(front, at + 4)
    if value is not None and at + 4 + length + value > path.stat().st_size:
        raise _invalid(f"it was cut: it promises {at + 4 + length + value} bytes, and it has {path.stat().st_size}")


def _vint(data: bytes, at: int) -> tuple[int, int | None]:
    """How long the size is that an EBML element has at a place, and what it says; None for unknown."""
    length = 9 - data[at : at + 1].ljust(1, b"\0")[0].bit_length()
    value = int.from_bytes(data[at : at + length], "big") & ((1 << 7 * length) - 1)
    return length, None if value == (1 << 7 * length) - 1 else value


def _slack(seconds: float) -> float:
    return max(SLACK_SECONDS, seconds * SLACK_SHARE)


def _container(names: str, suffix: str) -> str:
    """FFmpeg names all formats that one reader knows ("mov,mp4,m4a,..."); the file's own name tells which it is."""
    known = [_NAMES.get(name, name) if name == "matroska" else name for name in names.split(",")]
    return suffix if suffix in known else _NAMES.get(known[0], known[0])


def sha256(path: Path) -> str:
    """The digest of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def media_type(container: str) -> str:
    """The MIME type of a container; that of unknown bytes where there is none."""
    return MEDIA_TYPES.get(container, "application/octet-stream")


def _invalid(message: str) -> FetchError:
    return FetchError(Failure(Kind.INVALID, message))
