"""Find out what is behind a URL, and what identifies it."""

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from attrs import evolve
from yt_dlp.utils import KNOWN_EXTENSIONS

from haulage.plugin import Failure, FetchError, Kind, Request, Video, without_secrets
from haulage_ytdlp.child.limits import LONGEST_NAME, LONGEST_TITLE
from haulage_ytdlp.child.session import Ydl
from haulage_ytdlp.identity import generic

MOST_HOPS = 5
"""How many times a page may lead on to another one before the video is found."""


def extractor(ydl: Ydl, url: str) -> Any:
    """The class of the extractor that yt-dlp would choose."""
    return next(each for each in ydl._ies.values() if each.suitable(url))


def expand(ydl: Ydl, request: Request) -> Iterator[Video | Request]:
    """List what is behind a URL."""
    known = _known(ydl, request)
    if known is not None:
        yield known
        return
    info = ydl.extract_info(request.url, download=False, process=False)
    for _ in range(MOST_HOPS):
        if info is None or info.get("_type", "video") not in ("url", "url_transparent"):
            break
        known = _known(ydl, Request(info["url"], request.variant))
        if known is not None:
            yield evolve(known, url=request.url)
            return
        info = ydl.extract_info(info["url"], ie_key=info.get("ie_key"), download=False, process=False)
    if info is None or info.get("_type", "video") in ("url", "url_transparent"):
        raise FetchError(Failure(Kind.UNAVAILABLE, f"the page leads on more than {MOST_HOPS} times"))
    if info.get("_type", "video") == "video":
        yield _video(info, request)
        return
    for entry in info["entries"]:
        if entry is not None:
            found = Request(_address(entry, request.url), request.variant)
            yield _known(ydl, found) or found


def _address(entry: dict[str, Any], page: str) -> str:
    """The URL of an entry of a list: of its own page, or where it has none, of its medium."""
    if entry.get("_type") in ("url", "url_transparent"):
        return str(entry["url"])
    own = entry.get("webpage_url")
    if own and own != page:
        return str(own)
    formats = entry.get("formats") or [entry]
    media = [each.get("manifest_url") or each.get("url") for each in formats]
    best = max(range(len(media)), key=lambda index: formats[index].get("height") or 0)
    if not media[best]:
        raise FetchError(Failure(Kind.UNAVAILABLE, "the page holds several videos that have no address of their own"))
    return str(media[best])


def _known(ydl: Ydl, request: Request) -> Video | None:
    """The video behind a URL, where the URL alone tells."""
    found = extractor(ydl, request.url)
    if found.ie_key() == "Generic":
        name = PurePosixPath(urlsplit(request.url).path).suffix[1:].lower()
        return generic(request) if name in KNOWN_EXTENSIONS else None
    identity = found.get_temp_id(request.url)
    if identity and found.is_single_video(request.url):
        return Video(found.ie_key().lower(), identity, request.variant, request.url)
    return None


def _video(info: dict[str, Any], request: Request) -> Video:
    source = str(info.get("extractor_key") or "generic").lower()
    known = generic(request)
    identity = str(info.get("id") or "")
    if source != "generic" and 0 < len(identity) <= LONGEST_NAME:
        known = evolve(known, source=source, id=identity)
    return completed(known, info)


def only(info: dict[str, Any] | None) -> dict[str, Any]:
    """What yt-dlp says of the one video that was asked for.

    Raises:
        FetchError: It has become a list.
    """
    if info and info.get("_type") == "playlist":
        entries = [entry for entry in info["entries"] if entry]
        if len(entries) != 1:
            raise FetchError(Failure(Kind.UNAVAILABLE, f"it has become a list of {len(entries)} videos"))
        info = entries[0]
    return info or {}


def completed(video: Video, info: dict[str, Any]) -> Video:
    """A video with what its page says of it, as far as that has a length that people read."""
    channel = str(info.get("channel_id") or info.get("uploader_id") or video.channel_id)
    return evolve(
        video,
        title=without_secrets(str(info.get("title") or video.title))[:LONGEST_TITLE],
        channel_id=without_secrets(channel)[:LONGEST_NAME],
        duration=float(info["duration"]) if info.get("duration") else video.duration,
    )
