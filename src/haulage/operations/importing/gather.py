"""Which objects of a storage are files of one video, by their names alone."""

import re
from collections.abc import Iterable, Iterator

from attrs import define, field, frozen

from haulage.contracts.storage import StoredObject
from haulage.errors import StorageError
from haulage.keys import check_found
from haulage.operations.importing.layout import Layout, Reading
from haulage.values import Role

MEDIA = {
    "3gp": "video/3gpp",
    "aac": "audio/aac",
    "avi": "video/vnd.avi",
    "flac": "audio/flac",
    "flv": "video/x-flv",
    "m4a": "audio/mp4",
    "m4v": "video/mp4",
    "mka": "audio/matroska",
    "mkv": "video/matroska",
    "mov": "video/quicktime",
    "mp3": "audio/mpeg",
    "mp4": "video/mp4",
    "mpg": "video/mpeg",
    "ogg": "audio/ogg",
    "ogv": "video/ogg",
    "opus": "audio/ogg",
    "ts": "video/mp2t",
    "wav": "audio/x-wav",
    "webm": "video/webm",
    "wmv": "video/x-ms-wmv",
}
"""What the main file of a video ends in, and its MIME type."""

_PICTURES = {"jpg": "image/jpeg", "jpeg": "image/jpeg", "png": "image/png", "webp": "image/webp"}
_SUBTITLES = {"vtt": "text/vtt", "srt": "application/x-subrip"}
_UNFINISHED = re.compile(
    r"\.(?:part|ytdl|temp)(?:-Frag\d+)?$|\.part-Frag\d+(?:\.part)?$|\.temp\.[A-Za-z0-9]+$|\.f[0-9]+(?:-[A-Za-z0-9]+)?\.[A-Za-z0-9]+$"
)


@frozen
class Named:
    """An object, as its name tells.

    Attributes:
        there: The object as it was listed.
        role: What it is to its video.
        extension: What follows the stem.
        media_type: Its MIME type.
    """

    there: StoredObject
    role: Role
    extension: str
    media_type: str


@frozen
class Candidate:
    """What seems to be a video.

    Attributes:
        readings: In which ways its name can be read.
        main: The main file.
        sidecars: What lies beside it, a role each.
    """

    readings: tuple[Reading, ...]
    main: Named
    sidecars: tuple[Named, ...] = ()

    @property
    def key(self) -> str:
        """The key of the main file."""
        return self.main.there.key

    @property
    def files(self) -> tuple[Named, ...]:
        """All files, the main one first."""
        return (self.main, *self.sidecars)


@frozen
class Left:
    """What is not taken in.

    Attributes:
        key: The key of the object, or the line of an archive.
        size: In bytes; 0 where it is no object.
        reason: Why.
        identity: The source and the id of the video; empty where they are not known.
    """

    key: str
    size: int
    reason: str
    identity: tuple[str, str] = ("", "")


@define
class _Group:
    readings: tuple[Reading, ...] = ()
    mains: list[Named] = field(factory=list)
    sidecars: dict[Role, Named] = field(factory=dict)


def gather(objects: Iterable[StoredObject], layout: Layout) -> Iterator[Candidate | Left | StoredObject]:
    """Bring the files of each video together.

    Args:
        objects: In the order of their keys, so that the files of a video follow each other.
        layout: How they are named.

    Returns:
        Videos, what might be one and is left, and what is neither.
    """
    groups: dict[str, _Group] = {}
    for there in objects:
        for stem in [each for each in groups if not there.key.startswith(f"{each}.")]:
            yield from _ended(groups.pop(stem))
        found = _named(there, layout)
        if not isinstance(found, tuple):
            yield found
            continue
        named, readings = found
        group = groups.setdefault(readings[0].stem, _Group())
        if named.role == "video":
            group.mains.append(named)
            group.readings = readings
        else:
            group.sidecars.setdefault(named.role, named)
    for group in groups.values():
        yield from _ended(group)


def _named(there: StoredObject, layout: Layout) -> tuple[Named, tuple[Reading, ...]] | Left | StoredObject:
    key, last = there.key, there.key.rpartition(".")[2].lower()
    try:
        check_found(key)
    except StorageError:
        return Left(key, there.size, "its name cannot be read as text") if last in MEDIA else there
    if _UNFINISHED.search(key):
        return Left(key, there.size, "it is a part of a download that was not finished")
    readings = tuple(layout.readings(key))
    named = _as(there, readings[0].extension) if readings else None
    if named is not None:
        return named, readings
    return Left(key, there.size, "its name is not of the layout") if last in MEDIA and not readings else there


def _as(there: StoredObject, extension: str) -> Named | None:
    """What an object is, by its extension; None where that says nothing."""
    before, _, last = extension.rpartition(".")
    kind = last.lower()
    if extension == "info.json":
        return Named(there, "info", extension, "application/json")
    if before:
        return Named(there, f"subtitle.{before}", extension, _SUBTITLES[kind]) if kind in _SUBTITLES else None
    if kind in MEDIA:
        return Named(there, "video", kind, MEDIA[kind])
    return Named(there, "thumbnail", kind, _PICTURES[kind]) if kind in _PICTURES else None


def _ended(group: _Group) -> Iterator[Candidate | Left | StoredObject]:
    if len(group.mains) != 1:
        for each in group.mains:
            yield Left(each.there.key, each.there.size, "several files beside each other could be the video")
        yield from (each.there for each in group.sidecars.values())
        return
    sidecars = tuple(each for each in group.sidecars.values() if each.there.size)
    yield Candidate(group.readings, group.mains[0], sidecars)
