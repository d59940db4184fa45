"""What a page may ask of this process: which URLs, how many bytes of them, and what FFmpeg may take a file for."""

import functools
import re
import resource
import sys
from collections.abc import Sequence
from typing import Any

from yt_dlp.downloader.external import FFmpegFD
from yt_dlp.networking import Response
from yt_dlp.networking._requests import RequestsSession
from yt_dlp.postprocessor import ffmpeg

from haulage.plugin import Failure, FetchError, Kind

MOST_MEMORY = 4 << 30
"""Bytes that this process may have of its own, and likewise each that it starts."""

MOST_PAGE_BYTES = 32 << 20
"""Of a page, a list of segments, a key, subtitles or a thumbnail; counted as they come, whatever was announced."""

MOST_PAGES = 10
"""How many pages are looked at for one order: each may lead on to another one."""

MOST_SUBTITLES = 100
"""How many languages of one video are stored."""

LONGEST_NAME = 500
"""Characters of an id or a channel."""

LONGEST_TITLE = 1000
"""Characters."""

LANGUAGE = re.compile(r"[A-Za-z0-9-]{1,40}")
"""What the name of a file may have of a language."""

# Some formats are lists of further files, which FFmpeg would read and copy from all over this machine.
WHOLE_FILES = (
    "3g2,3gp,aac,ac3,aiff,amr,asf,avi,caf,dts,eac3,flac,flv,gif,h264,hevc,m4a,matroska,mj2,mov,mp3,mp4,mpeg,mpegts,"
    "mpegvideo,mxf,nut,ogg,tta,w64,wav,webm,wv"
)
"""The formats, as FFmpeg names them, that are one file and name no other one."""

ONE_FILE = {"protocol_whitelist": "file", "format_whitelist": WHOLE_FILES}
"""The options of FFmpeg for whatever came from outside."""

_SCHEME = re.compile(r"(https?|data):", re.IGNORECASE)  # what `data:` has to say it brings along


def bound_memory() -> None:
    """Have this process fail, instead of the machine, where something takes memory without an end.

    Linux alone counts what is counted here, memory that is private and can be written to, by this limit (setrlimit(2)).
    """
    if sys.platform == "linux":
        _, most = resource.getrlimit(resource.RLIMIT_DATA)
        bound = MOST_MEMORY if most == resource.RLIM_INFINITY else min(most, MOST_MEMORY)
        resource.setrlimit(resource.RLIMIT_DATA, (bound, bound))


def check_scheme(url: str) -> None:
    """Let through what is fetched from the network by HTTP, and nothing else.

    Raises:
        FetchError: It would be read from this machine, or by a protocol that nobody looks after.
    """
    if not _SCHEME.match(url):
        scheme = url.partition(":")[0][:20] if ":" in url[:40] else "no"
        raise _refusal(f"the page leads to a URL of the scheme {scheme!r}; only http and https are fetched")


def check_size(size: int, most: int | None) -> None:
    """Raise FetchError if a video has, or announces, more bytes than the operator wants."""
    if most is not None and size > most:
        raise FetchError(Failure(Kind.UNAVAILABLE, f"it has more than {most} bytes", cure="raise fetcher.max_filesize"))


def counted(response: Response, *, medium: bool, held: int = 0) -> Response:
    """A response that is never read beyond what a page may have.

    Args:
        response: Changed in place.
        medium: It is one, and may have any length where it is read piece by piece.
        held: How many bytes of the same file came before.
    """
    read, done = response.read, held

    def limited(amount: int | None = None) -> bytes:
        nonlocal done
        if amount is not None and amount >= 0:
            data: bytes = read(amount)
            done += len(data)
            if done > MOST_PAGE_BYTES and not medium:
                raise _too_long()
            return data
        pieces = []
        while piece := read(1 << 16):
            pieces.append(piece)
            done += len(piece)
            if done > MOST_PAGE_BYTES:
                raise _too_long()
        return b"".join(pieces)

    response.read = limited
    return response


def _too_long() -> FetchError:
    return _refusal(f"a page, a list or a file beside the video has more than {MOST_PAGE_BYTES >> 20} MiB")


def _refusal(message: str) -> FetchError:
    return FetchError(Failure(Kind.UNAVAILABLE, message))


_target = RequestsSession.get_redirect_target


@functools.wraps(_target)
def _without_a_body(session: RequestsSession, response: Any) -> str | None:
    """Read nothing of a response that only leads on: `requests` would read all of it into memory."""
    target: str | None = _target(session, response)
    if target is not None:
        response.raw.close()
        response._content, response._content_consumed = b"", True
    return target


RequestsSession.get_redirect_target = _without_a_body


def _by_ffmpeg(*_: Any) -> None:
    """In place of ExternalFD.real_download: FFmpeg would fetch by itself, past the guard."""
    raise _refusal("a live or protected stream, or a section of a longer video, which haulage does not haul")


FFmpegFD.real_download = _by_ffmpeg


class _OnOneFile(ffmpeg.Popen):  # type: ignore[misc]
    """How yt-dlp's postprocessors start FFmpeg, and ffprobe, whose input is its last word."""

    @classmethod
    def run(cls, command: Sequence[str], *args: Any, **options: Any) -> Any:
        """See Popen."""
        only = [word for name, value in ONE_FILE.items() for word in (f"-{name}", value)]
        inputs = [number for number, word in enumerate(command) if word == "-i"]
        if not inputs and command[-1].startswith("file:"):
            inputs = [len(command) - 1]
        words = [word for number, each in enumerate(command) for word in (*(only if number in inputs else ()), each)]
        return super().run(words, *args, **options)


ffmpeg.Popen = _OnOneFile
