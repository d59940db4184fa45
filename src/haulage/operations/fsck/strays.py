"""What storages hold and no row names: ours and needless, a video that explains itself, or a stranger's."""

from collections.abc import Iterator

from attrs import evolve

from haulage.contracts.storage import StoredObject
from haulage.operations.fsck.adopt import Adopter, Adoption
from haulage.operations.fsck.archive import Archive
from haulage.operations.fsck.inventory import Inventory
from haulage.operations.fsck.judge import superfluous
from haulage.operations.fsck.mend import Mender, is_aside
from haulage.operations.fsck.troubles import Sort, Trouble
from haulage.values import AttemptId, JobId

_KEPT = "it was damaged, and a repair kept it; delete it if nobody needs it"
_DELETE = "it is deleted: its job has the video elsewhere in this storage"


class Strays:
    """Goes through what no row has claimed.

    Args:
        archive: The database and the storages.
        inventory: What storages list, and who wrote it.
        mender: Deletes what nobody needs; None where nothing is repaired.
        adopter: Takes in videos.
        adopts: Whether it shall; otherwise they are told.
    """

    def __init__(
        self, archive: Archive, inventory: Inventory, mender: Mender | None, adopter: Adopter, *, adopts: bool
    ) -> None:
        self._archive, self._inventory, self._mender = archive, inventory, mender
        self._adopter, self._adopts = adopter, adopts

    def troubles(self) -> Iterator[Trouble]:
        """Tell what they are, and deal with them.

        Records come first, since they claim the objects beside them.
        """
        for storage, there, _ in self._inventory.unclaimed():
            if there.key.endswith(".json") and not there.key.endswith(".info.json"):
                if self._writer(storage, there) is not None:
                    continue
                found = self._adopter.read(storage, there)
                if isinstance(found, Adoption):
                    for each, key in found.claimed:
                        self._inventory.claim(each, key)
                    yield self._adopted(storage, there.key, found)
                else:
                    self._inventory.note(storage, there.key, found)
        for storage, there, note in self._inventory.unclaimed():
            job = self._writer(storage, there)
            if is_aside(there.key):
                yield self._foreign(storage, there, _KEPT)
            elif job is None:
                yield self._foreign(storage, there, note or "no row and no record names it")
            else:
                yield self._orphan(storage, there, job)

    def _adopted(self, storage: str, key: str, found: Adoption) -> Trouble:
        trouble = Trouble(
            Sort.ORPHAN,
            storage,
            self._archive.name(storage, key),
            f"the record of a video that the database does not know, {len(found.copies)} objects",
            "the video is taken into the database",
        )
        if not self._adopts:
            return trouble
        left = self._adopter.adopt(found)
        return evolve(trouble, job=found.job, repaired=not left, left=left)

    def _writer(self, storage: str, there: StoredObject) -> JobId | None:
        attempt: AttemptId | None = there.attempt
        if attempt is None and self._archive.places[storage].capabilities.keeps_info:
            told = self._archive.stat(storage, there.key)
            attempt = told.attempt if told else None
        return self._inventory.writer(attempt) if attempt else None

    def _foreign(self, storage: str, there: StoredObject, detail: str) -> Trouble:
        return Trouble(Sort.FOREIGN, storage, self._archive.name(storage, there.key), detail)

    def _orphan(self, storage: str, there: StoredObject, job: JobId) -> Trouble:
        trouble = Trouble(
            Sort.ORPHAN, storage, self._archive.name(storage, there.key), "no row names it, and we wrote it", job=job
        )
        record, now = self._archive.holder.job(job), self._archive.stat(storage, there.key)
        if record is None or now is None or not superfluous(record, storage, now):
            return evolve(trouble, cure=f"its video is not stored there; haul it with: haulage retry {job}")
        trouble = evolve(trouble, repair=_DELETE)
        if self._mender is None:
            return trouble
        left = self._mender.delete(job, storage, now, superfluous)
        return evolve(trouble, repaired=not left, left=left)
