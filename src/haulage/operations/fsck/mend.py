"""Repair one job, while it is held: what is wrong is found again under the hold, and only that is mended."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta

from attrs import evolve

from haulage.contracts.storage import ObjectInfo, StoredObject
from haulage.errors import AlreadyExists, AttemptLost, Failure, Kind
from haulage.operations.fsck.archive import Archive
from haulage.operations.fsck.judge import Fault, Remedy, at_rest
from haulage.operations.fsck.look import Look
from haulage.operations.holding import Held
from haulage.pipeline.attempt import Attempt
from haulage.pipeline.steps import with_copy
from haulage.values import Copy, Job, JobId

BUSY = "a worker has the job just now"
_BLOCK = 1 << 20

Needless = Callable[[Job, str, StoredObject], bool]
"""Whether an object in a storage is not needed by a job that wrote it."""

Mended = tuple[Fault, str]
"""A fault, and why it was left alone; empty where it was mended."""


class Mender:
    """Repairs jobs.

    A row lets go of an object before anything happens to the object, so that a kill at any moment leaves no row that
    claims what is not there; and what is not proven to be ours is kept under another name before it makes room.

    Args:
        look: Finds what is wrong.
    """

    def __init__(self, look: Look) -> None:
        self._look = look
        self._archive: Archive = look.archive

    def mend(self, job: JobId) -> list[Mended] | None:
        """Mend what is wrong with a job; None where a worker has it just now.

        Raises:
            StorageError: A storage cannot be used; what was mended is recorded.
        """
        try:
            with self._archive.holder.holding(job) as held:
                return None if held is None else list(self._mend(held))
        except AttemptLost:
            return None

    def _mend(self, held: Held) -> Iterator[Mended]:
        attempt, due = held.attempt, held.rest
        for fault in list(self._look.faults(attempt.job, attempt, None, waits=due is not None)):
            left = ""
            if fault.remedy is Remedy.NONE:
                left = "a repair could do harm"
            elif fault.remedy is Remedy.RECORD:
                left = self._record(attempt, fault)
            else:
                due = timedelta(0)
                if fault.remedy is not Remedy.GO_ON:
                    left = self._make_room(attempt, fault)
            yield fault, left
        held.settle(*at_rest(attempt.job, self._archive.store_to(attempt.job), due))

    def _record(self, attempt: Attempt, fault: Fault) -> str:
        """Record an object that is what was fetched; why not, where it is not."""
        copy = fault.copy
        assert copy is not None
        there = self._archive.stat(copy.storage, copy.key)
        if there is None or self._archive.digest(copy.storage, copy.key, attempt) != copy.sha256:
            return "it is not what was fetched"
        attempt.save(with_copy(attempt.job, copy, evolve(copy, attempt=there.attempt or attempt.attempt)))
        return ""

    def _make_room(self, attempt: Attempt, fault: Fault) -> str:
        """Let the row of a copy go, and set aside what lies under its key where it must; why not, where it did not."""
        copy = fault.copy
        assert copy is not None
        there = self._archive.stat(copy.storage, copy.key)
        if fault.remedy is Remedy.SET_ASIDE and there is not None:
            digest = self._archive.digest(copy.storage, copy.key, attempt)
            if (there.size, digest) == (copy.size, copy.sha256):
                attempt.save(with_copy(attempt.job, copy, evolve(copy, state="stored")))
                return ""
            try:
                self._set_aside(attempt, copy, there, digest)
            except AlreadyExists as error:
                return str(error)
        job = with_copy(attempt.job, copy)
        if not any(each.role == "video" and each.state == "stored" for each in job.copies):
            # What was let go elsewhere was let go for the sake of this one, which nobody wanted gone.
            job = evolve(job, copies=tuple(each for each in job.copies if each.state != "deleted"))
        attempt.save(job)
        return ""

    def _set_aside(self, attempt: Attempt, copy: Copy, there: StoredObject, digest: str) -> None:
        """Keep an object under another name, and delete it under its own.

        Raises:
            AlreadyExists: It, or what has that name, was changed meanwhile; nothing was deleted.
        """
        storage = self._archive.places[copy.storage].storage
        aside = aside_key(copy.key, digest)
        if storage.stat(aside) is None:
            info = ObjectInfo("application/octet-stream", attempt.attempt, identity(attempt.job), digest)
            with storage.begin(aside, info, attempt, size=there.size) as upload:
                with storage.read(copy.key, attempt) as source:
                    while block := source.read(_BLOCK):
                        upload.write(block)
                attempt.prove()
                upload.commit(size=there.size, sha256=digest)
        if self._archive.digest(copy.storage, aside, attempt) != digest:
            said = f"{storage.url(aside)} is not what was to be kept"
            raise AlreadyExists(Failure(Kind.CONFLICT, said, cure="move it away"))
        attempt.save(with_copy(attempt.job, copy, evolve(copy, state="damaged")))
        storage.delete(copy.key, only=there)

    def delete(self, job: JobId, storage: str, there: StoredObject, needless: Needless) -> str:
        """Delete an object that nobody needs; why not, where that is not so any more."""
        try:
            with self._archive.holder.holding(job) as held:
                return BUSY if held is None else self._delete(held, storage, there, needless)
        except AttemptLost:
            return BUSY

    def _delete(self, held: Held, storage: str, there: StoredObject, needless: Needless) -> str:
        now = self._archive.stat(storage, there.key)
        if now is None:
            return ""
        if not needless(held.job, storage, now):
            return "its job has changed"
        try:
            self._archive.places[storage].storage.delete(there.key, only=now)
        except AlreadyExists as error:
            return str(error)
        return ""


def aside_key(key: str, digest: str) -> str:
    """The name under which a damaged object is kept: the same for the same bytes, so that none is kept twice."""
    return f"{key}.damaged-{digest[:8]}"


def is_aside(key: str) -> bool:
    """Whether that is the name of a damaged object that was kept."""
    return re.search(r"\.damaged-[0-9a-f]{8}$", key) is not None


def identity(job: Job) -> str:
    """The identity of a job's video, as it is kept with objects."""
    video = job.video
    return f"{video.source} {video.id} {video.variant}".strip() if video else ""
