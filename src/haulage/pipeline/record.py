"""What is stored beside each video, so that an archive explains itself without our database."""

import hashlib
import json
import re
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

from attrs import frozen

from haulage.secrets import public_url
from haulage.values import RECORD, Job, MediaFacts, MediaFile, Video

ROLE = RECORD
"""The role of the file."""

LARGEST = 1 << 20
"""Bytes that a record may have; a larger file is none."""

_FORMAT = 1
_MOST_FILES = 1000
_LONGEST = {"title": 10_000, "url": 10_000}
_LONGEST_TEXT = 500
_REFUSED = re.compile("[\0\ud800-\udfff]")
"""What is no text for a database, as metadata stores have it."""

_DIGITS = frozenset("0123456789abcdef")

Type = TypeVar("Type", str, int, float)


def record(job: Job) -> tuple[MediaFile, bytes]:
    """The record of a video that was fetched, and its content: made from what is known of the job, wherever that is.

    It tells identity, source, facts, digests, and what made it; nothing that gives access to anything.
    """
    video, facts = job.video, job.facts
    assert video is not None
    assert facts is not None
    told = {
        "record": _FORMAT,
        "source": video.source,
        "video_id": video.id,
        "variant": video.variant,
        "channel_id": video.channel_id,
        "title": video.title,
        "url": public_url(video.url),
        "duration": facts.duration,
        "width": facts.width,
        "height": facts.height,
        "resolution": facts.resolution,
        "format": facts.container,
        "video_codec": facts.video_codec,
        "audio_codec": facts.audio_codec,
        "files": [
            {
                "role": each.role,
                "extension": each.extension,
                "media_type": each.media_type,
                "size": each.size,
                "sha256": each.sha256,
            }
            for each in job.files
        ],
        "fetched_by": facts.fetched_by,
        "stored_by": f"haulage {version('haulage')}",
    }
    content = json.dumps(told, ensure_ascii=False, indent=2).encode("utf-8", "backslashreplace") + b"\n"
    digest = hashlib.sha256(content).hexdigest()
    return MediaFile(Path(), ROLE, "json", "application/json", len(content), digest), content


@frozen
class Told:
    """What a record tells.

    Attributes:
        video: What was stored; what gave access to its URL is not told.
        facts: Measured from the main file.
        files: The main file first; their paths are empty.
    """

    video: Video
    facts: MediaFacts
    files: tuple[MediaFile, ...]


def read_record(content: bytes) -> Told:
    """Read a record that anybody may have written: only what is right in every part is taken.

    Raises:
        ValueError: It is none; the message says why in a few words, and quotes nothing of it.
    """
    if len(content) > LARGEST:
        raise ValueError("it is too large for a record")
    try:
        told = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError):
        raise ValueError("it is not JSON") from None
    if not isinstance(told, dict) or "record" not in told or "video_id" not in told:
        raise ValueError("it is no record of a video")
    if told["record"] != _FORMAT:
        raise ValueError("it is a record of another version of haulage")
    video = Video(
        _text(told, "source"),
        _text(told, "video_id"),
        _text(told, "variant", empty=True),
        _text(told, "url"),
        _text(told, "title", empty=True),
        _text(told, "channel_id", empty=True),
    )
    facts = MediaFacts(
        _text(told, "format"),
        _optional(told, "duration", float),
        _optional(told, "width", int),
        _optional(told, "height", int),
        _optional(told, "video_codec", str),
        _optional(told, "audio_codec", str),
        _optional(told, "fetched_by", str),
    )
    return Told(video, facts, _files(told))


def _files(told: Mapping[str, Any]) -> tuple[MediaFile, ...]:
    listed = told.get("files")
    if not isinstance(listed, list) or len(listed) > _MOST_FILES or not all(isinstance(each, dict) for each in listed):
        raise ValueError("'files' is no list of files")
    files = [
        MediaFile(
            Path(),
            _text(each, "role"),
            _text(each, "extension"),
            _text(each, "media_type"),
            _number(each, "size"),
            _digest(each),
        )
        for each in listed
    ]
    if len({file.role for file in files} | {ROLE}) != len(files) + 1:
        raise ValueError("two files have one role")
    if not files or files[0].role != "video":
        raise ValueError("it names no video")
    return tuple(files)


def _text(told: Mapping[str, Any], name: str, *, empty: bool = False) -> str:
    text = told.get(name)
    if not isinstance(text, str) or not (text or empty) or len(text) > _LONGEST.get(name, _LONGEST_TEXT):
        raise ValueError(f"{name!r} is missing, or not what it should be")
    return _REFUSED.sub("\N{REPLACEMENT CHARACTER}", text)


def _number(told: Mapping[str, Any], name: str) -> int:
    number = told.get(name)
    if type(number) is not int or not 0 <= number < 1 << 63:  # True is an int too
        raise ValueError(f"{name!r} is missing, or not what it should be")
    return number


def _optional(told: Mapping[str, Any], name: str, kind: type[Type]) -> Type | None:
    value = told.get(name)
    if value is None:
        return None
    if kind is str:
        return kind(_text(told, name))
    if type(value) not in (int, kind) or not 0 <= value < 1 << 31:
        raise ValueError(f"{name!r} is not what it should be")
    return kind(value)


def _digest(told: Mapping[str, Any]) -> str:
    digest = _text(told, "sha256")
    if len(digest) != 64 or not set(digest) <= _DIGITS:
        raise ValueError("'sha256' is not what it should be")
    return digest
