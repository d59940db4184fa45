"""The driver of a run: keeps an executor busy until nothing is left to do."""

import contextlib
import logging
import time
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Literal

from haulage.contracts.metadata import Query
from haulage.contracts.policies import Observer, Recipe, RunEnded
from haulage.pipeline.account import Account
from haulage.pipeline.assembly import Assembly, work_once
from haulage.pipeline.budget import uncounted
from haulage.pipeline.limits import Watch
from haulage.pipeline.readiness import check
from haulage.values import Job, JobId

_LOOK_AGAIN = 1.0
"""Seconds after which the queue is looked at again: another process may have given a job back, or died."""

_REST = 0.1
"""Seconds after which the queue is looked at again where something was due that could not be claimed."""

_log = logging.getLogger(__name__)


class Driver:
    """Drives one run. Used by one thread, but for `stop`.

    Args:
        assembly: The living components.
        recipe: What they were made from.
        observers: Told of every event of the run.

    Attributes:
        limit: Which limit the run has reached; None while it has reached none.
    """

    def __init__(self, assembly: Assembly, recipe: Recipe, observers: Sequence[Observer]) -> None:
        self._assembly = assembly
        self._worker = assembly.worker
        self._recipe = recipe
        self._observers = observers
        self._checked = False
        self._running: set[Future[Job | None]] = set()
        self._account: Account | None = None
        self.limit: Literal["max_duration", "max_bytes"] | None = None

    def stop(self) -> bool:
        """Claim nothing more; whether something runs, which is carried as far as it goes."""
        self._worker.drain()
        return bool(self._running)

    def abandon(self) -> None:
        """Put down what runs, though it still does, and tell that the run has ended."""
        self._worker.abandon()
        if self._account is not None:
            self._tell(self._account.close_in_a_hurry())

    def work(self, batch: str, named: tuple[JobId, ...], forever: bool, watch: Watch) -> Generator[Job, None, None]:
        """Yield jobs as they are put down; closing the iterator ends what runs as soon as it can.

        Args:
            batch: What to work for; "" is everything.
            named: Jobs whose end is waited for, even where another run has taken them over.
            forever: Wait for more when nothing is left.
            watch: Knows when it shall end early; `limit` tells of it then.
        """
        worker = self._worker
        worker.begin(batch)
        if short := uncounted(self._assembly.config.budget, self._assembly.rates):
            _log.warning("%s", short)
        executor, workers = self._assembly.executor()
        self._account = account = Account(self._assembly.store, self._assembly.rates)
        with executor, self._watching(account):
            try:
                in_vain = False
                while True:
                    worker.release_dead()
                    worker.sweep()
                    if reached := watch.reached(account.stored):
                        self.limit = reached
                        worker.drain()
                        if reached == "max_duration":
                            return
                    due = worker.next_due(batch)
                    if not self._running and (
                        worker.draining or (due is None and not forever and not self._elsewhere(named))
                    ):
                        self._tell(account.close())
                        return
                    pause = _LOOK_AGAIN if due is None or worker.draining else min(due.total_seconds(), _LOOK_AGAIN)
                    if in_vain:
                        pause = max(pause, _LOOK_AGAIN if worker.paused() else _REST)
                    elif not pause:
                        self._check()
                        while len(self._running) < workers:
                            self._running.add(executor.submit(work_once, self._recipe, batch))
                        pause = _LOOK_AGAIN
                    pause = min(pause, max(watch.seconds, 0))
                    if not self._running:
                        time.sleep(pause)
                    done, self._running = wait(self._running, timeout=pause, return_when=FIRST_COMPLETED)
                    jobs = [future.result() for future in done]
                    in_vain = None in jobs
                    yield from (job for job in jobs if job is not None)
            finally:
                for future in self._running:
                    future.cancel()
                worker.cancel(batch)
                wait(self._running)
                self._tell(account.close_in_a_hurry())

    def _tell(self, ended: RunEnded | None) -> None:
        if ended is not None:
            self._worker.tell(ended)

    def _check(self) -> None:
        """Before the first job is begun, make sure that the storages can be written to."""
        if not self._checked:
            used = self._assembly.destinations.storages
            check({name: self._assembly.place(name).storage for name in used})
            self._checked = True

    @contextlib.contextmanager
    def _watching(self, account: Account) -> Iterator[None]:
        observers: tuple[Observer, ...] = (account, *self._observers)
        for observer in observers:
            self._worker.watch(observer)
        try:
            yield
        finally:
            for observer in observers:
                self._worker.unwatch(observer)

    def _elsewhere(self, named: tuple[JobId, ...]) -> bool:
        """Whether another run has taken over some of the jobs that were named, and has not ended them yet."""
        if not named:
            return False
        closed = {site.name for site in self._assembly.store.sites() if site.opens is None}
        return any(job.site not in closed for job in self._assembly.store.find(Query(ids=named, unfinished=True)))
