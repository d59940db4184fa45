"""Take in the download archive of yt-dlp: a list of what was downloaded, which shall not be downloaded again.

What has no file is recorded like a video that was deleted on purpose: lists and channels do not bring it back, and
whoever asks for it gets it.
"""

import itertools
import secrets
from collections.abc import Collection, Iterator
from pathlib import Path

from attrs import define, evolve

from haulage.errors import ConfigError
from haulage.keys import object_key
from haulage.operations.importing.gather import Left
from haulage.operations.importing.identify import NO_PAGE, Identity, Unknown
from haulage.operations.importing.importer import Progress
from haulage.operations.importing.info import LONGEST_ID
from haulage.pipeline.assembly import Assembly
from haulage.urls import check_entry
from haulage.values import AttemptId, Copy, Job, Request, Status, Video

_PAGE = 1000
"""How many lines are committed at once."""

_LONGEST_LINE = 4096


@define
class Noted:
    """What became of the lines of an archive.

    Attributes:
        lines: How many name a video.
        new: How many of these were recorded; where nothing is to be done, how many would be looked at.
        without_page: How many of them have no page that is known.
    """

    lines: int = 0
    new: int = 0
    without_page: int = 0


def note(
    assembly: Assembly,
    file: Path,
    identity: Identity,
    noted: Noted,
    progress: Progress,
    *,
    skip: Collection[tuple[str, str]] = (),
    dry_run: bool = False,
) -> Iterator[Left]:
    """Record the videos that an archive names and the database does not know; what is left, and why.

    Pages of lines are committed one after the other, so a kill leaves a beginning, and the next run goes on.

    Args:
        assembly: The components of a config.
        file: The archive.
        identity: Names videos.
        noted: Told what became of the lines.
        progress: Told how far it is.
        skip: The source and the id of videos that are not recorded: their files are there and were left out.
        dry_run: Whether nothing is recorded.

    Raises:
        ConfigError: The file cannot be read, or is no text.
        HaulageError: The database cannot be used; what was recorded stays.
    """
    lines = _lines(file)
    while page := list(itertools.islice(lines, _PAGE)):
        jobs = list[Job]()
        for number, line in page:
            found = _job(assembly, line, identity, skip)
            if isinstance(found, str):
                yield Left(f"{file.name}:{number}", 0, found)
            elif found is not None:
                noted.lines += 1
                noted.without_page += "://" not in found.request.url
                jobs.append(found)
        noted.new += len(jobs) if dry_run else assembly.store.take_in(jobs)
        progress.lines += len(page)
        progress.moved()


def _lines(file: Path) -> Iterator[tuple[int, str]]:
    """The lines of a file that say something, with their numbers."""
    try:
        with file.open(encoding="utf-8-sig") as text:
            number = 0
            while line := text.readline(_LONGEST_LINE):
                number += 1
                if line.strip() and not line.lstrip().startswith("#"):
                    yield number, line.strip()
    except OSError as error:
        raise ConfigError(f"cannot read the archive {file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"cannot read the archive {file}: it is not UTF-8 text") from error


def _job(assembly: Assembly, line: str, identity: Identity, skip: Collection[tuple[str, str]]) -> Job | str | None:
    """The job of a line; why there is none, or None where its video is left out without a word."""
    source, _, video_id = line.partition(" ")
    if not video_id or not line.isprintable() or len(line) > LONGEST_ID:
        return "it is no line of a download archive; they are like: youtube dQw4w9WgXcQ"
    if (source.lower(), video_id) in skip:
        return None
    try:
        video = identity.named(source.lower(), video_id) or _by_words(source.lower(), video_id, identity.variant)
    except Unknown as error:
        return str(error)
    if video is None:
        return NO_PAGE
    request = Request(video.url, identity.variant)
    site = assembly.fetcher.site(video.url) if "://" in video.url else video.source
    attempt = AttemptId(secrets.token_hex(16))
    key = object_key(assembly.config.layout, video, "mp4")
    gone = tuple(Copy(each, "video", key, "deleted", attempt, 0, None) for each in assembly.config.store_to)
    job = Job(request.id, request, site, Status.PRUNED, video=video, attempts=(attempt,))
    return evolve(job, copies=gone)


def _by_words(source: str, video_id: str, variant: str) -> Video | None:
    """A video whose page nobody knows: lists find it by its identity. None where its identity is that of its page."""
    words = f"{source}:{video_id}"
    try:
        check_entry(words)
    except ConfigError:
        return None
    return None if source == "generic" else Video(source, video_id, variant, words)
