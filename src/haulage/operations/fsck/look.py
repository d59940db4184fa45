"""Examine one job: is everything that its rows tell of where they say, and as it was stored?"""

from collections.abc import Iterator, Mapping

from attrs import frozen

from haulage.contracts.context import Context
from haulage.contracts.storage import StoredObject
from haulage.errors import StorageError
from haulage.operations.fsck.archive import Archive
from haulage.operations.fsck.judge import (
    Fault,
    Owner,
    Remedy,
    fault_of,
    faults_of_job,
    lacking,
    owner_of,
    to_be_read,
)
from haulage.operations.fsck.troubles import Sort
from haulage.values import Copy, Job, JobId

Listed = Mapping[tuple[str, str], StoredObject]
"""What storages list, by storage and key."""


@frozen
class Examined:
    """What an examination of a job found.

    Attributes:
        job: The record that was examined.
        faults: What is wrong.
    """

    job: Job
    faults: tuple[Fault, ...]


@frozen
class Look:
    """Examines jobs; safe to use from many threads.

    Attributes:
        archive: The database and the storages.
        deep: Whether every object is read back.
        doubted: The storages that list nothing of ours. One that is not mounted looks like that, or one under another
            prefix, so nothing is hauled again for what is missing there.
    """

    archive: Archive
    deep: bool
    doubted: frozenset[str] = frozenset()

    def at(self, job: Job, listed: Listed, *, waits: bool) -> Examined:
        """Examine a job, once more where something seems wrong: a worker may have gone on with it meanwhile."""
        first = Examined(job, tuple(self.faults(job, self.archive.call, listed, waits=waits)))
        if not first.faults:
            return first
        return self.again(job.id) or Examined(job, ())

    def again(self, job: JobId) -> Examined | None:
        """Examine a job as it is now; None where there is none."""
        waits = job in self.archive.holder.waits(job)
        now = self.archive.holder.job(job)
        return Examined(now, tuple(self.faults(now, self.archive.call, None, waits=waits))) if now else None

    def faults(self, job: Job, ctx: Context, listed: Listed | None, *, waits: bool) -> Iterator[Fault]:
        """Say what is wrong with a job.

        Args:
            job: The record.
            ctx: Of what is read.
            listed: What storages listed; what seems wrong there, or is missing, is looked at itself. None where all
                shall be looked at itself.
            waits: Whether it is due some time, or held.

        Raises:
            StorageError: A storage cannot be used.
        """
        yield from faults_of_job(job, self.archive.store_to(job)[1:], waits=waits)
        for copy in job.copies:
            if copy.state == "stored" and copy.storage in self.archive.places:
                fault = self._fault(job, copy, ctx, (listed or {}).get((copy.storage, copy.key)))
                if fault is not None:
                    yield fault
        here = [each for each in self.archive.store_to(job) if each in self.archive.places]
        for copy in lacking(job, here, self.archive.layout):
            if (listed is None or (copy.storage, copy.key) in listed) and self._may_be(job, copy):
                yield Fault(Sort.ORPHAN, "no row names it, and it may be what was fetched", Remedy.RECORD, copy)

    def _fault(self, job: Job, copy: Copy, ctx: Context, there: StoredObject | None) -> Fault | None:
        keeps_info = self.archive.places[copy.storage].capabilities.keeps_info
        if there is None or there.size != copy.size or (keeps_info and there.attempt is None):
            there = self.archive.stat(copy.storage, copy.key)  # lists may be old, and not all of them tell who wrote it
        if there is None and copy.storage in self.doubted:
            return Fault(Sort.MISSING, "it is not there, and nothing else of ours is", Remedy.NONE, copy)
        if there is None:
            return fault_of(copy, None, None, Owner.UNKNOWN)
        owner = owner_of(there, job, copy, keeps_info=keeps_info)
        digest = None
        if to_be_read(copy, there, keeps_info=keeps_info, deep=self.deep):
            try:
                digest = self.archive.digest(copy.storage, copy.key, ctx)
            except StorageError as error:
                return Fault(Sort.UNREADABLE, str(error), Remedy.NONE, copy)
        return fault_of(copy, there, digest, owner)

    def _may_be(self, job: Job, copy: Copy) -> bool:
        there = self.archive.stat(copy.storage, copy.key)
        keeps_info = self.archive.places[copy.storage].capabilities.keeps_info
        if there is None or there.size != copy.size:
            return False
        return owner_of(there, job, copy, keeps_info=keeps_info) is not Owner.STRANGER
