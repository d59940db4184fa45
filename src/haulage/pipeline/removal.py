"""Delete what is stored of a job while it is held: the only room in which whole objects of ours go on purpose."""

from collections.abc import Callable
from datetime import timedelta

from attrs import evolve, frozen

from haulage.contracts.destinations import Destinations
from haulage.contracts.storage import StoredObject
from haulage.errors import AlreadyExists
from haulage.pipeline.attempt import Attempt
from haulage.pipeline.reading import read_digest
from haulage.pipeline.steps import let_go, status_of, with_copy
from haulage.pipeline.transfer import Place
from haulage.values import Copy, Job

_UNKNOWN = "the config does not name its storage any more"
IMPORTED = "it was imported, and haulage deletes only what it wrote; delete it there by hand if nobody needs it"
"""Why what was there before haulage stays."""

_MISSING = "it is not there, as haulage fsck can tell"


@frozen
class Removed:
    """What became of an object that was to be deleted.

    Attributes:
        copy: As it was recorded before.
        left: Why it was left where it is; empty where it is gone.
    """

    copy: Copy
    left: str = ""


@frozen
class _Found:
    """What lies under the key of a copy, and why it must stay; empty where it may go, or where nothing is there."""

    there: StoredObject | None
    left: str = ""
    missing: bool = False


