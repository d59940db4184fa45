"""What an audit tells."""

import enum

from attrs import frozen

from haulage.values import JobId


class Sort(enum.StrEnum):
    """What sort of trouble something is."""

    MISSING = "missing"
    WRONG_SIZE = "wrong size"
    WRONG_DIGEST = "wrong digest"
    UNREADABLE = "unreadable"
    ORPHAN = "orphan"
    STALE_UPLOAD = "stale upload"
    PARTIAL_FILE = "partial file"
    STUCK = "stuck"
    FOREIGN = "foreign"
    UNCHECKED = "unchecked"


MEANINGS = {
    Sort.MISSING: "the database has it, the storage does not",
    Sort.WRONG_SIZE: "an object is longer or shorter than what was stored",
    Sort.WRONG_DIGEST: "an object holds other bytes than what was stored",
    Sort.UNREADABLE: "an object cannot be read",
    Sort.ORPHAN: "the storage has it, the database does not",
    Sort.STALE_UPLOAD: "an upload that was begun and never ended",
    Sort.PARTIAL_FILE: "what a crash left beside the objects",
    Sort.STUCK: "a job that nobody would go on with",
    Sort.FOREIGN: "not ours, and never touched",
    Sort.UNCHECKED: "a storage that the config does not name",
}

_HARMLESS = (Sort.FOREIGN, Sort.UNCHECKED)


@frozen
class Trouble:
    """One thing that is not as it should be, or that is not ours.

    Attributes:
        sort: What sort of trouble it is.
        storage: Where; empty where it is about a job.
        name: What people call it: the URL of an object, or of a job.
        detail: What was found, on one line.
        repair: What a repair does about it; empty where it does nothing.
        cure: What a person can do where a repair cannot.
        job: Whose it is, where that is known.
        repaired: Whether it was mended.
        left: Why a repair left it alone.
    """

    sort: Sort
    storage: str
    name: str
    detail: str
    repair: str = ""
    cure: str = ""
    job: JobId | None = None
    repaired: bool = False
    left: str = ""

    @property
    def harmless(self) -> bool:
        """Whether it is told and nothing more: the archive is right."""
        return self.sort in _HARMLESS
