"""Store a copy, and find out whether it is there; the only room in which objects become visible."""

import hashlib
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import BinaryIO

from attrs import evolve, frozen

from haulage.contracts.storage import Capabilities, ObjectInfo, Storage, StoredObject, Upload
from haulage.errors import Failure, Kind, StorageError
from haulage.keys import object_key
from haulage.pipeline.attempt import Attempt
from haulage.pipeline.steps import Store, status_of
from haulage.values import Copy, Job

_BLOCK = 1 << 20


@frozen
class Place:
    """A storage, and what it claims of itself."""

    storage: Storage
    capabilities: Capabilities


@frozen
class Transfer:
    """Moves files into storages.

    Attributes:
        places: The storages, by name.
        store_to: Those that shall hold a video; the first is the primary one.
        layout: How objects are named.
    """

    places: Mapping[str, Place]
    store_to: tuple[str, ...]
    layout: str

    def store(self, step: Store, attempt: Attempt) -> None:
        """Write a file to a storage, and verify it.

        Raises:
            StorageError: It did not work; a stranger's object under the key is kind `conflict`.
        """
        job, file, storage = attempt.job, step.file, self.places[step.storage].storage
        assert job.video is not None
        began = time.monotonic()
        key = object_key(self.layout, job.video, file.extension)
        there = storage.stat(key)
        if there is not None and there.attempt not in job.attempts:
            raise StorageError(
                Failure(
                    Kind.CONFLICT,
                    f"{storage.url(key)} is there already, and haulage did not write it for this video",
                    cure="move it away, or choose another layout",
                )
            )
        copy = Copy(step.storage, file.role, key, "intended", attempt.attempt, file.size, file.sha256)
        attempt.save(self._with(job, copy))
        identity = f"{job.video.source} {job.video.id} {job.video.variant}".strip()
        info = ObjectInfo(file.media_type, attempt.attempt, identity, file.sha256)
        with storage.begin(key, info, attempt, replaces=there, size=file.size) as upload:
            if upload.token is not None:
                copy = evolve(copy, token=upload.token)
                attempt.save(self._with(attempt.job, copy))
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
            },
        )

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
            raise StorageError(
                Failure(Kind.STORAGE, f"{step.source or step.file.path}: what was read is not what was fetched")
            )

    def _source(self, step: Store, key: str, attempt: Attempt) -> AbstractContextManager[BinaryIO]:
        if step.source is not None:
            return self.places[step.source].storage.read(key, attempt)
        return step.file.path.open("rb")

    def _publish(self, upload: Upload, copy: Copy, attempt: Attempt) -> None:
        attempt.prove()
        try:
            upload.commit(size=copy.size, sha256=copy.sha256)
        except StorageError:
            # It may have become visible all the same, its answer lost.
            if not self.verify(copy, attempt):
                raise
        else:
            if not self.verify(copy, attempt, committed=True):
                name = self.places[copy.storage].storage.url(copy.key)
                raise StorageError(Failure(Kind.STORAGE, f"{name} is not there, or not whole, after it was written"))

    def verify(self, copy: Copy, attempt: Attempt, *, committed: bool = False) -> bool:
        """Find out whether a copy is there, whole and ours, and record it; if it is not, its intent is dropped.

        Args:
            copy: The copy that was about to be written.
            attempt: The attempt.
            committed: The storage just said that this very attempt published it.
        """
        place = self.places.get(copy.storage)
        found = place.storage.stat(copy.key) if place else None  # None too where the config does not name it any more
        good = place is not None and found is not None and self._agrees(place, copy, found, attempt, committed)
        stored = (evolve(copy, state="stored", token=None),) if good else ()
        attempt.save(self._with(attempt.job, copy, instead=stored))
        return good

    def _agrees(self, place: Place, copy: Copy, found: StoredObject, attempt: Attempt, committed: bool) -> bool:
        if found.size != copy.size or found.attempt not in (None, copy.attempt):
            return False
        ours = committed or found.attempt == copy.attempt
        if ours and place.capabilities.checks_content:
            return True
        digest = hashlib.sha256()
        with place.storage.read(copy.key, attempt) as source:
            while block := source.read(_BLOCK):
                digest.update(block)
                attempt.cancel.raise_if_cancelled()
        return digest.hexdigest() == copy.sha256

    def _with(self, job: Job, copy: Copy, *, instead: tuple[Copy, ...] | None = None) -> Job:
        """The job with a copy, or what there is instead of it, in place of what was known of that file there."""
        others = tuple(each for each in job.copies if (each.storage, each.role) != (copy.storage, copy.role))
        job = evolve(job, copies=others + ((copy,) if instead is None else instead))
        return evolve(job, status=status_of(job, self.store_to))
