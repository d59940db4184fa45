"""Find out what a download would bring, from what pages, lists of segments and servers announce."""

from typing import Any

from haulage.plugin import Estimate, Video
from haulage_ytdlp.child import measure
from haulage_ytdlp.child.find import completed, only
from haulage_ytdlp.child.limits import LONGEST_NAME, check_size
from haulage_ytdlp.child.session import Ydl
from haulage_ytdlp.options import YtDlpOptions

_SOUND = (("mp4a", "m4a"), ("aac", "m4a"), ("mp3", "mp3"), ("opus", "opus"))
"""What a sound that is kept alone lies in, by what its codec begins with."""

_MEASURED_AS = {"mka": "mkv", "ogv": "ogg", "opus": "ogg"}
"""What a file is stored as that yt-dlp calls otherwise."""


def estimate(ydl: Ydl, video: Video, options: YtDlpOptions) -> Estimate:
    """Choose the formats of a video as a download does, and add up what is told of them.

    Raises:
        FetchError: It has more bytes than the operator wants, or has become a list.
    """
    info = only(ydl.extract_info(video.url, download=False))
    chosen = info.get("requested_formats") or [info]
    sizes = [(None, False)] if _made_later(info, options) else [_size(ydl, each, info) for each in chosen]
    known = [size for size, _ in sizes if size is not None]
    size = sum(known) if len(known) == len(sizes) else None
    exact = size is not None and len(sizes) == 1 and sizes[0][1]
    if size is not None and exact:
        check_size(size, options.max_filesize)
    width, height = (None if options.audio_only else info.get(each) for each in ("width", "height"))
    return Estimate(
        completed(video, info),
        str(info.get("format_id") or "")[:LONGEST_NAME],
        _extension(info, options),
        int(width) if width else None,
        int(height) if height else None,
        size,
        exact,
    )


def _made_later(info: dict[str, Any], options: YtDlpOptions) -> bool:
    """Whether other bytes are kept than are downloaded: the sound of a film, or a sound that is encoded anew."""
    if not options.audio_only:
        return False
    return info.get("vcodec") != "none" or options.container not in (None, _sound(info))


def _size(ydl: Ydl, chosen: dict[str, Any], info: dict[str, Any]) -> tuple[int | None, bool]:
    """How many bytes a format has, and whether that is told and not computed."""
    if told := chosen.get("filesize"):
        return int(told), True
    if chosen.get("protocol") in ("http", "https") and not chosen.get("fragments"):
        length = ydl.length(chosen["url"], chosen.get("http_headers") or {})
        if length is not None:
            return length, True
    if told := chosen.get("filesize_approx"):
        return int(told), False
    rate, seconds = chosen.get("tbr"), info.get("duration") or _seconds(chosen)
    return (int(rate * 1000 / 8 * seconds) if rate and seconds else None), False


def _seconds(chosen: dict[str, Any]) -> float | None:
    """How long a stream lasts, by its segments."""
    fragments = chosen.get("fragments")
    lengths = [each.get("duration") for each in fragments if "duration" in each] if isinstance(fragments, list) else []
    return float(sum(lengths)) if lengths and all(lengths) else None


def _extension(info: dict[str, Any], options: YtDlpOptions) -> str | None:
    told = _sound(info) if options.audio_only else str(info.get("ext") or "")
    found = options.container or told or ""
    found = _MEASURED_AS.get(found, found)
    return found if found in measure.MEDIA_TYPES else None


def _sound(info: dict[str, Any]) -> str | None:
    codec = str(info.get("acodec") or "")
    return next((extension for name, extension in _SOUND if codec.startswith(name)), None)
