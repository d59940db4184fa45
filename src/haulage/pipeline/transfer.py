"""Store a copy, and find out whether it is there; the only room in which objects become visible."""

import hashlib
import io
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import BinaryIO

from attrs import evolve, frozen

from haulage.contracts.context import Context, Growing
from haulage.contracts.destinations import Destinations
from haulage.contracts.storage import (
    Capabilities,
    ObjectInfo,
    Storage,
    StoredObject,
    SupportsAnyKey,
    SupportsPendingUploads,
    SupportsServerCopy,
    Upload,
)
from haulage.errors import Failure, FetchError, Kind, StorageError
from haulage.keys import is_key, object_key
from haulage.pipeline.attempt import Attempt
from haulage.pipeline.behind import WriteBehind
from haulage.pipeline.reading import read_digest
from haulage.pipeline.steps import Store, status_of, with_copy
from haulage.secrets import one_line
from haulage.values import Copy, Job, Video

_BLOCK = 1 << 20


@frozen
class Place:
    """A storage, and what it claims of itself."""

    storage: Storage
    capabilities: Capabilities

    def reading(self, key: str) -> Storage:
        """The storage, to look at and to read what lies under a key; what was imported may have any name there."""
        if is_key(key) or not isinstance(self.storage, SupportsAnyKey):
            return self.storage
        return self.storage.for_any_key()

    def url(self, key: str) -> str:
        """What people call an object, as it may be shown on a terminal."""
        name = self.reading(key).url(key)
        return name if name.isprintable() else one_line(name)


