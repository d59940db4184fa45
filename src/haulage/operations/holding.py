"""Hold one job for an operation, as a worker does, so that nobody else works on it meanwhile."""

import contextlib
import logging
from collections.abc import Iterator
from datetime import timedelta

from attrs import evolve, frozen

from haulage.contracts.metadata import Again, Done, MetadataStore, Query
from haulage.contracts.policies import Event
from haulage.errors import Failure, Kind, StoreError
from haulage.pipeline.assembly import Assembly
from haulage.pipeline.attempt import Attempt
from haulage.values import Job, JobId, Try

_log = logging.getLogger(__name__)


class Held:
    """A job in the hands of an operation.

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


@frozen
class Holder:
    """Looks at jobs and holds them; safe to use from many threads.

    Attributes:
        store: Remembers jobs.
        lease: How long a job is held at a time.
        home: The name of the workspace here; empty where nothing is held.
        worker: Who holds.
    """

    store: MetadataStore
    lease: timedelta
    home: str = ""
    worker: str = ""

    def job(self, job: JobId) -> Job | None:
        """The record as it is now."""
        return next(iter(self.store.find(Query(ids=(job,)))), None)

    def waits(self, *jobs: JobId) -> set[JobId]:
        """Which of these jobs are due some time, or held."""
        return {job.id for job in self.waiting(*jobs)}

    def waiting(self, *jobs: JobId) -> Iterator[Job]:
        """Those of these jobs that are due some time, or held."""
        if jobs:
            yield from self.store.find(Query(ids=jobs, unfinished=True))

    @contextlib.contextmanager
    def holding(self, job: JobId) -> Iterator[Held | None]:
        """Hold a job while the block runs; None where somebody else does.

        It is put down as `Held.settle` is told; where the block raises or says nothing, as it was before, but due where
        something of it is being deleted.
        """
        before = self.job(job)
        waits = job in self.waits(job)
        hold = self.store.claim(self.worker, self.lease, home=self.home, handover=timedelta(0), job=job)
        if hold is None:
            yield None
            return
        waits |= before is None or hold.job.asked_after != before.asked_after  # it was asked for since we looked
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
                goes = any(copy.state == "deleting" for copy in attempt.job.copies)
                with contextlib.suppress(StoreError):
                    held.settle(attempt.job, Again() if waits or goes else Done())


@contextlib.contextmanager
def holder(assembly: Assembly) -> Iterator[Holder]:
    """Who may hold jobs in the name of this process: should it die, others see at once that it holds nothing more.

    What others of this workspace held that have died is free with that.
    """
    workspace = assembly.workspace
    roster = workspace.roster()
    try:
        for name in roster.dead():
            assembly.store.release(name)
        yield Holder(assembly.store, assembly.config.lease, workspace.home, roster.name)
    finally:
        roster.close()


def _tell_nobody(_: Event) -> None:
    """An operation has no observers."""
