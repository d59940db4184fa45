"""Carry one job as far as it goes."""

import contextlib
import itertools
from collections.abc import Iterator
from datetime import timedelta

from attrs import evolve, frozen

from haulage.cancel import Cancelled
from haulage.contracts.fetcher import Fetcher
from haulage.contracts.metadata import Again, Done, MetadataStore, NewJob, Query
from haulage.contracts.policies import RetryPolicy
from haulage.errors import Duplicate, Failure, FetchError, HaulageError, Kind, StorageError, StoreError
from haulage.pipeline.attempt import Attempt, public_failure
from haulage.pipeline.behind import WriteBehind
from haulage.pipeline.listing import Lister
from haulage.pipeline.removal import Remover
from haulage.pipeline.space import Space
from haulage.pipeline.steps import (
    KEEP_FOR,
    Delete,
    Expand,
    Fetch,
    Nothing,
    Reaction,
    Store,
    Verify,
    is_safe,
    next_step,
    react,
    stage_of,
    status_of,
)
from haulage.pipeline.transfer import Transfer
from haulage.pipeline.workspace import Workspace
from haulage.secrets import public_traceback, redact
from haulage.values import Job, JobId, Request, Status, Try, Video

_OF_SITES = (Kind.RATE_LIMITED, Kind.NOT_YET, Kind.UNAVAILABLE, Kind.GEO, Kind.INVALID)
"""What a storage can say of no site and no video: whatever it means by it, it failed."""


