"""A database and its storages, as an audit uses them."""

import contextlib
from collections.abc import Callable, Mapping

from attrs import field, frozen

from haulage.contracts.context import Context
from haulage.contracts.destinations import Destinations
from haulage.contracts.metadata import MetadataStore
from haulage.contracts.storage import StoredObject
from haulage.errors import StorageError
from haulage.keys import check_found, is_key
from haulage.operations.holding import Holder
from haulage.pipeline.call import Call
from haulage.pipeline.reading import read_digest
from haulage.pipeline.transfer import Place


@frozen
class Archive:
    """What an audit needs; safe to use from many threads.

    Attributes:
        holder: Looks at jobs and, where something is repaired, holds them.
        places: The storages to look at, by name.
        store_to: Those that shall hold the video of a job.
        layout: How objects are named.
        site_of: The site of a URL.
        believed: Those that are believed even where they list nothing of ours.
        call: The context of what is done for no job.
    """

    holder: Holder
    places: Mapping[str, Place]
    store_to: Destinations
    layout: str
    site_of: Callable[[str], str]
    believed: frozenset[str] = frozenset()
    call: Call = field(factory=lambda: Call("fsck"))

    @property
    def store(self) -> MetadataStore:
        """What remembers jobs."""
        return self.holder.store

    def name(self, storage: str, key: str) -> str:
        """What people call an object, whatever its key is."""
        with contextlib.suppress(StorageError):
            return self.places[storage].url(key)
        # A stranger's name may hold anything, what moves a terminal's cursor among it.
        return f"{storage}: " + "".join(each if each.isprintable() else ascii(each)[1:-1] for each in key)

    def stat(self, storage: str, key: str) -> StoredObject | None:
        """Look at an object now; None too where no key can be like that."""
        place = self.places[storage]
        reading = place.reading(key)
        if reading is place.storage and not is_key(key):
            return None
        try:
            check_found(key)
        except StorageError:
            return None
        return reading.stat(key)

    def digest(self, storage: str, key: str, ctx: Context) -> str:
        """Read an object back, and keep the hold meanwhile where there is one.

        Raises:
            StorageError: It cannot be read.
            AttemptLost: The job is held no more.
            Cancelled: On cancel.
        """
        return read_digest(self.places[storage].reading(key), key, ctx, self.holder.lease)
