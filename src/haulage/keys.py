"""Names of stored objects: pure, deterministic, and from one small alphabet."""

import hashlib
import re
import string

from haulage.errors import ConfigError, Failure, Kind, StorageError
from haulage.values import Video

DEFAULT_LAYOUT = "{channel_id}/{video_id}/video.{ext}"
FIELDS = ("source", "channel_id", "video_id", "variant", "ext")
LONGEST_FIELD = 80
"""Of an S3 key's 1,024 bytes, what a field may take, before the digest that says it was cut."""

_OUTSIDE = re.compile(r"[^A-Za-z0-9._-]")
_LITERAL = re.compile(r"[A-Za-z0-9._/-]*")
_KEY = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")
_CONTROL = re.compile(r"[\0-\x1f\x7f-\x9f\ud800-\udfff]")
_LONGEST_KEY = 1024
_LONGEST_TEXT = LONGEST_FIELD + len("-01234567")


def field_text(text: str) -> str:
    """Bring any text into the alphabet; texts that differ stay different.

    What is not in `[A-Za-z0-9._-]` becomes "_". Where something was replaced, cut, empty, or began with a dot, "-" and
    8 hex digits of the text's SHA-256 follow.
    """
    kept = _OUTSIDE.sub("_", text)[:LONGEST_FIELD]
    if kept == text and kept and not kept.startswith("."):
        return kept
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{kept.lstrip('.')}-{digest}"


def check_layout(layout: str) -> str:
    """Return the layout if every key that it makes is good and tells videos apart.

    Raises:
        ConfigError: It does not.
    """
    try:
        parts = [
            (literal, name, spec, conversion) for literal, name, spec, conversion in string.Formatter().parse(layout)
        ]
    except ValueError as error:
        raise ConfigError(f"layout {layout!r}: {error}") from None
    names = [name for _, name, _, _ in parts if name is not None]
    for literal, name, spec, conversion in parts:
        if not _LITERAL.fullmatch(literal):
            raise ConfigError(f"layout {layout!r}: {literal!r} has characters outside A-Z a-z 0-9 . _ - /")
        if name is not None and (name not in FIELDS or spec or conversion):
            raise ConfigError(f"layout {layout!r}: unknown field {{{name}}}; there are {', '.join(FIELDS)}")
    if "video_id" not in names:
        raise ConfigError(f"layout {layout!r}: without {{video_id}} all videos would have one key")
    if not layout.endswith(".{ext}"):
        raise ConfigError(f"layout {layout!r}: it must end in .{{ext}}, so that the files of one video lie together")
    sample = layout.format(**dict.fromkeys(FIELDS, "x"))
    if not _KEY.fullmatch(sample):
        raise ConfigError(f"layout {layout!r}: a part of the path is empty or begins with a dot")
    longest = dict.fromkeys(FIELDS, "x" * _LONGEST_TEXT)
    longest["ext"] = f"{longest['variant']}.{longest['ext']}.{longest['ext']}"
    if len(layout.format(**longest)) > _LONGEST_KEY:
        raise ConfigError(f"layout {layout!r}: its keys could have more than {_LONGEST_KEY} bytes")
    return layout


def object_key(layout: str, video: Video, extension: str) -> str:
    """Name one file of a video; files of one video that differ in their extension lie side by side."""
    if video.variant and "{variant}" not in layout:
        layout = layout.removesuffix(".{ext}") + ".{variant}.{ext}"
    return layout.format(
        source=field_text(video.source),
        channel_id=field_text(video.channel_id or video.source),
        video_id=field_text(video.id),
        variant=field_text(video.variant or "default"),
        ext=_extension_text(extension),
    )


def sibling_key(key: str, extension: str) -> str:
    """Name another file of the video whose record has this key, wherever a layout once put them."""
    return f"{key.removesuffix('.json')}.{_extension_text(extension)}"


def _extension_text(extension: str) -> str:
    stem, dot, last = extension.rpartition(".")
    return f"{field_text(stem)}.{field_text(last)}" if dot else field_text(last)


def check_key(key: str) -> str:
    """Return the key if it is one that `object_key` could have made.

    Raises:
        StorageError: It is not; nothing outside the alphabet is ever written or deleted.
    """
    if not is_key(key):
        raise StorageError(Failure(Kind.CONFIG, f"{key[:100]!r} is no key that haulage makes"))
    return key


def is_key(key: str) -> bool:
    """Whether `object_key` could have made a key."""
    return len(key) <= _LONGEST_KEY and _KEY.fullmatch(key) is not None


def check_found(key: str) -> str:
    """Return the key if what others put under it may be read: it leads nowhere else, and is text that can be shown.

    Raises:
        StorageError: It may not.
    """
    good = not any(part in ("", ".", "..") for part in key.split("/")) and not _CONTROL.search(key)
    if not good or len(key.encode("utf-8", "replace")) > _LONGEST_KEY:
        raise StorageError(Failure(Kind.CONFIG, f"{key[:100]!r} is no name under which an object can be read"))
    return key
