"""Whether a storage is the one that the database knows: a disk that is not mounted looks like one that is empty."""

from collections.abc import Sequence

from haulage.contracts.metadata import MetadataStore, Query
from haulage.errors import Failure, Kind, StorageError
from haulage.pipeline.transfer import Place
from haulage.values import JobId

_LOOKS_AT = 20
"""How many of the oldest, and of the youngest, show whether a storage is the one that the database knows."""


def check_presence(store: MetadataStore, name: str, place: Place, jobs: Sequence[JobId] = ()) -> None:
    """Make sure that a storage has something of what the database knows there, where it knows anything.

    Args:
        store: Remembers jobs.
        name: The storage's name in the config.
        place: The storage.
        jobs: Whose videos are looked for first.

    Raises:
        StorageError: It has nothing of that (kind `denied`), or cannot be reached.
        StoreError: The database cannot be used.
    """
    looked = set[str]()
    for query in (
        Query(ids=tuple(jobs[:_LOOKS_AT])) if jobs else Query(storage=name, limit=_LOOKS_AT),
        Query(storage=name, limit=_LOOKS_AT),
        Query(storage=name, order="newest", limit=_LOOKS_AT),
    ):
        for job in store.find(query):
            for copy in job.copies:
                if (copy.storage, copy.role, copy.state) == (name, "video", "stored") and copy.key not in looked:
                    looked.add(copy.key)
                    there = place.reading(copy.key).stat(copy.key)
                    if there is not None and there.size == copy.size:
                        return
    if not looked:
        place.storage.stat("x")  # whether it can be reached
        return
    said = f"storage {name!r} has none of the {len(looked)} videos that were looked for; nothing was deleted"
    cure = f"is it mounted, and the right one? See: haulage fsck --storage {name}"
    raise StorageError(Failure(Kind.DENIED, said, cure=cure))