@frozen
class Carrier:
    """Does steps until a job has ended or has to wait.

    Attributes:
        store: Remembers jobs.
        fetcher: Downloads.
        policy: Decides how long to wait.
        transfer: Stores.
        remover: Deletes what shall go.
        workspace: Where downloads lie.
        space: Whether there is room for them.
        lister: Adds the entries of lists.
    """

    store: MetadataStore
    fetcher: Fetcher
    policy: RetryPolicy
    transfer: Transfer
    remover: Remover
    workspace: Workspace
    space: Space
    lister: Lister

    def carry(self, attempt: Attempt, batch: str) -> None:
        """Carry the job as far as it goes and put it down.

        Args:
            attempt: Holds it.
            batch: What the entries of a list shall belong to.

        Raises:
            HaulageError: What comes next would fail likewise; the job was put down.
            StoreError: The metadata store failed, or the job is not ours any more.
            Cancelled: The attempt was cancelled; the job is still held.
        """
        if attempt.previous is not None and not self._bury(attempt):
            return
        with self.transfer.behind(attempt) as behind:
            self._carry(attempt, batch, behind)

    def _carry(self, attempt: Attempt, batch: str, behind: WriteBehind) -> None:
        stage = ""
        try:
            while True:
                here, others = self.workspace.holds(attempt.job), tuple(self.transfer.places)
                step = next_step(attempt.job, self.transfer.store_to(attempt.job), here, others)
                stage = stage_of(step)
                attempt.cancel.raise_if_cancelled()
                attempt.enter(stage)
                match step:
                    case Expand():
                        attempt.step("expand")
                        if self._expand(attempt, batch):
                            return
                    case Fetch():
                        attempt.step("fetch")
                        self._fetch(attempt, behind)
                    case Store():
                        self.transfer.store(step, attempt, behind)
                        self.space.accepted(stage)
                    case Verify(copy):
                        self.transfer.verify(copy, attempt)
                    case Delete(copy):
                        self.remover.finish(copy, attempt)
                    case Nothing():
                        self._finish(attempt)
                        return
        except StoreError:
            raise
        except HaulageError as error:
            self._fail(attempt, stage, error)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            if isinstance(error, Cancelled) and attempt.cancel.reason is not None:
                raise
            # SystemExit, CancelledError of asyncio and a Cancelled that nobody asked for are bugs like any other.
            attempt.log.error("a bug, in the step %s", stage, extra={"traceback": public_traceback(error)})
            self._fail(attempt, stage, HaulageError(Failure(Kind.BUG, redact(f"{type(error).__name__}: {error}"))))

    def put_down(self, attempt: Attempt) -> None:
        """Give a job back whose attempt was cancelled: it is due now, and nothing is counted.

        What was downloaded stays, and the next attempt goes on with it.
        """
        attempt.settle(self._at_rest(attempt), Again())

    def give_up(self, attempt: Attempt) -> None:
        """Leave a job to the worker that has it now, but nothing in the workspace that nobody will look for."""
        if attempt.job.files:
            self.workspace.leave(attempt.attempt)  # that worker stores them
        else:
            self.workspace.clear(attempt.job, attempt.attempt)

    def _at_rest(self, attempt: Attempt) -> Job:
        """Leave the work folder, and return the job as it waits: at home where its files, or a part of them, lie."""
        self.workspace.leave(attempt.attempt)
        job = attempt.job
        if job.home == self.workspace.home and not self.workspace.keeps(job):
            self.workspace.clear(job)
            job = evolve(job, home=None)
        return evolve(job, status=status_of(job, self.transfer.store_to(job), at_work=False))

    def _bury(self, attempt: Attempt) -> bool:
        """Record that the attempt before crashed; whether the job is worth another one."""
        assert attempt.previous is not None
        job, failure = attempt.job, Failure(Kind.CRASHED, "the worker died")
        reaction = react(failure, job.stage, attempt.previous, job, attempt.strikes, self.policy)
        crash = Try(attempt.previous, job.stage, failure, counted=False, wait=reaction.wait)
        attempt.log.warning(
            "attempt %s crashed", attempt.previous, extra={"kind": failure.kind.value, "stage": job.stage}
        )
        if isinstance(reaction.then, Done):
            self._settle(attempt, crash, reaction)
            return False
        attempt.save(evolve(job, tries=(*job.tries, crash)))
        return True

    def _expand(self, attempt: Attempt, batch: str) -> bool:
        """Give the job its video, or add the jobs of a list; whether it has ended with that."""
        with _closing(iter(self.fetcher.expand(attempt.job.request, attempt))) as found:
            return self._expand_into(found, attempt, batch)

    def _expand_into(self, found: Iterator[Video | Request], attempt: Attempt, batch: str) -> bool:
        job = attempt.job
        first, second = next(found, None), next(found, None)
        if first is None:
            raise FetchError(Failure(Kind.UNAVAILABLE, "there is no video behind this URL"))
        if isinstance(first, Video) and second is None and not _is_entry(first, job):
            try:
                attempt.save(evolve(job, video=first))
            except Duplicate as twin:
                self._ask_for(JobId(twin.other), first, attempt, batch)
                attempt.settle(evolve(job, status=Status.DUPLICATE, twin=JobId(twin.other)), Done())
                return True
            return False
        begun = (each for each in (first, second) if each is not None)
        self.lister.add(attempt, batch, itertools.chain(begun, found))
        attempt.settle(evolve(attempt.job, status=Status.EXPANDED, listed=True), Done(), site="open")
        return True

    def _ask_for(self, twin: JobId, video: Video, attempt: Attempt, batch: str) -> None:
        """Haul a video again that was deleted on purpose, where somebody asked for it by another of its URLs."""
        job = attempt.job
        asked = job.parent is None or job.asked_after > 0  # otherwise a list named it
        gone = any(each.status is Status.PRUNED for each in self.store.find(Query(ids=(twin,))))
        if asked and gone:
            self.store.add([NewJob(job.request, job.site, video)], batch=batch, again=True)

    def _fetch(self, attempt: Attempt, behind: WriteBehind) -> None:
        job = attempt.job
        assert job.video is not None
        if short := self.space.shortage():
            raise FetchError(short)
        folder = self.workspace.occupy(job, attempt.attempt)
        attempt.save(evolve(job, home=self.workspace.home, files=(), facts=None, status=Status.DOWNLOADING))
        attempt.follow = behind.offer
        try:
            with self.space.downloading(attempt):
                result = self.fetcher.fetch(job.video, folder, attempt)
        except FetchError as error:
            if error.failure.kind is Kind.NO_SPACE:
                self.space.refused(stage_of(Fetch()), public_failure(error.failure))
                if self.space.shared:
                    self.workspace.clear(job, attempt.attempt)  # other downloads shall have the room
            raise
        finally:
            attempt.follow = None
            behind.finish()
        self.space.accepted(stage_of(Fetch()))
        if (result.video.source, result.video.id) != (job.video.source, job.video.id):
            raise FetchError(
                Failure(Kind.BUG, f"the fetcher was asked for {job.video.id} and brought {result.video.id}")
            )
        job = evolve(attempt.job, video=result.video, files=result.files, facts=result.facts)
        if not self.workspace.holds(job):
            raise FetchError(
                Failure(Kind.INVALID, "what was fetched is not there, or not as long as it was said to be")
            )
        attempt.save(evolve(job, status=status_of(job, self.transfer.store_to(job))), site="open")
        main = result.files[0]
        attempt.log.info("fetched %s", result.video.title or result.video.id, extra={"size": main.size})

    def _finish(self, attempt: Attempt) -> None:
        job = evolve(attempt.job, home=None)
        self.workspace.clear(job)  # first: a crash in between leaves no folder that nobody looks for
        attempt.settle(evolve(job, status=status_of(job, self.transfer.store_to(job))), Done())

    def _fail(self, attempt: Attempt, stage: str, error: HaulageError) -> None:
        job, failure = attempt.job, public_failure(error.failure)
        if isinstance(error, StorageError) and failure.kind in _OF_SITES:
            failure = evolve(failure, kind=Kind.STORAGE)
        full = failure.kind is Kind.NO_SPACE and stage in map("store:{}".format, self.transfer.store_to(job)[1:])
        # A mirror that is full is one that fails: what it cannot take it is owed, and nobody waits for it.
        judged = evolve(failure, kind=Kind.STORAGE) if full else failure
        reaction = react(judged, stage, attempt.attempt, job, attempt.strikes, self.policy)
        attempt.log.warning(
            "%s failed: %s",
            stage,
            failure,
            extra={
                "stage": stage,
                "kind": failure.kind.value,
                "counted": reaction.counted,
                "wait": None if reaction.wait is None else reaction.wait.total_seconds(),
            },
        )
        if judged.kind is Kind.NO_SPACE and stage != stage_of(Fetch()):
            self.space.refused(stage, failure)
        if failure.kind is Kind.INVALID or (failure.kind is Kind.BUG and not self.workspace.holds(job)):
            self.workspace.clear(job)  # nothing goes on with what is spoilt
        ending = Try(attempt.attempt, stage, failure, counted=reaction.counted, wait=reaction.wait)
        self._settle(attempt, ending, reaction)
        if reaction.stops:
            raise type(error)(failure) from None

    def _is_kept(self, job: Job, wait: timedelta) -> bool:
        """Whether local files stay while a job rests: mirrors can be made from the first storage, if it has them."""
        if not self.workspace.holds(job) or not is_safe(job, self.transfer.store_to(job)):
            return True
        return self.workspace.age(job) + wait <= KEEP_FOR and self.space.shortage() is None

    def _settle(self, attempt: Attempt, ending: Try, reaction: Reaction) -> None:
        """Put a job down after a failure."""
        job, ended = self._at_rest(attempt), isinstance(reaction.then, Done)
        if reaction.wait is not None and not self._is_kept(job, reaction.wait):
            self.workspace.clear(job)
            job = evolve(job, home=None)
        # What was fetched stays until the primary storage has it: asking again must not download again.
        keeps = self.workspace.holds(job) and job.status is not Status.DOWNLOADED
        if ended and not keeps:
            job = evolve(job, home=None)
        if ended and job.status is not Status.DOWNLOADED:
            job = evolve(job, status=reaction.status)
        attempt.settle(evolve(job, tries=(*job.tries, ending)), reaction.then, site=reaction.gate)
        if ended and not keeps:
            self.workspace.clear(job)


@contextlib.contextmanager
def _closing(entries: Iterator[Video | Request]) -> Iterator[Iterator[Video | Request]]:
    """Let a fetcher's iterator end its work where nobody reads on."""
    try:
        yield entries
    finally:
        getattr(entries, "close", lambda: None)()


def _is_entry(video: Video, job: Job) -> bool:
    """Whether a video is the only one so far in the list of a subscription, which may have more the next time."""
    return bool(job.subscription) and Request(video.url, job.request.variant).id != job.id
