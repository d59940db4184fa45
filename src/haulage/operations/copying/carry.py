"""Copy one video while it is held, and let it go at the old place where that is wanted."""

from datetime import timedelta

from attrs import evolve, frozen

from haulage.cancel import Cancelled
from haulage.contracts.metadata import Again, Done
from haulage.errors import AttemptLost, ConfigError, Failure, HaulageError, Kind, StorageError, StoreError
from haulage.keys import object_key
from haulage.operations.copying.plan import Wanted, file_of, plan_of, settled
from haulage.operations.holding import Holder
from haulage.pipeline.attempt import Attempt, public_failure
from haulage.pipeline.removal import Remover, is_one
from haulage.pipeline.steps import Store, stage_of
from haulage.pipeline.transfer import Transfer
from haulage.secrets import public_traceback, redact
from haulage.values import Copy, Job, JobId

STOPPED = "stopped; the next run goes on"


@frozen
class Outcome:
    """What became of one video.

    Attributes:
        job: Its record.
        source: Where it comes from; empty where nothing was to be done any more.
        copied: The files that were copied and verified, as they are stored now.
        inside: How many of them the service copied by itself.
        removed: The files that were deleted at the source.
        left: Why not all was done; empty where it was.
        failure: What failed, where something did.
    """

    job: Job
    source: str = ""
    copied: tuple[Copy, ...] = ()
    inside: int = 0
    removed: tuple[Copy, ...] = ()
    left: str = ""
    failure: Failure | None = None

    @property
    def size(self) -> int:
        """How many bytes were copied."""
        return sum(copy.size or 0 for copy in self.copied)


@frozen
class Carrier:
    """Copies one video at a time; safe to use from many threads.

    Attributes:
        wanted: What to do.
        holder: Holds jobs.
        transfer: Stores and verifies.
        remover: Deletes.
    """

    wanted: Wanted
    holder: Holder
    transfer: Transfer
    remover: Remover

    def carry(self, job: JobId) -> Outcome | None:
        """Copy a video; None where somebody else has it.

        Raises:
            StoreError: The metadata store cannot be used; the next attempt goes on with what was under way.
        """
        try:
            with self.holder.holding(job) as held:
                if held is None:
                    return None
                outcome = self._tried(held.attempt)
                held.settle(*self.at_rest(held.job, held.rest))
                return evolve(outcome, job=held.job)
        except AttemptLost:
            return None

    def at_rest(self, job: Job, rest: timedelta | None) -> tuple[Job, Again | Done]:
        """See settled."""
        return settled(job, self.transfer.store_to(job), tuple(self.transfer.places), rest)

    def _tried(self, attempt: Attempt) -> Outcome:
        outcome = Outcome(attempt.job)
        try:
            self._find_out(attempt)
            plan = plan_of(attempt.job, self.wanted)
            if plan is None or plan.hindrance:
                return evolve(outcome, left=plan.hindrance if plan else "")
            outcome = evolve(outcome, source=plan.source)
            self._check_apart(plan.source, attempt)
            for original in plan.lacking:
                copy, inside = self._copy(original, attempt)
                outcome = evolve(outcome, copied=(*outcome.copied, copy), inside=outcome.inside + inside)
            return self._let_go(outcome, attempt) if self.wanted.move else outcome
        except StoreError:
            raise
        except Cancelled:
            if attempt.cancel.reason != "stopped":
                raise AttemptLost(Failure(Kind.CRASHED, "the lease ended")) from None
            return evolve(outcome, left=STOPPED)
        except HaulageError as error:
            failure = public_failure(error.failure)
        except Exception as error:
            attempt.log.error("a bug, while it was copied", extra={"traceback": public_traceback(error)})
            failure = Failure(Kind.BUG, redact(f"{type(error).__name__}: {error}"))
        told = {"storage": self.wanted.to, "kind": failure.kind.value}
        attempt.log.warning("not copied to %s: %s", self.wanted.to, failure, extra=told)
        try:
            self._find_out(attempt)  # leave no intent that others would have to look after
        except StorageError as error:
            attempt.log.warning("whether it is there is not known: %s", public_failure(error.failure), extra=told)
        return evolve(outcome, left=str(failure), failure=failure)

    def _find_out(self, attempt: Attempt) -> None:
        """Verify what was about to be written."""
        for copy in attempt.job.copies:
            if (copy.storage, copy.state) == (self.wanted.to, "intended") and copy.size is not None:
                self.transfer.verify(copy, attempt)

    def _copy(self, original: Copy, attempt: Attempt) -> tuple[Copy, bool]:
        """Copy a file; it as it is stored now, and whether the service copied it."""
        attempt.cancel.raise_if_cancelled()
        step = Store(self.wanted.to, file_of(attempt.job, original), original.storage)
        attempt.enter(stage_of(step))
        inside = self.transfer.store(step, attempt)
        return self._there(attempt.job)[original.role], inside

    def _there(self, job: Job) -> dict[str, Copy]:
        """What the new place holds of a video, by role."""
        return {copy.role: copy for copy in job.copies if (copy.storage, copy.state) == (self.wanted.to, "stored")}

    def _let_go(self, outcome: Outcome, attempt: Attempt) -> Outcome:
        """Delete a video at the old place, where all of it is at the new one and still is what was verified."""
        plan = plan_of(attempt.job, self.wanted)
        if plan is None:
            return outcome
        if plan.lacking or plan.hindrance:
            return evolve(outcome, left=plan.hindrance or f"not all of it is in {self.wanted.to}")
        self._check_apart(outcome.source, attempt)
        fresh = {copy.role for copy in outcome.copied}
        for role, copy in self._there(attempt.job).items():
            if role not in fresh and (why := self.remover.changed(copy, attempt)):
                name = self.transfer.places[copy.storage].url(copy.key)
                return evolve(outcome, left=f"{name}: {why}, so it stays in {outcome.source}")
        removed = self.remover.remove(attempt, outcome.source)
        left = next((each.left for each in removed if each.left), "")
        gone = tuple(each.copy for each in removed if not each.left)
        return evolve(outcome, removed=gone, left=left and f"not deleted in {outcome.source}: {left}")

    def _check_apart(self, source: str, attempt: Attempt) -> None:
        """Make sure that two names are no names of one place, where what is copied would be deleted.

        Raises:
            ConfigError: They are.
        """
        old, new = self.transfer.places[source], self.transfer.places[self.wanted.to]
        for copy in attempt.job.copies:
            if (copy.storage, copy.role) == (source, "video"):
                assert attempt.job.video is not None
                known = self._there(attempt.job).get("video")
                extension = file_of(attempt.job, copy).extension
                key = known.key if known else object_key(self.transfer.layout, attempt.job.video, extension)
                there = new.reading(key).stat(key)
                if there is not None and is_one(there, old.reading(copy.key).stat(copy.key)):
                    raise ConfigError(f"{source} and {self.wanted.to} are the same place, by two names")
