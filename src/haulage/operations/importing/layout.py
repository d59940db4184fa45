"""A layout of keys, and what a key says by it: pure, and in time that grows with the key and not with its tricks.

A layout is written as haulage writes it, `{channel}/{title} [{video_id}].{ext}`, or as yt-dlp does,
`%(channel)s/%(title)s [%(id)s].%(ext)s`. A field has one character or more, and none of them is "/".
"""

import itertools
import re
import string
from collections.abc import Iterator, Mapping, Sequence

from attrs import frozen

from haulage.errors import ConfigError

DEFAULT = "%(title)s [%(id)s].%(ext)s"
"""How yt-dlp names files where nobody says otherwise."""

FIELDS = ("source", "channel", "channel_id", "title", "video_id")
"""What a layout may name beside `ext`, which ends it, and `*`, which is anything."""

MOST_READINGS = 16
"""In how many ways one key is read at most."""

_NAMES = {
    "id": "video_id",
    "title": "title",
    "fulltitle": "title",
    "channel": "channel",
    "uploader": "channel",
    "channel_id": "channel_id",
    "uploader_id": "channel_id",
    "extractor": "source",
    "extractor_key": "source",
    "ie_key": "source",
    "ext": "ext",
}
"""The fields of yt-dlp that say something to us; any other one is anything."""

_TEMPLATE = re.compile(r"%(?:%|\((?P<name>[^()]*)\)(?P<format>[-0-9.#+ ]*(?P<kind>[A-Za-z])))")
_SIDECAR = re.compile(r"(?P<stem>.*[^/])\.(?P<ext>[A-Za-z0-9-]{1,40}\.(?:vtt|srt)|info\.json)", re.DOTALL)
_EXTENSION = re.compile(r"(?P<stem>.*[^/])\.(?P<ext>[A-Za-z0-9]{1,10})", re.DOTALL)


@frozen
class Reading:
    """One way to read a key.

    Attributes:
        stem: The key without its extension: what the files of one video have in common.
        extension: What follows it: "mp4", "info.json", "en.vtt".
        fields: What the layout's fields are, by name; the id of the video among them.
    """

    stem: str
    extension: str
    fields: tuple[tuple[str, str], ...]

    def get(self, name: str) -> str:
        """A field; empty where the layout does not name it."""
        return dict(self.fields).get(name, "")


