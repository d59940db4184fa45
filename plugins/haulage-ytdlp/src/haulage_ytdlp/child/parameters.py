"""The parameters that yt-dlp runs with: all of ours are written here, none is left to a default that may change."""

import io
import os
import shutil
from pathlib import Path
from typing import Any

from haulage_ytdlp.options import YtDlpOptions

TIMEOUT = 20.0
"""Seconds without a byte after which a connection is given up."""


def ffmpeg() -> str | None:
    """The system's FFmpeg, or the one that imageio-ffmpeg brings; None where there is neither."""
    found = shutil.which("ffmpeg")
    if found:
        return found
    import imageio_ffmpeg

    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError:
        return None


_VIDEO = ("mp4", "mkv", "webm")


def _format(options: YtDlpOptions) -> str:
    if options.format:
        return options.format
    if options.audio_only:
        return "bestaudio/best"
    if options.max_height is None:
        return "bestvideo*+bestaudio/best"
    # The question mark: also where the page does not say how high the picture is.
    lines = f"[height<=?{options.max_height}]"
    return f"bestvideo*{lines}+bestaudio/best{lines}"


def _postprocessors(options: YtDlpOptions) -> list[dict[str, Any]]:
    if options.audio_only:
        return [{"key": "FFmpegExtractAudio", "preferredcodec": options.container or "best", "nopostoverwrites": False}]
    if options.container is not None:
        return [{"key": "FFmpegVideoRemuxer", "preferedformat": options.container}]
    return []


def parameters(folder: Path | None, options: YtDlpOptions, logger: object, hook: Any) -> dict[str, Any]:
    """Those of one job.

    Args:
        folder: Where to download to; without one nothing is downloaded.
        options: What the operator wants.
        logger: What yt-dlp tells its messages.
        hook: What it tells its progress.
    """
    return {
        # Retries multiply, and haulage's own policy decides about them.
        "retries": 0,
        "fragment_retries": 0,
        "extractor_retries": 0,
        "file_access_retries": 0,
        "skip_unavailable_fragments": False,
        "ignoreerrors": False,
        "ignore_no_formats_error": False,
        "socket_timeout": TIMEOUT,
        # Files: named by us, in our folder. What an attempt before has left there whole is not loaded again, and what
        # it left in part is gone on with, where it is still the same content (see resume).
        # yt-dlp expands ~ and $ in this path, which is why it is the current folder and not the job's by its name.
        "paths": {"home": "." if folder else os.devnull},
        "outtmpl": {"default": "video.%(ext)s"},
        "continuedl": True,
        "nopart": False,
        "overwrites": False,
        "updatetime": False,
        "cachedir": False,
        "format": _format(options),
        "merge_output_format": options.container if options.container in _VIDEO else None,
        "postprocessors": _postprocessors(options),
        "writesubtitles": bool(options.subtitles),
        "writeautomaticsub": False,
        "subtitleslangs": list(options.subtitles),
        "subtitlesformat": "vtt/srt/best",
        "writethumbnail": options.thumbnail,
        "write_all_thumbnails": False,
        "writeinfojson": False,
        "ratelimit": options.rate_limit,
        "fixup": "detect_or_warn",
        "ffmpeg_location": ffmpeg() if folder else None,
        # One video, from the network, by yt-dlp's own downloaders.
        "noplaylist": True,
        "playlistend": 2,  # as many as tell that it has become a list
        "enable_file_urls": False,
        "external_downloader": None,
        "hls_prefer_native": True,
        "hls_use_mpegts": False,
        "live_from_start": False,
        "wait_for_video": None,
        "default_search": "error",
        # What would use the operator's accounts, or send headers that lie.
        "usenetrc": False,
        "cookiesfrombrowser": None,
        # A stream, not the file: yt-dlp writes back what it changes.
        "cookiefile": io.StringIO(Path(options.cookies).read_text(encoding="utf-8")) if options.cookies else None,
        "geo_bypass": False,
        "nocheckcertificate": False,
        "proxy": options.proxy,
        # Quiet: what is worth saying goes over the wire.
        "quiet": True,
        "noprogress": True,
        "logger": logger,
        "progress_hooks": [hook],
        "color": {"stdout": "no_color", "stderr": "no_color"},
    }
