"""What uploads leave behind when their process dies: parts in a store that bills them, files beside the objects."""

import functools
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from attrs import evolve, frozen

from haulage.contracts.storage import PendingUpload, Storage, SupportsPartialFiles, SupportsPendingUploads
from haulage.operations.fsck.archive import Archive
from haulage.operations.fsck.inventory import Inventory
from haulage.operations.fsck.mend import BUSY
from haulage.operations.fsck.troubles import Sort, Trouble
from haulage.pipeline.readiness import CHECK
from haulage.values import AttemptId, JobId

_LONGEST_CHECK = timedelta(hours=1)
"""What was begun before a run, to see whether it may write, nobody is at any more after this time."""


@frozen
class _Remain:
    """Something that an upload left behind.

    Attributes:
        trouble: What is told of it.
        job: Whose it is; None where no row says so.
        live: Whether the attempt that owns it may still be at work.
        end: Removes it.
        check: Whether it was begun for no job, to see whether haulage may write.
    """

    trouble: Trouble
    job: JobId | None
    live: Callable[[], bool]
    end: Callable[[], None]
    check: bool = False


@frozen
class Remains:
    """Looks for them, and ends those whose job nobody works on.

    Attributes:
        archive: The database and the storages.
        inventory: Whose they are.
        repair: Whether they are ended.
    """

    archive: Archive
    inventory: Inventory
    repair: bool

    def troubles(self) -> Iterator[Trouble]:
        """Tell them all. What a job goes on with is none of them."""
        for name, place in self.archive.places.items():
            for remain in self._of(name, place.storage):
                if remain.job is None and not remain.check:
                    yield evolve(remain.trouble, sort=Sort.FOREIGN, repair="")
                elif not remain.live():
                    yield self._ended(remain) if self.repair else remain.trouble

    def _ended(self, remain: _Remain) -> Trouble:
        if remain.job is None:
            remain.end()
            return evolve(remain.trouble, repaired=True)
        # Nobody else works on it now, and who sleeps can save nothing.
        with self.archive.holder.holding(remain.job) as held:
            if held is None:
                return evolve(remain.trouble, left=BUSY)
            remain.end()
        return evolve(remain.trouble, repaired=True)

    def _of(self, name: str, storage: Storage) -> Iterator[_Remain]:
        if isinstance(storage, SupportsPendingUploads):
            yield from self._uploads(name, storage)
        if isinstance(storage, SupportsPartialFiles):
            yield from self._files(name, storage)

    def _uploads(self, name: str, storage: SupportsPendingUploads) -> Iterator[_Remain]:
        for each in list(storage.pending("")):
            job = self.inventory.owner(name, each.key)
            check = job is None and CHECK.fullmatch(each.key) is not None
            trouble = Trouble(
                Sort.STALE_UPLOAD,
                name,
                self.archive.name(name, each.key),
                f"an upload was begun at {each.began.isoformat(' ', 'seconds')} and never ended",
                "it is ended",
                job=job,
            )
            # The next attempt of a job ends it.
            yield _Remain(
                trouble,
                job,
                functools.partial(_is_young, each) if check else functools.partial(self._waits, job),
                functools.partial(storage.abort_pending, each),
                check,
            )

    def _files(self, name: str, storage: SupportsPartialFiles) -> Iterator[_Remain]:
        for each in list(storage.partial_files()):
            job = self.inventory.writer(each.attempt)
            trouble = Trouble(
                Sort.PARTIAL_FILE,
                name,
                self.archive.name(name, each.path),
                f"{each.size:,} bytes of an attempt that never published them",
                "it is removed",
                job=job,
            )
            live = functools.partial(self._waits, job, each.attempt)
            yield _Remain(trouble, job, live, functools.partial(storage.remove_partial_file, each))

    def _waits(self, job: JobId | None, attempt: AttemptId | None = None) -> bool:
        """Whether somebody may go on with a job, and, where one is named, this attempt is its last."""
        record = self.archive.holder.job(job) if job else None
        if record is None or not self.archive.holder.waits(record.id):
            return False
        return attempt in (None, record.attempts[-1] if record.attempts else None)


def _is_young(upload: PendingUpload) -> bool:
    return datetime.now(UTC) - upload.began < _LONGEST_CHECK