@frozen
class Transfer:
    """Moves files into storages.

    Attributes:
        places: The storages of the config, by name.
        store_to: Those that shall hold the video of a job.
        layout: How objects are named.
    """

    places: Mapping[str, Place]
    store_to: Destinations
    layout: str

    def behind(self, attempt: Attempt) -> WriteBehind:
        """What sends the main file of an attempt to the primary storage while it is still being downloaded."""

        def begin(file: Growing, ctx: Context) -> Upload:
            key = object_key(self.layout, file.video, file.extension)
            copy = Copy(self.store_to(attempt.job)[0], "video", key, "intended", attempt.attempt, None, None)
            return self._begin(copy, file.video, file.media_type, attempt, ctx)[0]

        return WriteBehind(attempt, begin)

    def store(self, step: Store, attempt: Attempt, behind: WriteBehind | None = None) -> bool:
        """Write a file to a storage, or what of it is still to be written, and verify it.

        What another storage holds is copied by their service where it can, and otherwise read there and sent.

        Returns:
            Whether the service copied it.

        Raises:
            StorageError: It did not work; a stranger's object under the key is kind `conflict`.
        """
        job, file, storage = attempt.job, step.file, self.places[step.storage].storage
        assert job.video is not None
        attempt.step("store", step.storage, file.role)
        began = time.monotonic()
        key = object_key(self.layout, job.video, file.extension)
        copy, inside = Copy(step.storage, file.role, key, "intended", attempt.attempt, file.size, file.sha256), False
        growing = self._growing(job, Copy(step.storage, file.role, key, "intended", attempt.attempt, None, None))
        sent = behind.take(file) if growing and behind else None
        if growing and sent:
            with sent:
                copy = evolve(growing, size=file.size, sha256=file.sha256)
                attempt.save(self._with(job, copy))
                attempt.progress(file.size, file.size)  # it was sent before the step began
                self._publish(sent, copy, attempt)
        elif not (inside := self._copy_inside(step, copy, attempt)):
            upload, copy = self._begin(copy, job.video, file.media_type, attempt, attempt)
            with upload:
                self._send(step, key, upload, attempt)
                self._publish(upload, copy, attempt)
        attempt.log.info(
            "stored %s",
            storage.url(key),
            extra={
                "storage": step.storage,
                "key": key,
                "size": file.size,
                "duration": round(time.monotonic() - began, 3),
                "source": step.source,
                "inside": inside,
            },
        )
        return inside

    def _growing(self, job: Job, like: Copy) -> Copy | None:
        """What was begun of this copy while its file grew."""
        return next((each for each in job.copies if evolve(each, token=None) == like), None)

    def _begin(self, copy: Copy, video: Video, media_type: str, attempt: Attempt, ctx: Context) -> tuple[Upload, Copy]:
        """Begin an upload, its intent and then its name recorded; the upload is the caller's to end.

        Raises:
            StorageError: It did not work; a stranger's object under the key is kind `conflict`.
        """
        there = self._intend(copy, attempt)
        info = _info(copy, video, media_type)
        upload = self.places[copy.storage].storage.begin(copy.key, info, ctx, replaces=there, size=copy.size)
        if upload.token is not None:
            copy = evolve(copy, token=upload.token)
            try:
                attempt.save(self._with(attempt.job, copy))
            except BaseException:
                upload.abort()
                raise
        return upload, copy

    def _intend(self, copy: Copy, attempt: Attempt) -> StoredObject | None:
        """Record that a copy is about to be made; the version that it may replace.

        Raises:
            StorageError: It did not work; a stranger's object under the key is kind `conflict`.
        """
        storage = self.places[copy.storage].storage
        for each in attempt.job.copies:
            if each.size is None and (each.storage, each.role) == (copy.storage, copy.role):
                self._sweep(each, attempt)
        there = storage.stat(copy.key)
        if there is not None and there.attempt not in attempt.job.attempts:
            raise StorageError(
                Failure(
                    Kind.CONFLICT,
                    f"{storage.url(copy.key)} is there already, and haulage did not write it for this video",
                    cure="move it away, or choose another layout",
                )
            )
        attempt.save(self._with(attempt.job, copy))
        return there

    def _copy_inside(self, step: Store, copy: Copy, attempt: Attempt) -> bool:
        """Have a service copy a file of another of its storages, and verify it; False where nothing was tried.

        Only what still is the version that was verified when it was stored: anything else has to be read and hashed.

        Raises:
            StorageError: It did not work; a stranger's object under the key is kind `conflict`.
        """
        target, video = self.places[copy.storage].storage, attempt.job.video
        original = _original(step, attempt.job)
        if original is None or not isinstance(target, SupportsServerCopy) or not self._is_unchanged(original):
            return False
        assert video is not None
        copy = evolve(copy, version=original.version)
        there = self._intend(copy, attempt)
        attempt.prove()
        source, info = self.places[original.storage].reading(original.key), _info(copy, video, step.file.media_type)
        try:
            made = target.copy_here(source, original.key, copy.key, info, attempt, replaces=there)
        except StorageError:
            if not self.verify(copy, attempt):
                raise
            return True
        if made is None:
            return False
        if not self.verify(copy, attempt, committed=self._is_unchanged(original)):
            raise self._not_whole(copy)
        return True

    def _is_unchanged(self, copy: Copy) -> bool:
        """Whether a copy still is the version that was verified when it was stored, as far as a storage can tell."""
        place = self.places[copy.storage]
        knows = place.capabilities.keeps_info and copy.version is not None
        there = place.reading(copy.key).stat(copy.key) if knows else None
        return there is not None and (there.version, there.size) == (copy.version, copy.size)

    def _send(self, step: Store, key: str, upload: Upload, attempt: Attempt) -> None:
        digest, done = hashlib.sha256(), 0
        try:
            with self._source(step, key, attempt) as source:
                while block := source.read(_BLOCK):
                    upload.write(block)
                    digest.update(block)
                    done += len(block)
                    attempt.progress(done, step.file.size)
        except OSError as error:  # a storage raises its own kind: this is the workspace
            raise StorageError(Failure(Kind.STORAGE, f"cannot read {step.file.path}: {error.strerror}")) from error
        if digest.hexdigest() != step.file.sha256:
            if step.source is None:
                raise FetchError(Failure(Kind.INVALID, f"{step.file.path} has changed since it was fetched"))
            raise StorageError(Failure(Kind.STORAGE, f"{step.source}: what was read is not what was fetched"))

    def _source(self, step: Store, key: str, attempt: Attempt) -> AbstractContextManager[BinaryIO]:
        if step.content is not None:
            return io.BytesIO(step.content)
        if step.source is not None:
            original = _original(step, attempt.job)  # another layout may have named it
            key = original.key if original else key
            return self.places[step.source].reading(key).read(key, attempt)
        return step.file.path.open("rb")

    def _publish(self, upload: Upload, copy: Copy, attempt: Attempt) -> None:
        attempt.prove()
        assert copy.size is not None
        assert copy.sha256 is not None
        try:
            upload.commit(size=copy.size, sha256=copy.sha256)
        except StorageError:
            # It may have become visible all the same, its answer lost.
            if not self.verify(copy, attempt):
                raise
        else:
            if not self.verify(copy, attempt, committed=True):
                raise self._not_whole(copy)

    def _not_whole(self, copy: Copy) -> StorageError:
        name = self.places[copy.storage].storage.url(copy.key)
        return StorageError(Failure(Kind.STORAGE, f"{name} is not there, or not whole, after it was written"))

    def verify(self, copy: Copy, attempt: Attempt, *, committed: bool = False) -> bool:
        """Find out whether a copy is there, whole and ours, and record it; if it is not, its intent is dropped.

        What this attempt wrote and what is not whole is deleted. The intent of an upload that cannot be ended now
        stays, without a size: nothing was committed, and the next attempt or a repair ends it.

        Args:
            copy: The copy that was about to be written.
            attempt: The attempt.
            committed: The storage just said that this very attempt published it, from the right bytes.
        """
        attempt.step("verify", copy.storage, copy.role)
        place = self.places.get(copy.storage)
        found = place.storage.stat(copy.key) if place else None  # None too where the config does not name it any more
        good = place is not None and found is not None and self._agrees(place, copy, found, attempt, committed)
        stored: tuple[Copy, ...] = ()
        left: tuple[Copy, ...] = ()
        if not good:
            if not self._sweep(copy, attempt) and copy.token is not None:
                left = (evolve(copy, size=None, sha256=None),)
            if place is not None and found is not None and _is_own(copy, found, committed):
                self._discard(place.storage, found, attempt)
        if good and found is not None:
            writer = found.attempt or copy.attempt
            stored = (evolve(copy, state="stored", attempt=writer, token=None, version=found.version),)
        attempt.save(self._with(attempt.job, copy, instead=stored or left))
        for each in stored:
            attempt.stored(each, self.places[each.storage].storage.url(each.key))
        return good

    def _discard(self, storage: Storage, found: StoredObject, attempt: Attempt) -> None:
        """Delete what is not whole. Where that may not be, it stays until it is replaced."""
        attempt.prove()
        try:
            storage.delete(found.key, only=found)
        except StorageError as error:
            attempt.log.warning("cannot delete %s, which is not whole: %s", storage.url(found.key), error)

    def _sweep(self, copy: Copy, attempt: Attempt) -> bool:
        """End what is left of an upload whose worker died before it could; no job shall fail for it.

        Returns:
            False where it may still be open.
        """
        storage = self.places[copy.storage].storage if copy.storage in self.places else None
        if not isinstance(storage, SupportsPendingUploads):
            return True
        try:
            for pending in storage.pending(copy.key.rpartition("/")[0]):
                if pending.key == copy.key and copy.token in (None, pending.token):
                    attempt.cancel.raise_if_cancelled()  # after its lease it may be the successor's
                    storage.abort_pending(pending)
                    attempt.log.info("ended an upload of %s that was left open", storage.url(copy.key))
        except StorageError as error:
            attempt.log.warning("cannot end an upload of %s that was left open: %s", copy.key, error)
            return False
        return True

    def _agrees(self, place: Place, copy: Copy, found: StoredObject, attempt: Attempt, committed: bool) -> bool:
        going = copy.state == "deleting"  # its row tells who let it go, and not who wrote it
        if found.size != copy.size or (not going and found.attempt not in (None, copy.attempt)):
            return False
        # What a service copied by itself no upload has proven: `committed` says that its original was the right one.
        ours = committed or (found.attempt == copy.attempt and copy.version is None)
        if ours and place.capabilities.checks_content:
            return True
        return read_digest(place.storage, copy.key, attempt) == copy.sha256

    def _with(self, job: Job, copy: Copy, *, instead: tuple[Copy, ...] | None = None) -> Job:
        """The job with a copy, or what there is instead of it, in place of what was known of that file there."""
        job = with_copy(job, copy, *((copy,) if instead is None else instead))
        return evolve(job, status=status_of(job, self.store_to(job)))


def _info(copy: Copy, video: Video, media_type: str) -> ObjectInfo:
    identity = f"{video.source} {video.id} {video.variant}".strip()
    return ObjectInfo(media_type, copy.attempt, identity, copy.sha256)


def _is_own(copy: Copy, found: StoredObject, committed: bool) -> bool:
    """Whether what was found is what an attempt wrote that was about to make a copy."""
    return copy.state == "intended" and (found.attempt == copy.attempt or (committed and found.attempt is None))


def _original(step: Store, job: Job) -> Copy | None:
    """The copy that a step reads."""
    same = (each for each in job.copies if (each.storage, each.role) == (step.source, step.file.role))
    return next((each for each in same if each.state == "stored"), None)
