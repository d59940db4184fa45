"""The parameters that yt-dlp runs with: all of ours are written here, none is left to a default that may change."""

import os
import shutil
from pathlib import Path
from typing import Any

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


def parameters(folder: Path | None, logger: object, hook: Any) -> dict[str, Any]:
    """Those of one job; without a folder nothing is downloaded."""
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
        # Files: named by us, in our folder, and never spliced onto what another attempt left.
        # yt-dlp expands ~ and $ in this path, which is why it is the current folder and not the job's by its name.
        "paths": {"home": "." if folder else os.devnull},
        "outtmpl": {"default": "video.%(ext)s"},
        "continuedl": False,
        "nopart": False,
        "overwrites": True,
        "updatetime": False,
        "cachedir": False,
        "format": "bestvideo*+bestaudio/best",
        "fixup": "detect_or_warn",
        "ffmpeg_location": ffmpeg() if folder else None,
        # One video, from the network, by yt-dlp's own downloaders.
        "noplaylist": True,
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
        "cookiefile": None,
        "geo_bypass": False,
        "nocheckcertificate": False,
        "proxy": "",
        # Quiet: what is worth saying goes over the wire.
        "quiet": True,
        "noprogress": True,
        "logger": logger,
        "progress_hooks": [hook],
        "color": {"stdout": "no_color", "stderr": "no_color"},
    }
