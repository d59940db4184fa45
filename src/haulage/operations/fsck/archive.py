"""A database and its storages, as an audit uses them."""

import contextlib
import hashlib
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta

from attrs import evolve, field, frozen

from haulage.contracts.context import Context
from haulage.contracts.metadata import Again, Done, MetadataStore, Query
from haulage.contracts.policies import Event
from haulage.contracts.storage import StoredObject
from haulage.errors import Failure, Kind, StorageError, StoreError
from haulage.keys import check_key
from haulage.pipeline.attempt import Attempt
from haulage.pipeline.call import Call
from haulage.pipeline.transfer import Place
from haulage.values import Job, JobId, Try

_BLOCK = 1 << 20

_log = logging.getLogger(__name__)


@frozen
class Archive:
    """What an audit needs; safe to use from many threads.

    Attributes:
        store: Remembers jobs.
        places: The storages to look at, by name.
        store_to: Those that shall hold a video; the first is the primary one.
        layout: How objects are named.
        believed: Those that are believed even where they list nothing of ours.
        home: The name of the workspace here; empty where nothing is repaired.
        lease: How long a job is held at a time.
        worker: Who holds it.
        site_of: The site of a URL.
        call: The context of what is done for no job.
    """

    store: MetadataStore
    places: Mapping[str, Place]
    store_to: tuple[str, ...]
    layout: str
    lease: timedelta
    site_of: Callable[[str], str]
    believed: frozenset[str] = frozenset()
    home: str = ""
    worker: str = ""
    call: Call = field(factory=lambda: Call("fsck"))

    def job(self, job: JobId) -> Job | None:
        """The record as it is now."""
        return next(iter(self.store.find(Query(ids=(job,)))), None)

    def waits(self, *jobs: JobId) -> set[JobId]:
        """Which of these jobs are due some time, or held."""
        return {job.id for job in self.store.find(Query(ids=jobs, unfinished=True))} if jobs else set()

    def name(self, storage: str, key: str) -> str:
        """What people call an object, whatever its key is."""
        with contextlib.suppress(StorageError):
            return self.places[storage].storage.url(key)
        # A stranger's name may hold anything, what moves a terminal's cursor among it.
        return f"{storage}: " + "".join(each if each.isprintable() else ascii(each)[1:-1] for each in key)

    def stat(self, storage: str, key: str) -> StoredObject | None:
        """Look at an object now; None too where no key of ours is like that."""
        try:
            check_key(key)
        except StorageError:
            return None
        return self.places[storage].storage.stat(key)

    def digest(self, storage: str, key: str, ctx: Context) -> str:
        """Read an object back, and keep the hold meanwhile where there is one.

        Raises:
            StorageError: It cannot be read.
            AttemptLost: The job is held no more.
            Cancelled: On cancel.
        """
        digest, proved = hashlib.sha256(), time.monotonic()
        try:
            with self.places[storage].storage.read(key, ctx) as source:
                while block := source.read(_BLOCK):
                    ctx.cancel.raise_if_cancelled()
                    digest.update(block)
                    if isinstance(ctx, Attempt) and time.monotonic() - proved > self.lease.total_seconds() / 3:
                        ctx.prove()
                        proved = time.monotonic()
        except OSError as error:
            raise StorageError(Failure(Kind.STORAGE, f"cannot read it: {error.strerror or error}")) from error
        return digest.hexdigest()

    @contextlib.contextmanager
    def holding(self, job: JobId) -> Iterator["Held | None"]:
        """Hold a job while the block runs, so that nobody else works on it; None where somebody does.

        It is put down as `Held.settle` is told; where the block raises or says nothing, as it was before.
        """
        waits = job in self.waits(job)
        hold = self.store.claim(self.worker, self.lease, home=self.home, handover=timedelta(0), job=job)
        if hold is None:
            yield None
            return
        attempt = Attempt(self.store, hold, self.lease, _tell_nobody, _log)
        if hold.previous is not None:
            crash = Failure(Kind.CRASHED, "the worker died")
            ending = Try(hold.previous, hold.job.stage, crash, counted=False, wait=timedelta(0))
            attempt.save(evolve(hold.job, tries=(*hold.job.tries, ending)))
        held = Held(attempt, waits=waits)
        try:
            yield held
        finally:
            if not held.settled:
                with contextlib.suppress(StoreError):
                    held.settle(attempt.job, Again() if waits else Done())


def _tell_nobody(_: Event) -> None:
    """A repair has no observers."""


class Held:
    """A job in the hands of a repair.

    Attributes:
        attempt: The attempt.
        waits: Whether the job was due some time before it was held.
        settled: Whether it was put down.
    """

    def __init__(self, attempt: Attempt, *, waits: bool) -> None:
        self.attempt, self.waits, self.settled = attempt, waits, False

    @property
    def job(self) -> Job:
        """The record, as it was last saved."""
        return self.attempt.job

    def settle(self, job: Job, then: Again | Done) -> None:
        """Record the job and put it down."""
        self.attempt.settle(job, then)
        self.settled = True
