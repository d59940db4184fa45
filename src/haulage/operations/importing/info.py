"""What yt-dlp wrote beside a video: the JSON of its page. It may be anybody's work, and is data and nothing else."""

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from attrs import frozen

from haulage.errors import ConfigError
from haulage.secrets import public_url
from haulage.urls import check_url

LARGEST = 16 << 20
"""Bytes; with all formats and comments some have millions."""

LONGEST_ID, LONGEST_TITLE = 500, 1000
"""Characters."""

_REFUSED = re.compile("[\0\ud800-\udfff]")


@frozen
class Info:
    """What is believed of it; empty where it says nothing, or nothing that can be.

    Attributes:
        source: The extractor, in lower case.
        video_id: The id there.
        url: Of the page, without what gives access to it.
        title: As the source gives it.
        channel_id: Who published it.
        duration: As announced, in seconds.
    """

    source: str
    video_id: str
    url: str = ""
    title: str = ""
    channel_id: str = ""
    duration: float | None = None


def read_info(content: bytes) -> Info:
    """Read an info JSON.

    Raises:
        ValueError: It is none of a video; the message says why in a few words, and quotes nothing of it.
    """
    if len(content) > LARGEST:
        raise ValueError("it is too large for an info JSON")
    try:
        told = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError):
        raise ValueError("it is not JSON") from None
    if not isinstance(told, dict) or told.get("_type", "video") != "video":
        raise ValueError("it is no info JSON of a video")
    source = _text(told, "extractor_key", LONGEST_ID) or _text(told, "ie_key", LONGEST_ID)
    return Info(
        source.lower(),
        _text(told, "id", LONGEST_ID),
        _url(told),
        _text(told, "title", 1 << 20)[:LONGEST_TITLE],
        _text(told, "channel_id", LONGEST_ID) or _text(told, "uploader_id", LONGEST_ID),
        _seconds(told),
    )


def _text(told: Mapping[str, Any], name: str, longest: int) -> str:
    text = told.get(name)
    if text is None:
        return ""
    if not isinstance(text, str) or len(text) > longest:
        raise ValueError(f"{name!r} is not what it should be")
    return _REFUSED.sub("\N{REPLACEMENT CHARACTER}", text)


def _url(told: Mapping[str, Any]) -> str:
    url = _text(told, "webpage_url", 1 << 20) or _text(told, "original_url", 1 << 20)
    if not url:
        return ""
    try:
        return check_url(public_url(check_url(url)))
    except ConfigError:
        raise ValueError("the URL in it cannot be hauled") from None


def _seconds(told: Mapping[str, Any]) -> float | None:
    value = told.get("duration")
    if value is None:
        return None
    if type(value) not in (int, float) or not math.isfinite(value) or not 0 <= value < 1 << 31:
        raise ValueError("'duration' is not what it should be")
    return float(value) or None
