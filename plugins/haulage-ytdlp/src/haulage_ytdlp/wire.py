"""What haulage and a fetch process say to each other: values, one a line, as JSON."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from attrs import field, frozen
from attrs.validators import gt, matches_re
from cattrs.preconf.json import make_converter

from haulage.plugin import Estimate, Failure, FetchResult, MediaFacts, Request, Video
from haulage_ytdlp.options import YtDlpOptions

LONGEST_LINE = 1 << 20
"""Bytes; a fetch process that says more in one line is not believed."""


@frozen
class Expand:
    """Find out what stands behind a URL."""

    request: Request
    private_hosts: tuple[str, ...]
    options: YtDlpOptions = field(factory=YtDlpOptions)


@frozen
class Fetch:
    """Download a video into a folder."""

    video: Video
    folder: Path
    private_hosts: tuple[str, ...]
    options: YtDlpOptions = field(factory=YtDlpOptions)


@frozen
class Inquire:
    """Find out what a fetch of a video would bring."""

    video: Video
    private_hosts: tuple[str, ...]
    options: YtDlpOptions = field(factory=YtDlpOptions)


@frozen
class Measure:
    """Find out what a file is that is there already."""

    path: Path
    announced: float | None
    private_hosts: tuple[str, ...] = ()


@frozen
class Began:
    """The process is there: `pid` is its number and that of its process group."""

    pid: int = field(validator=gt(1))  # as a process group, 0 is our own


@frozen
class Progress:
    """So many bytes of so many are there."""

    done: int
    total: int | None


@frozen
class Growing:
    """The main file of the video is being written, from its first byte to its last, under this name in the folder."""

    name: str = field(validator=matches_re(r"[A-Za-z0-9._-]+"))
    video: Video
    extension: str
    media_type: str


@frozen
class FoundVideo:
    """The URL leads to a video whose identity is known."""

    video: Video


@frozen
class FoundRequest:
    """The URL leads to another one."""

    request: Request


@frozen
class Expanded:
    """All was found."""


@frozen
class Fetched:
    """The download is whole and checked."""

    result: FetchResult


@frozen
class Estimated:
    """So much is announced of what a fetch would bring."""

    estimate: Estimate


@frozen
class Measured:
    """It is whole, and this is what it is."""

    facts: MediaFacts


@frozen
class Failed:
    """It did not work, and this is why."""

    failure: Failure


Order = Expand | Fetch | Inquire | Measure
Report = Began | Progress | Growing | FoundVideo | FoundRequest | Expanded | Fetched | Estimated | Measured | Failed
_REPORTS = (Began, Progress, Growing, FoundVideo, FoundRequest, Expanded, Fetched, Estimated, Measured, Failed)
_TYPES: dict[str, type] = {each.__name__: each for each in (Expand, Fetch, Inquire, Measure, *_REPORTS)}

_converter = make_converter()
_converter.register_unstructure_hook(Path, str)
_converter.register_structure_hook(Path, lambda value, _: Path(value))
_converter.register_unstructure_hook(timedelta, timedelta.total_seconds)
_converter.register_structure_hook(timedelta, lambda value, _: timedelta(seconds=value))


def line(message: Order | Report) -> bytes:
    """Write a message."""
    return _converter.dumps([type(message).__name__, _converter.unstructure(message)]).encode() + b"\n"


def message(read: bytes) -> Any:
    """Read a message.

    Raises:
        ValueError: It is none.
    """
    try:
        name, value = _converter.loads(read, list[Any])
        return _converter.structure(value, _TYPES[name])
    except Exception as error:
        raise ValueError(f"not a message: {read[:200]!r}") from error