@frozen
class Remover:
    """Deletes objects that are ours, and still are what was stored.

    Their rows say `deleting` before they go and `deleted` afterwards, so that a kill at any moment leaves no row that
    claims what is not there, and whoever takes up the job goes on.

    Attributes:
        place_of: A storage by its name; None where the config does not name it any more.
        store_to: The storages that shall hold the video of a job.
        lease: How long a job is held at a time.
        check: Makes sure that a storage is the one that the database knows; raises StorageError where it is not.
    """

    place_of: Callable[[str], Place | None]
    store_to: Destinations
    lease: timedelta
    check: Callable[[str], None]

    def remove(self, attempt: Attempt, storage: str) -> tuple[Removed, ...]:
        """Delete all files of the job in a storage, or none where one of them is not what was stored.

        One that is not there any more holds up nothing, unless none of them is: then the storage may be another one.
        Where nothing is left of the video with that, no storage that never had it is owed it any more.

        Raises:
            StorageError: The storage cannot be used; what was begun is recorded, and goes on with the job.
            AttemptLost: The job is held no more.
            Cancelled: On cancel.
        """
        copies = [copy for copy in attempt.job.copies if copy.storage == storage and copy.state == "stored"]
        if any(copy.imported for copy in copies):
            return tuple(Removed(copy, IMPORTED) for copy in copies)
        found = [self._look(copy, attempt) for copy in copies]
        if copies and all(each.missing for each in found):
            return tuple(Removed(copy, _MISSING) for copy in copies)
        for copy, each in zip(copies, found, strict=True):
            if each.there is not None and (name := self._other_name(copy, each.there, attempt.job)):
                return tuple(Removed(every, f"{name} is the same place by another name") for every in copies)
        if any(each.left for each in found):
            other = "another file of the video has to stay"
            return tuple(Removed(copy, each.left or other) for copy, each in zip(copies, found, strict=True))
        job = attempt.job
        for copy in job.copies:  # what was let go before stays let go, whichever copy goes now
            if copy.role == "video" and copy.storage in let_go(job, self.store_to(job)):
                job = with_copy(job, copy, evolve(copy, attempt=attempt.attempt))
        for copy in copies:
            job = with_copy(job, copy, evolve(copy, state="deleting", attempt=attempt.attempt))
        attempt.save(self._owed_nowhere(job, attempt))
        going = [copy for copy in job.copies if copy.storage == storage and copy.state == "deleting"]
        known = {copy.role: each for copy, each in zip(copies, found, strict=True)}
        return tuple(Removed(copy, self.finish(copy, attempt, known.get(copy.role))) for copy in going)

    def _other_name(self, copy: Copy, there: StoredObject, job: Job) -> str:
        """Another storage whose object, by its row, is this very one; empty where there is none."""
        place = self.place_of(copy.storage)
        for each in job.copies:
            other = self.place_of(each.storage) if each.storage != copy.storage and each.state == "stored" else None
            if place is None or other is None or each.key != copy.key:
                continue
            one_name = other.url(copy.key) == place.url(copy.key)
            same = one_name or not place.capabilities.keeps_info
            if same and is_one(there, other.reading(copy.key).stat(copy.key)):
                return each.storage
        return ""

    def _owed_nowhere(self, job: Job, attempt: Attempt) -> Job:
        """The job with a tombstone for each storage that would be owed a video of which nothing stays."""
        videos = {copy.storage: copy for copy in job.copies if copy.role == "video"}
        if not videos or any(copy.state == "stored" for copy in videos.values()):
            return job
        key = next(iter(videos.values())).key
        for storage in self.store_to(job):
            copy = videos.get(storage) or Copy(storage, "video", key, "deleted", attempt.attempt, 0, None)
            if copy.state == "deleted":
                job = with_copy(job, copy, evolve(copy, attempt=attempt.attempt))
        return job

    def finish(self, copy: Copy, attempt: Attempt, found: _Found | None = None) -> str:
        """Delete an object that shall go, and record it; why it was left, where it was: its row says `stored` again.

        Args:
            copy: The object.
            attempt: Holds its job.
            found: What was just found under its key. Without, nothing there means that it is gone only where something
                else is there: a deletion that was broken off may go on when a disk is not mounted.

        Raises:
            StorageError: The storage cannot be used; whether the object is gone is found out the next time.
            AttemptLost: The job is held no more.
            Cancelled: On cancel.
        """
        place = self.place_of(copy.storage)
        if found is None:
            found = self._look(copy, attempt)
            if found.missing:
                self.check(copy.storage)
        left, there = found.left, found.there
        if place is not None and there is not None and not left:
            attempt.prove()
            try:
                place.storage.delete(copy.key, only=there)
            except AlreadyExists as error:
                left = str(error)
        stays = evolve(copy, state="stored", attempt=(there and there.attempt) or copy.attempt)
        job = with_copy(attempt.job, copy, stays if left else evolve(copy, state="deleted"))
        attempt.save(evolve(job, status=status_of(job, self.store_to(job), at_work=False)))
        name = place.storage.url(copy.key) if place else copy.key
        told = {"storage": copy.storage, "key": copy.key, "size": copy.size}
        if left:
            attempt.log.warning("left %s where it is: %s", name, left, extra=told)
        else:
            attempt.log.info("deleted %s", name, extra=told)
            attempt.deleted(evolve(copy, state="deleted"), name)
        return left

    def changed(self, copy: Copy, attempt: Attempt) -> str:
        """Why an object is not what was stored, or not ours any more; empty where it is.

        Raises:
            StorageError: The storage cannot be used.
            AttemptLost: The job is held no more.
            Cancelled: On cancel.
        """
        return self._look(copy, attempt).left

    def _look(self, copy: Copy, attempt: Attempt) -> _Found:
        place = self.place_of(copy.storage)
        if place is None:
            return _Found(None, _UNKNOWN)
        there = place.reading(copy.key).stat(copy.key)
        if there is None:
            return _Found(None, missing=True)
        return _Found(there, self._changed(place, copy, there, attempt))

    def _changed(self, place: Place, copy: Copy, there: StoredObject, attempt: Attempt) -> str:
        """Why an object is not what was stored, or not ours; empty where it is."""
        tells = place.capabilities.keeps_info
        if there.size != copy.size:
            return f"it has {there.size:,} bytes, {copy.size or 0:,} were stored"
        # Once it shall go, its row does not say any more who wrote what was taken in from a record.
        known = copy.state == "deleting" and there.attempt is not None
        if tells and not known and not copy.imported and there.attempt not in (*attempt.job.attempts, copy.attempt):
            return "somebody else wrote it"
        if tells and there.version is not None and there.version == copy.version:
            return ""
        if read_digest(place.reading(copy.key), copy.key, attempt, self.lease) != copy.sha256:
            return "its bytes are not those that were stored"
        return ""


def is_one(one: StoredObject, other: StoredObject | None) -> bool:
    """Whether what two storages tell of are, by all that they tell, one object."""
    if other is None or one.version is None:
        return False
    return (one.size, one.version, one.attempt, one.modified) == (
        other.size,
        other.version,
        other.attempt,
        other.modified,
    )
