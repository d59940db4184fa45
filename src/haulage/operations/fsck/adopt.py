"""Take in videos that a database does not know, by the record beside each of them.

A record may be anybody's work. What it says of sizes and digests is compared with what is there, the names of objects
are made from the record's own key, and everything in it is checked before it is used.
"""

import hashlib
import re

from attrs import evolve, frozen

from haulage.contracts.metadata import Again, Done, NewJob, Query
from haulage.contracts.storage import StoredObject
from haulage.errors import AttemptLost, ConfigError, Duplicate, HaulageError, StorageError
from haulage.keys import check_key, sibling_key
from haulage.operations.fsck.archive import Archive
from haulage.operations.fsck.mend import BUSY
from haulage.pipeline.record import LARGEST, ROLE, Told, read_record
from haulage.pipeline.steps import status_of, with_copy
from haulage.secrets import public_url
from haulage.urls import check_url
from haulage.values import AttemptId, Copy, JobId, MediaFile, Request, Status

_ATTEMPT = re.compile(r"[0-9a-f]{32}")


@frozen
class Adoption:
    """A video that can be taken in.

    Attributes:
        told: What its record tells; of the files those that are there.
        copies: The objects that are what the record says, in all storages.
        claimed: The objects that belong to it, by storage and key, whatever is wrong with them.
    """

    told: Told
    copies: tuple[Copy, ...]
    claimed: tuple[tuple[str, str], ...]

    @property
    def request(self) -> Request:
        """What its job asks for."""
        return Request(self.told.video.url, self.told.video.variant)

    @property
    def job(self) -> JobId:
        """The name of its job."""
        return self.request.id


class Adopter:
    """Reads records, and makes rows of them.

    Args:
        archive: The database and the storages.
        deep: Whether every object is read back; otherwise its size, and a digest that the store tells, must do.
    """

    def __init__(self, archive: Archive, *, deep: bool) -> None:
        self._archive, self._deep = archive, deep

    def read(self, storage: str, there: StoredObject) -> Adoption | str:
        """Read what may be a record, and look at the objects that it names; why it is none, where it is none."""
        if there.size > LARGEST:
            return "it is too large for a record"
        try:
            check_key(there.key)
            told = read_record(self._content(storage, there.key))
            check_url(told.video.url)
        except ConfigError:
            return "the URL in it cannot be hauled"
        except ValueError as error:
            return str(error)
        except OSError:
            return "it cannot be read"
        except HaulageError as error:
            return error.failure.message
        if public_url(told.video.url) != told.video.url:
            return "the URL in it gives access to something"
        if len(there.key) + max(len(each.extension) for each in told.files) > 1000:
            return "its key is too long"
        return self._found(told, there.key)

    def _content(self, storage: str, key: str) -> bytes:
        with self._archive.places[storage].storage.read(key, self._archive.call) as source:
            return source.read(LARGEST + 1)

    def _found(self, told: Told, key: str) -> Adoption | str:
        video = told.video
        for known in self._archive.store.find(Query(video_id=video.id)):
            if known.video and (known.video.source, known.request.variant) == (video.source, video.variant):
                return f"its video has a job already, {known.id}"
        copies: list[Copy] = []
        claimed: list[tuple[str, str]] = []
        for storage in self._archive.places:
            for file in told.files:
                name = sibling_key(key, file.extension)
                claimed.append((storage, name))
                copies += self._copy(storage, name, file)
            record = self._record(storage, key, told)
            if record is not None:
                copies.append(record)
                claimed.append((storage, key))
        there = {copy.role for copy in copies}
        if "video" not in there:
            return "the video that it names is not there, or is something else"
        files = tuple(each for each in told.files if each.role in there)
        return Adoption(evolve(told, files=files), tuple(copies), tuple(claimed))

    def _copy(self, storage: str, key: str, file: MediaFile) -> list[Copy]:
        there = self._archive.stat(storage, key)
        if there is None or there.size != file.size or there.sha256 not in (None, file.sha256):
            return []
        if self._deep:
            try:
                if self._archive.digest(storage, key, self._archive.call) != file.sha256:
                    return []
            except StorageError:
                return []
        return [Copy(storage, file.role, key, "stored", _writer(there), file.size, file.sha256)]

    def _record(self, storage: str, key: str, told: Told) -> Copy | None:
        """The record in one of the storages, where it is the same there."""
        there = self._archive.stat(storage, key)
        if there is None or there.size > LARGEST:
            return None
        try:
            content = self._content(storage, key)
            same = read_record(content) == told
        except (ValueError, OSError, StorageError):
            return None
        digest = hashlib.sha256(content).hexdigest()
        return Copy(storage, ROLE, key, "stored", _writer(there), len(content), digest) if same else None

    def adopt(self, found: Adoption) -> str:
        """Make the rows of a video; why not, where that could not be.

        Broken off in between, its job waits without a copy, and the next adoption goes on with it.
        """
        store, told = self._archive.store, found.told
        store.add([NewJob(found.request, self._archive.site_of(told.video.url), told.video)])
        with self._archive.holder.holding(found.job) as held:
            if held is None:
                return BUSY
            job = held.job
            if job.copies or job.files:
                return f"its URL has a job already, {job.id}"
            job = evolve(job, video=told.video, facts=told.facts, files=told.files)
            for copy in found.copies:
                job = with_copy(job, copy, evolve(copy, attempt=copy.attempt or held.attempt.attempt))
            job = evolve(job, status=status_of(job, self._archive.store_to(job), at_work=False))
            whole = job.status is Status.DOWNLOADED
            try:
                held.settle(job, Done() if whole else Again())  # otherwise the primary storage gets its copy
            except Duplicate as twin:
                held.settle(evolve(held.job, status=Status.DUPLICATE, twin=JobId(twin.other)), Done())
                return f"its video has a job already, {twin.other}"
            except AttemptLost:
                return BUSY
            return ""


def _writer(there: StoredObject) -> AttemptId:
    """The attempt that the store tells, if it looks like one."""
    told = there.attempt or ""
    return AttemptId(told if _ATTEMPT.fullmatch(told) else "")