@frozen
class Layout:
    """A layout that was read.

    Attributes:
        parts: Literal texts, and the names of fields as tuples of one; without the extension.
    """

    parts: tuple[str | tuple[str], ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The fields, in order."""
        return tuple(part[0] for part in self.parts if isinstance(part, tuple))

    def readings(self, key: str) -> Iterator[Reading]:
        """Read a key in each way that gives another video, MOST_READINGS at most; none where it is not like that."""
        for pattern in (_SIDECAR, _EXTENSION):
            found = pattern.fullmatch(key)
            if found is None:
                continue
            some = [
                Reading(found["stem"], found["ext"], fields)
                for fields in itertools.islice(_read(self.parts, found["stem"]), MOST_READINGS)
            ]
            if some:
                yield from some
                return


def parse(text: str) -> Layout:
    """Read a layout.

    Raises:
        ConfigError: It is none; the message says what is wrong.
    """
    text = text.removeprefix("./")
    parts = list(_of_yt_dlp(text) if "%(" in text else _of_haulage(text))
    joined: list[str | tuple[str]] = []
    for part in parts:
        if joined and isinstance(part, str) and isinstance(joined[-1], str):
            joined[-1] += part
        elif part:
            joined.append(part)
    if (
        joined[-1:] != [("ext",)]
        or not isinstance(dot := joined[-2] if len(joined) > 1 else "", str)
        or dot[-1:] != "."
    ):
        raise ConfigError(f"layout {text!r}: it must end in .{{ext}}, or .%(ext)s")
    joined = [*joined[:-2], *([dot[:-1]] if dot[:-1] else [])]
    names = [part[0] for part in joined if isinstance(part, tuple)]
    if "video_id" not in names:
        raise ConfigError(f"layout {text!r}: without {{video_id}}, or %(id)s, nothing tells which video a file is")
    if "ext" in names:
        raise ConfigError(f"layout {text!r}: the extension stands at its end and nowhere else")
    if text.startswith("/") or any(each in ("", ".", "..") for each in _shape(joined).split("/")):
        raise ConfigError(f"layout {text!r}: it is the path below the storage's own folder, or prefix")
    if any(isinstance(one, tuple) and isinstance(other, tuple) for one, other in itertools.pairwise(joined)):
        raise ConfigError(f"layout {text!r}: between two fields has to be something that tells where one ends")
    return Layout(tuple(joined))


def _shape(parts: Sequence[str | tuple[str]]) -> str:
    return "".join("x" if isinstance(part, tuple) else part for part in parts)


def _of_haulage(text: str) -> Iterator[str | tuple[str]]:
    try:
        for literal, name, spec, conversion in string.Formatter().parse(text):
            yield literal
            if name is None:
                continue
            if (name not in (*FIELDS, "ext", "*")) or spec or conversion:
                there = ", ".join(f"{{{each}}}" for each in (*FIELDS, "ext", "*"))
                raise ConfigError(f"layout {text!r}: unknown field {{{name}}}; there are {there}")
            yield (name,)
    except ValueError as error:
        raise ConfigError(f"layout {text!r}: {error}") from None


def _of_yt_dlp(text: str) -> Iterator[str | tuple[str]]:
    at = 0
    for found in _TEMPLATE.finditer(text):
        yield _literal(text, at, found.start())
        at = found.end()
        # What is computed, cut, or has a stand-in is not what the site told: it is anything.
        plain = found["name"] is not None and found["format"] in ("s", "d")
        yield "%" if found["name"] is None else (_NAMES.get(found["name"], "*") if plain else "*",)
    yield _literal(text, at, len(text))


def _literal(text: str, at: int, end: int) -> str:
    if "%(" in (literal := text[at:end]):
        raise ConfigError(f"layout {text!r}: {literal[literal.index('%(') :][:20]!r} is no field of yt-dlp's")
    return literal


Parts = Sequence[str | tuple[str]]
Span = tuple[int, int]


def _read(parts: Parts, text: str) -> Iterator[tuple[tuple[str, str], ...]]:
    """The ways in which a text is made of the parts that differ in what identifies a video."""
    starts, ends = _places(parts, text, {}), _places_behind(parts, text)
    wanted = [number for number, part in enumerate(parts) if part in (("video_id",), ("source",))]
    spans = [
        [
            (at, end)
            for at in sorted(starts[number] & ends[number], reverse=True)
            for end in sorted(starts[number + 1] & ends[number + 1])
            if at < end and "/" not in text[at:end]
        ][:MOST_READINGS]
        for number in wanted
    ]
    seen = set[tuple[str, ...]]()
    for chosen in itertools.product(*spans):
        told = tuple(text[at:end] for at, end in chosen)
        if told not in seen:
            found = _fields(parts, text, dict(zip(wanted, chosen, strict=True)))
            if found is not None:
                seen.add(told)
                yield found


def _places(parts: Parts, text: str, fixed: Mapping[int, Span]) -> list[set[int]]:
    """Where in the text one may be after so many parts; where some fields stand may be known."""
    places = [{0}]
    for number, part in enumerate(parts):
        before = places[-1]
        if number in fixed:
            at, end = fixed[number]
            places.append({end} if at in before else set())
        elif isinstance(part, str):
            places.append({at + len(part) for at in before if text.startswith(part, at)})
        else:
            here, reached = set[int](), False
            for at, character in enumerate(text):
                reached = (reached or at in before) and character != "/"
                if reached:
                    here.add(at + 1)
            places.append(here)
    return places


def _places_behind(parts: Parts, text: str) -> list[set[int]]:
    """From where in the text the rest may be what the parts from each one on make."""
    backwards = [part[::-1] if isinstance(part, str) else part for part in reversed(parts)]
    return [{len(text) - at for at in each} for each in reversed(_places(backwards, text[::-1], {}))]


def _fields(parts: Parts, text: str, fixed: Mapping[int, Span]) -> tuple[tuple[str, str], ...] | None:
    """All fields, where some are known: the later ones as short as they can be. None where there is no such way."""
    places = _places(parts, text, fixed)
    end, found = len(text), list[tuple[str, str]]()
    if end not in places[-1]:
        return None
    for number in range(len(parts) - 1, -1, -1):
        part = parts[number]
        if isinstance(part, str):
            end -= len(part)
            continue
        start = fixed[number][0] if number in fixed else max(at for at in places[number] if at < end)
        if part[0] != "*":
            found.append((part[0], text[start:end]))
        end = start
    return tuple(reversed(found))
