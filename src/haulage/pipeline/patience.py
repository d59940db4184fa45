"""Patience with a metadata store that is away for a while."""

import itertools
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, TypeVar

from haulage.contracts.destinations import Mirror
from haulage.contracts.metadata import Again, Beat, Done, Gate, Hold, Keep, MetadataStore, NewJob, Query, Site
from haulage.contracts.totals import Holding, Tally, Throughput
from haulage.errors import Kind, StoreError
from haulage.values import AttemptId, Job, JobId

_PAUSE_SECONDS = 0.5

_T = TypeVar("_T")

_log = logging.getLogger(__name__)


class PatientStore(MetadataStore):
    """Asks a metadata store again for a while where it cannot be reached, which its laws make harmless.

    So a database that is restarted does not end a run. Where it stays away longer, its error is raised: what is held
    is due again when its lease ends.

    Args:
        store: Is prepared.
        lease: How long it believes in a worker that says nothing. It is waited for a third of that, so that no wait
            outlasts the lease of a job.
    """

    def __init__(self, store: MetadataStore, lease: timedelta) -> None:
        self._store = store
        self._seconds = lease.total_seconds() / 3

    @property
    def at_once(self) -> MetadataStore:
        """The store itself, for who cannot wait."""
        return self._store

    def _persist(self, call: Callable[[], _T]) -> _T:
        until, told = time.monotonic() + self._seconds, False
        while True:
            try:
                return call()
            except StoreError as error:
                if error.failure.kind is not Kind.TRANSIENT or time.monotonic() + _PAUSE_SECONDS > until:
                    raise
                if not told:
                    _log.warning("%s; waiting up to %.0f s for it", error.failure.message, self._seconds)
                    told = True
            time.sleep(_PAUSE_SECONDS)

    def _begin(self, call: Callable[[], Iterator[_T]]) -> Iterator[_T]:
        """List; once something is listed, it is not begun again."""

        def begin() -> tuple[list[_T], Iterator[_T]]:
            found = call()
            return list(itertools.islice(found, 1)), found

        first, rest = self._persist(begin)
        yield from first
        yield from rest

    def prepare(self) -> None:
        """See MetadataStore; not waited for, since who mistyped its name shall hear so at once."""
        self._store.prepare()

    def add(self, jobs: Iterable[NewJob], *, batch: str = "", parent: JobId | None = None, again: bool = False) -> int:
        """See MetadataStore."""
        listed = list(jobs)
        return self._persist(lambda: self._store.add(listed, batch=batch, parent=parent, again=again))

    def take_in(self, jobs: Sequence[Job], *, due: bool = False) -> int:
        """See MetadataStore."""
        return self._persist(lambda: self._store.take_in(jobs, due=due))

    def claim(
        self,
        worker: str,
        lease: timedelta,
        *,
        home: str,
        handover: timedelta,
        batch: str = "",
        fetched: bool = False,
        job: JobId | None = None,
    ) -> Hold | None:
        """See MetadataStore."""
        chosen: dict[str, Any] = {"batch": batch, "fetched": fetched, "job": job}
        return self._persist(lambda: self._store.claim(worker, lease, home=home, handover=handover, **chosen))

    def beat(self, beats: Sequence[Beat], lease: timedelta) -> Mapping[AttemptId, Literal["lost"]]:
        """See MetadataStore."""
        return self._persist(lambda: self._store.beat(beats, lease))

    def save(
        self, hold: Hold, job: Job, then: Keep | Again | Done, *, site: Gate | Literal["open"] | None = None
    ) -> Hold:
        """See MetadataStore."""
        return self._persist(lambda: self._store.save(hold, job, then, site=site))

    def release(self, worker: str) -> int:
        """See MetadataStore."""
        return self._persist(lambda: self._store.release(worker))

    def sites(self) -> Iterator[Site]:
        """See MetadataStore."""
        return self._begin(self._store.sites)

    def gate(self, site: str, gate: Gate | Literal["open"]) -> bool:
        """See MetadataStore."""
        return self._persist(lambda: self._store.gate(site, gate))

    def find(self, query: Query) -> Iterator[Job]:
        """See MetadataStore."""
        return self._begin(lambda: self._store.find(query))

    def next_due(self, *, home: str, handover: timedelta, batch: str = "") -> timedelta | None:
        """See MetadataStore."""
        return self._persist(lambda: self._store.next_due(home=home, handover=handover, batch=batch))

    def clock(self) -> datetime:
        """See MetadataStore."""
        return self._persist(self._store.clock)

    def tally(self, owed_to: Sequence[Mirror] = ()) -> Tally:
        """See MetadataStore."""
        return self._persist(lambda: self._store.tally(owed_to))

    def holdings(self) -> Iterator[Holding]:
        """See MetadataStore."""
        return self._begin(self._store.holdings)

    def throughput(self, within: timedelta) -> Throughput | None:
        """See MetadataStore."""
        return self._persist(lambda: self._store.throughput(within))

    def close(self) -> None:
        """See MetadataStore."""
        self._store.close()
