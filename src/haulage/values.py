"""The values that cross borders: frozen, comparable, and safe to pickle."""

import enum
import hashlib
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal, NewType

from attrs import frozen

from haulage.errors import Failure
from haulage.secrets import unsigned_url

JobId = NewType("JobId", str)
"""The name of a job: a digest of its request, so that asking twice names one job."""

AttemptId = NewType("AttemptId", str)
"""The name of one hold of one job by one worker.

It is the only token there is: the fence that every write checks, the row in `attempts`, the name of the work
folder, and the mark in a stored object's metadata.
"""


class Status(enum.StrEnum):
    """What people and queries see of a job; nothing branches on it."""

    PENDING = "pending"
    DOWNLOADING = "downloading"
    FETCHED = "fetched"
    UPLOADING = "uploading"
    DOWNLOADED = "downloaded"
    EXPANDED = "expanded"
    DUPLICATE = "duplicate"
    FAILED = "failed"
    UNAVAILABLE = "unavailable"
    PRUNED = "pruned"


@frozen
class Request:
    """What was asked: a URL and the name of a variant of the config ("" is the default one)."""

    url: str
    variant: str = ""

    @property
    def id(self) -> JobId:
        """The id of the job of this request: 128 bits of a SHA-256, in hex.

        It does not depend on what only signs the URL, so that a fresh signature gives new life to a job whose old one
        has run out.
        """
        return JobId(hashlib.sha256(f"{self.variant}\n{unsigned_url(self.url)}".encode()).hexdigest()[:32])


@frozen
class Video:
    """One thing to haul. `(source, id, variant)` is its identity; the rest may be empty until it was fetched.

    Attributes:
        source: The extractor that knows it, in lower case: "youtube", "generic".
        id: Its id at the source.
        variant: The variant of the request.
        url: The page or the file it comes from.
        title: As the source gives it, in any alphabet.
        channel_id: Who published it; the host where the source names nobody.
        duration: As announced, in seconds.
    """

    source: str
    id: str
    variant: str
    url: str
    title: str = ""
    channel_id: str = ""
    duration: float | None = None


Role = str
"""What a file is to its video: "video", "info", "thumbnail", or "subtitle.en" for its language; one file a role.

Core adds RECORD, what it knows of the video itself.
"""

RECORD: Role = "record"
"""The role of the file in which core writes what it knows of a video."""


@frozen
class MediaFile:
    """A whole, checked, closed local file.

    Attributes:
        path: Where it lies on the machine that fetched it.
        role: What it is; the main file is "video" even where it holds sound alone.
        extension: What follows the stem in the name it is stored under: "mp4", "en.vtt".
        media_type: Its MIME type.
        size: In bytes.
        sha256: In hex.
    """

    path: Path
    role: Role
    extension: str
    media_type: str
    size: int
    sha256: str


@frozen
class MediaFacts:
    """What was measured from the main file: seconds, pixels, and the names FFmpeg gives to formats and codecs.

    Beside them stands what downloaded it, with its version: "yt-dlp 2026.08.19".
    """

    container: str
    duration: float | None = None
    width: int | None = None
    height: int | None = None
    video_codec: str | None = None
    audio_codec: str | None = None
    fetched_by: str | None = None

    @property
    def resolution(self) -> str | None:
        """The picture's size as people name it, by its shorter side: "1080p" for 1920x1080 and for 1080x1920."""
        return f"{min(self.width, self.height)}p" if self.width and self.height else None


@frozen
class FetchResult:
    """What a fetch left behind.

    Attributes:
        video: The video, completed with title and channel.
        files: Exactly one has the role "video", and it comes first.
        facts: Measured from that file.
    """

    video: Video
    files: tuple[MediaFile, ...]
    facts: MediaFacts


@frozen
class Copy:
    """One file of a video in one storage.

    Attributes:
        storage: The storage's name in the config.
        role: The role of the file.
        key: The object's key.
        state: `intended` is recorded before the object can become visible, `stored` after it was verified. What shall
            go is `deleting` until the object is gone, and `deleted` from then on, which is what keeps it from being
            hauled again. What was changed by others is `damaged` while a repair makes room under its key.
        attempt: The attempt that wrote it, "" where it was imported; of what is `deleting` or `deleted`, the one that
            decided so.
        size: In bytes; None while the file still grows, and where an upload could not be ended: nothing was committed.
        sha256: In hex; None likewise.
        token: What the store calls the upload while it is open, for sweeping.
        version: What the store called the object when it was verified; as long as it does, its bytes are the same.
            Where a service makes an `intended` copy by itself: that of the original.
        stored_at: When it was stored, in UTC, by the metadata store's clock, which sets it.
        deleted_at: When it was deleted, likewise.
    """

    storage: str
    role: Role
    key: str
    state: Literal["intended", "stored", "deleting", "deleted", "damaged"]
    attempt: AttemptId
    size: int | None
    sha256: str | None
    token: str | None = None
    version: str | None = None
    stored_at: datetime | None = None
    deleted_at: datetime | None = None

    @property
    def imported(self) -> bool:
        """Whether it was there before haulage: no attempt wrote it, so it may have any key, and is never deleted."""
        return not self.attempt


@frozen
class Try:
    """How one attempt that failed ended.

    Attributes:
        attempt: Which one.
        stage: The step that failed: "expand", "fetch", "store:archive", ...
        failure: Why.
        counted: Whether it uses up one of the retry policy's tries.
        wait: How long the job rests after it; None where the job ended with it.
        ended: When, by the metadata store's clock, which sets it.
    """

    attempt: AttemptId
    stage: str
    failure: Failure
    counted: bool
    wait: timedelta | None
    ended: datetime | None = None


@frozen
class Job:
    """All that is known of one request, read and written as a whole by the one who holds it.

    Attributes:
        id: Its name.
        request: What was asked.
        site: What politeness treats as one with others.
        status: What people see.
        parent: The job of the list it was found in.
        subscription: The name of the subscription whose list gave it, or that it is the list of; "" for none.
        listed: Whether the list behind it, where it has one, was read to its end, and no reading has begun since.
        twin: The job that has the same video, where this one ended as a duplicate.
        video: What it turned out to be.
        facts: Measured from the main file.
        files: What was fetched; the local files are gone once nothing needs them.
        home: The workspace that holds the files.
        copies: What storages hold or are about to hold.
        tries: Attempts that failed, oldest first.
        attempts: Every attempt there was, oldest first, as the metadata store keeps them.
        asked_after: How many of them there were when it was last asked for: what failed before counts no more.
        stage: The step that is running, as of the last beat.
        done: How many bytes of it are done.
        total: How many bytes it will be, where that is known.
        added: When it was first asked for, by the metadata store's clock, which sets it.
    """

    id: JobId
    request: Request
    site: str
    status: Status = Status.PENDING
    parent: JobId | None = None
    subscription: str = ""
    listed: bool = False
    twin: JobId | None = None
    video: Video | None = None
    facts: MediaFacts | None = None
    files: tuple[MediaFile, ...] = ()
    home: str | None = None
    copies: tuple[Copy, ...] = ()
    tries: tuple[Try, ...] = ()
    attempts: tuple[AttemptId, ...] = ()
    asked_after: int = 0
    stage: str = ""
    done: int = 0
    total: int | None = None
    added: datetime | None = None


def size_text(count: float) -> str:
    """A number of bytes as people read it, in powers of 1000: "1.234 GB"."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.4g} {unit}"
        count /= 1000
    return f"{count:.4g} TB"
