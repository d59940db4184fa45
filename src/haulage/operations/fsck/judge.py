"""What is wrong with a copy and what may be done about it: pure functions, so that their laws can be tested.

Two laws stand above all: what nothing proves to be ours is left where it is, and no bytes are deleted that are not kept
elsewhere, unless the store says that an attempt at this very video wrote them and the video is stored.
"""

import enum
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta

from attrs import evolve, frozen

from haulage.contracts.metadata import Again, Done
from haulage.contracts.storage import StoredObject
from haulage.contracts.totals import failed_mirror, owed
from haulage.keys import object_key
from haulage.operations.fsck.troubles import Sort
from haulage.pipeline.record import ROLE, record
from haulage.pipeline.run import ENDED
from haulage.pipeline.steps import Store, next_step, status_of
from haulage.values import AttemptId, Copy, Job, Status


class Remedy(enum.Enum):
    """What a repair does about a fault."""

    NONE = ""
    HAUL = "the job is due again, and the copy is made from another storage or hauled again"
    REPLACE = "the job is due again, and replaces the object by a whole one"
    SET_ASIDE = "the object is kept under another name, and the copy is made again"
    RECORD = "it is read, and recorded if it is what was fetched"
    GO_ON = "the job is due again"


class Owner(enum.Enum):
    """Whose an object is, as far as can be told."""

    OURS = enum.auto()
    """The store says that an attempt at this very video wrote it."""
    UNKNOWN = enum.auto()
    """It lies where ours belongs, and the store cannot tell who wrote it."""
    STRANGER = enum.auto()
    """The store tells who writes, and it was none of ours."""


@frozen
class Fault:
    """One thing that is wrong with a job.

    Attributes:
        sort: What sort of trouble it is.
        detail: What was found.
        remedy: What to do.
        copy: Which copy it is about; None where it is the job itself.
    """

    sort: Sort
    detail: str
    remedy: Remedy
    copy: Copy | None = None


def owner_of(there: StoredObject, job: Job, copy: Copy, *, keeps_info: bool) -> Owner:
    """Tell whose an object is that lies under the key of a copy."""
    if not keeps_info:
        return Owner.UNKNOWN
    if there.attempt is not None and there.attempt in job.attempts:
        return Owner.OURS
    # A row that was made from a record names an attempt that no database knows any more.
    return Owner.UNKNOWN if there.attempt is not None and there.attempt == copy.attempt else Owner.STRANGER


def to_be_read(copy: Copy, there: StoredObject, *, keeps_info: bool, deep: bool) -> bool:
    """Whether only the bytes can tell if an object is what was stored."""
    if there.size != copy.size:
        return False  # it is not
    other = copy.version is not None and there.version != copy.version
    another = not copy.imported and there.attempt != copy.attempt  # what was imported has any writer, or none
    doubtful = other or another or there.sha256 not in (None, copy.sha256)
    return deep or (keeps_info and doubtful)


def fault_of(copy: Copy, there: StoredObject | None, digest: str | None, owner: Owner) -> Fault | None:
    """Say what is wrong with a stored copy; None where it is good.

    Args:
        copy: As it was recorded.
        there: What is under its key.
        digest: Of what was read there; None where that was not necessary.
        owner: Whose it is.
    """
    if there is None:
        return Fault(Sort.MISSING, "it is not there", Remedy.HAUL, copy)
    if there.size != copy.size:
        sort, detail = Sort.WRONG_SIZE, f"it has {there.size:,} bytes, {copy.size or 0:,} were stored"
    elif digest is not None and digest != copy.sha256:
        sort, detail = Sort.WRONG_DIGEST, "its bytes are not those that were stored"
    else:
        return None
    if copy.imported:  # it stays what and where it is: a copy of ours has a key of its own
        return Fault(sort, f"{detail}; it was imported", Remedy.HAUL, copy)
    if owner is Owner.STRANGER:
        return Fault(sort, f"{detail}; somebody else wrote it", Remedy.NONE, copy)
    return Fault(sort, detail, Remedy.REPLACE if owner is Owner.OURS else Remedy.SET_ASIDE, copy)


def faults_of_job(job: Job, mirrors: Sequence[str], *, waits: bool) -> Iterator[Fault]:
    """Say what keeps a job from ever going on.

    A mirror that was named later is owed older videos too; that is no fault.

    Args:
        job: The record.
        mirrors: The storages that shall hold the video beside the first one.
        waits: Whether the store says that it is due some time, or held.
    """
    if waits:
        return
    if job.status not in ENDED:
        yield Fault(Sort.STUCK, f"it is {job.status.value}, and never due", Remedy.GO_ON)
    if mirror := failed_mirror(job, mirrors):
        said = f"{', '.join(owed(job, mirror))} is owed to {mirror}, which was given up"
        yield Fault(Sort.STUCK, said, Remedy.GO_ON)
    for copy in job.copies:
        if copy.state == "intended" and copy.size is not None:
            yield Fault(Sort.STUCK, "whether it was stored was never found out", Remedy.GO_ON, copy)
        elif copy.state == "damaged":
            yield Fault(Sort.STUCK, "a repair of it was broken off", Remedy.SET_ASIDE, copy)
        elif copy.state == "deleting":
            yield Fault(Sort.STUCK, "it was to be deleted, and that was broken off", Remedy.GO_ON, copy)


def lacking(job: Job, storages: Iterable[str], layout: str) -> Iterator[Copy]:
    """The copies that a job's rows say nothing of, as they would be if they were there: stored by who is not known."""
    if job.video is None or not job.files or job.facts is None:
        return
    known = {(copy.storage, copy.role) for copy in job.copies}
    for storage in storages:
        own = [] if (storage, ROLE) in known else [record(job)[0]]
        for file in (*job.files, *own):
            if (storage, file.role) not in known:
                key = object_key(layout, job.video, file.extension)
                yield Copy(storage, file.role, key, "stored", AttemptId(""), file.size, file.sha256)


def superfluous(job: Job, storage: str, there: StoredObject) -> bool:
    """Whether an object that no row names is surely not needed.

    The job wrote it, and has the video there under another key, or had it there and it was deleted on purpose.
    """
    here = [copy for copy in job.copies if copy.storage == storage]
    names = any(copy.key == there.key and copy.state != "deleted" for copy in here)
    has = any(copy.role == "video" and copy.state in ("stored", "deleted") for copy in here)
    return has and not names and there.attempt is not None and there.attempt in job.attempts


def at_rest(job: Job, store_to: tuple[str, ...], due: timedelta | None) -> tuple[Job, Again | Done]:
    """The job as it is put down after a repair, and whether it is due.

    Args:
        job: The record.
        store_to: The storages that shall hold it.
        due: After how long something of it has to be made, or it was due anyway; None where nothing is downloaded.
    """
    status = status_of(job, store_to, at_work=False)
    if due is None and status is Status.DOWNLOADED and isinstance(next_step(job, store_to, files_here=False), Store):
        due = timedelta(0)
    if due is not None:
        return evolve(job, status=status), Again(due)
    ended = status is Status.DOWNLOADED or job.status not in ENDED
    return (evolve(job, status=status) if ended else job), Done()
