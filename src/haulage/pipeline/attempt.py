"""One attempt, while it lasts: the hold, how far it is, and who is told."""

import logging
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Literal

from attrs import evolve

from haulage.cancel import CancelToken
from haulage.contracts.context import Growing
from haulage.contracts.metadata import Again, Beat, Done, Gate, Hold, Keep, MetadataStore
from haulage.contracts.policies import Deleted, Event, Lost, Progressed, Settled, Started, Stepped, Stored
from haulage.errors import AttemptLost, Failure, Kind
from haulage.secrets import public_url, redact
from haulage.values import AttemptId, Copy, Job, Request, Role

Tell = Callable[[Event], None]


class Attempt:
    """Is the Context of all that is done in it.

    Used by one thread at a time, but for `progress`, `cancel` and `position`: while it waits for a download, another
    one may begin to store what has come.

    Attributes:
        cancel: Ends the attempt.
        log: A logger whose lines carry the job and the attempt.
        follow: Takes what is offered while it grows.
    """

    def __init__(self, store: MetadataStore, hold: Hold, lease: timedelta, tell: Tell, log: logging.Logger) -> None:
        self._store = store
        self._hold = hold
        self._lease = lease
        self._tell = tell
        self._began = time.monotonic()
        self._position = Beat(hold.attempt, "", 0, None)
        self.follow: Callable[[Growing], None] | None = None
        self.cancel = CancelToken()
        self.log = _Log(log, {"job": hold.job.id, "attempt": hold.attempt})
        self.log.info("started", extra={"url": public_url(hold.job.request.url)})

    def begin(self) -> None:
        """Tell the observers that it begins, however long they take: its lease is kept alive meanwhile."""
        self._tell(Started(self.job.id, self.attempt, _public(self.job)))

    @property
    def attempt(self) -> AttemptId:
        """See Context."""
        return self._hold.attempt

    @property
    def job(self) -> Job:
        """The record, as it was last saved."""
        return self._hold.job

    @property
    def previous(self) -> AttemptId | None:
        """The attempt before, if it never said how it ended."""
        return self._hold.previous

    @property
    def strikes(self) -> int:
        """How often in a row the site had refused when the job was claimed."""
        return self._hold.strikes

    @property
    def position(self) -> Beat:
        """How far the attempt is."""
        return self._position

    def enter(self, stage: str) -> None:
        """Say which step begins."""
        self._position = Beat(self.attempt, stage, 0, None)
        self.log.debug("%s began", stage, extra={"stage": stage})
        self._tell(Progressed(self.job.id, self.attempt, stage, 0, None))

    def step(
        self,
        step: Literal["expand", "fetch", "store", "verify"],
        storage: str | None = None,
        role: Role | None = None,
    ) -> None:
        """Tell the observers that a step begins, as Stepped has it."""
        self._tell(Stepped(self.job.id, self.attempt, step, storage, role))

    def stored(self, copy: Copy, url: str) -> None:
        """Tell the observers that a copy was verified and recorded."""
        self._tell(Stored(self.job.id, self.attempt, copy, url))

    def deleted(self, copy: Copy, url: str) -> None:
        """Tell the observers that an object of ours was deleted on purpose, and that is recorded."""
        self._tell(Deleted(self.job.id, self.attempt, copy, url))

    def lose(self, failure: Failure) -> None:
        """Tell the observers that the job was let go, unrecorded."""
        self._tell(Lost(self.job.id, self.attempt, public_failure(failure)))

    def progress(self, done: int, total: int | None) -> None:
        """See Context."""
        self._position = Beat(self.attempt, self._position.stage, done, total)
        self._tell(Progressed(self.job.id, self.attempt, self._position.stage, done, total))

    def growing(self, file: Growing) -> None:
        """See Context."""
        if self.follow is not None:
            self.follow(file)

    def save(self, job: Job, *, site: Gate | Literal["open"] | None = None) -> None:
        """Record the job and go on holding it.

        Raises:
            AttemptLost: It is not ours any more.
        """
        before = self.job.status
        self._hold = self._store.save(self._hold, job, Keep(), site=site)
        self._log_change(before)

    def settle(self, job: Job, then: Again | Done, *, site: Gate | Literal["open"] | None = None) -> None:
        """Record the job and put it down. Where nothing is left to do, what gives access to its URL is forgotten.

        Raises:
            AttemptLost: It is not ours any more.
        """
        if isinstance(then, Done):
            job = _public(job)
        before = self.job.status
        self._hold = self._store.save(self._hold, job, then, site=site)
        self._log_change(before)
        seconds = time.monotonic() - self._began
        wait = then.after if isinstance(then, Again) else None
        failure = job.tries[-1].failure if job.tries and job.tries[-1].attempt == self.attempt else None
        self.log.info(
            "ended" if wait is None else "put down",
            extra={
                "status": job.status.value,
                "kind": failure and failure.kind.value,
                "duration": round(seconds, 3),
                "wait": None if wait is None else wait.total_seconds(),
            },
        )
        self._tell(Settled(job.id, self.attempt, _public(job), wait, seconds))

    def prove(self) -> None:
        """Make sure that the job is still ours, for another whole lease.

        Raises:
            AttemptLost: It is not.
        """
        self.cancel.raise_if_cancelled()
        if self._store.beat([self._position], self._lease):
            raise AttemptLost(Failure(Kind.CRASHED, f"attempt {self.attempt} does not hold its job any more"))

    def _log_change(self, before: str) -> None:
        if self.job.status != before:
            self.log.info("is %s", self.job.status.value, extra={"status": self.job.status.value})


def public_failure(failure: Failure) -> Failure:
    """A failure as it may be recorded and shown, whatever a plugin has put into its words."""
    return evolve(failure, message=redact(failure.message), cure=redact(failure.cure))


def _public(job: Job) -> Job:
    """The job without what gives access to its URLs."""
    video = job.video and evolve(job.video, url=public_url(job.video.url))
    return evolve(job, request=Request(public_url(job.request.url), job.request.variant), video=video)


class _Log(logging.LoggerAdapter[logging.Logger]):
    """Adds job and attempt to what a line carries already."""

    def process(self, msg: Any, kwargs: Any) -> tuple[Any, Any]:
        kwargs["extra"] = {**(self.extra or {}), **(kwargs.get("extra") or {})}
        return msg, kwargs
