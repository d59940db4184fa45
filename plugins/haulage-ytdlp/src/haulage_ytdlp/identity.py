"""What identifies a video, from words alone: nothing of yt-dlp is imported for it."""

import hashlib
import re
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from haulage.plugin import Request, Video, unsigned_url

_PAGES = {
    "youtube": (re.compile(r"[0-9A-Za-z_-]{11}"), "https://www.youtube.com/watch?v={}"),
    "vimeo": (re.compile(r"[0-9]{1,20}"), "https://vimeo.com/{}"),
    "dailymotion": (re.compile(r"[0-9A-Za-z]{1,20}"), "https://www.dailymotion.com/video/{}"),
}
"""By extractor: how its ids look, and the page of one. Only where every id has such a page."""


def generic(request: Request) -> Video:
    """A video of a site that gives no ids: the name of its page and a digest of where it is."""
    where = unsigned_url(request.url).partition("#")[0]
    parts = urlsplit(where)
    stem = PurePosixPath(unquote(parts.path)).stem or "index"
    digest = hashlib.sha256(where.encode()).hexdigest()[:8]
    return Video("generic", f"{stem}-{digest}", request.variant, request.url, channel_id=parts.hostname or "")


def identify(source: str, video_id: str, url: str, variant: str) -> Video | None:
    """See SupportsIdentity."""
    if source == "generic":
        return generic(Request(url, variant)) if url else None
    shape, page = _PAGES.get(source, (None, ""))
    if shape is not None and shape.fullmatch(video_id):
        return Video(source, video_id, variant, page.format(video_id))
    return Video(source, video_id, variant, url) if url else None


def is_id(source: str, video_id: str) -> bool:
    """See SupportsIdentity."""
    shape, _ = _PAGES.get(source, (None, ""))
    return shape is None or shape.fullmatch(video_id) is not None
