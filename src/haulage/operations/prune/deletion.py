"""Delete videos from storages, one after the other, each looked at again while its job is held."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

from attrs import define, evolve, frozen

from haulage.config.document import dotted
from haulage.contracts.metadata import Again, Done, Query
from haulage.contracts.totals import Holding, holdings
from haulage.errors import AttemptLost, Kind, StorageError
from haulage.operations.holding import Held, Holder, holder
from haulage.operations.prune.plan import Plan, plan
from haulage.pipeline.assembly import Assembly
from haulage.pipeline.presence import check_presence
from haulage.pipeline.steps import Nothing, next_step, status_of
from haulage.values import Job, Status

BUSY = "a worker has its job, or will have: it waits in the queue"
ASKED = "somebody asked for it again"
ANEW = "somebody worked on it since this was decided"
NOT_ANY_MORE = "no rule wants it gone any more"

_PAGE = 500
"""How many are deleted before the rules are asked once more."""

_IN_A_ROW = 3
"""After so many errors of a storage one after the other it is given up."""

_HOPELESS = (Kind.DENIED, Kind.CONFIG, Kind.AUTH, Kind.ENVIRONMENT)


@frozen
class Outcome:
    """What became of a video that was to be deleted from a storage.

    Attributes:
        holding: What it took up there.
        left: Why it, or a part of it, is still there; empty where all of it is gone.
        objects: How many objects were deleted.
        size: Their bytes.
    """

    holding: Holding
    left: str = ""
    objects: int = 0
    size: int = 0


@define
class Progress:
    """How far a deletion is. A subclass may show it.

    Attributes:
        videos: How many videos were dealt with.
    """

    videos: int = 0

    def moved(self) -> None:
        """Called after each change, by the thread that iterates."""


def planned(assembly: Assembly) -> Plan:
    """What goes now by the rules of the config; prices that are asked for have to be known.

    Raises:
        StoreError: The database cannot be used.
    """
    # Whichever of the two clocks is ahead, nothing goes too early.
    now = min(assembly.store.clock(), datetime.now(UTC))
    rules = {dotted(place): rule for place, rule in assembly.config.rules.items()}
    return plan(assembly.store.holdings(), rules, assembly.rates, now)


class Deletion:
    """Deletes what was decided, if it still is as it was then: made before people are asked, and acted on afterwards.

    Args:
        assembly: The components of a config.
        going: What shall go.
        begun: What was to go before, and is not gone yet.

    Raises:
        StoreError: The database cannot be used.
    """

    def __init__(self, assembly: Assembly, going: Sequence[Holding], begun: Sequence[Holding] = ()) -> None:
        self._assembly, self._going, self._begun = assembly, going, begun
        self._failed: dict[str, int] = {}
        jobs = tuple(dict.fromkeys(each.job for each in going))
        self._known = {job.id: _seen(job) for job in assembly.store.find(Query(ids=jobs))} if jobs else {}

    @property
    def videos(self) -> int:
        """How many there are to deal with."""
        return len(self._going) + len(self._begun)

    def run(
        self,
        progress: Progress,
        *,
        still: Callable[[], Plan] | None = None,
        stopped: Callable[[], bool] = lambda: False,
    ) -> Iterator[Outcome]:
        """Delete, and yield what became of each; first what was begun before.

        Args:
            progress: Told how far it is.
            still: What the rules say now, asked again and again: what they want no longer stays.
            stopped: Whether nothing more shall be begun.

        Raises:
            HaulageError: The database or a storage cannot be used; what was deleted before is recorded, and where it
                is a storage that has nothing of what the database knows there, nothing was deleted.
        """
        for name in sorted({each.storage for each in (*self._begun, *self._going)}):
            ours = [each.job for each in self._going if each.storage == name]
            check_presence(self._assembly.store, name, self._assembly.place(name), ours)
        with holder(self._assembly) as holding:
            for outcome in self._all(holding, still):
                progress.videos += 1
                progress.moved()
                yield outcome
                if stopped():
                    return

    def _all(self, holding: Holder, still: Callable[[], Plan] | None) -> Iterator[Outcome]:
        for each in self._begun:
            yield self._tried(holding, each, self._finish)
        for start in range(0, len(self._going), _PAGE):
            page = self._going[start : start + _PAGE]
            wanted = {(each.holding.job, each.holding.storage) for each in still().going} if still else None
            waiting = {each.id: each for each in holding.waiting(*{each.job for each in page})}
            for each in page:
                if wanted is not None and (each.job, each.storage) not in wanted:
                    there = _there(holding.job(each.job), each.storage)
                    yield Outcome(each, NOT_ANY_MORE if there else "")
                elif each.job in waiting and (left := self._waits_for(waiting[each.job])):
                    yield Outcome(each, left)  # not taken up, so that it waits as long as it did
                else:
                    yield self._tried(holding, each, self._remove)

    def _tried(self, holding: Holder, each: Holding, do: Callable[[Held, Holding], str]) -> Outcome:
        """Do something while a job is held, and say what became of it."""
        try:
            with holding.holding(each.job) as held:
                return Outcome(each, BUSY) if held is None else self._done(held, each, do)
        except AttemptLost:
            return Outcome(each, BUSY)

    def _done(self, held: Held, each: Holding, do: Callable[[Held, Holding], str]) -> Outcome:
        before = [copy for copy in held.job.copies if copy.storage == each.storage and copy.state != "deleted"]
        try:
            left = do(held, each)
            self._failed[each.storage] = 0
        except StorageError as error:
            left = str(error)
            self._failed[each.storage] = self._failed.get(each.storage, 0) + 1
            if error.failure.kind in _HOPELESS or self._failed[each.storage] >= _IN_A_ROW:
                raise
        self._known[each.job] = _seen(held.job)  # what we did ourselves is no reason to leave it
        deleted = {copy.role for copy in held.job.copies if copy.storage == each.storage and copy.state == "deleted"}
        gone = [copy for copy in before if copy.role in deleted]
        return Outcome(each, left, len(gone), sum(copy.size or 0 for copy in gone))

    def _remove(self, held: Held, each: Holding) -> str:
        """Delete a video from a storage, if it still is what was planned; why not, where it is not."""
        job = held.job
        if (there := _there(job, each.storage)) is None:
            return ""
        if held.rest is not None and (left := self._waits_for(job, ours=1)):
            return left
        if _seen(job, ours=1) != self._known[job.id]:
            return ANEW
        if (there.objects, there.size, there.stored_at) != (each.objects, each.size, each.stored_at):
            return ANEW
        if any(copy.storage == each.storage and copy.state in ("intended", "damaged") for copy in job.copies):
            return "a repair, or a haul, of it was broken off; see: haulage fsck"
        removed = self._assembly.remover.remove(held.attempt, each.storage)
        now = status_of(held.job, self._assembly.destinations(held.job), at_work=False)
        ended = Status.PRUNED if now is Status.PRUNED else job.status  # what is left is what it was
        held.settle(evolve(held.job, status=ended), Done())
        return next((each.left for each in removed if each.left), "")

    def _waits_for(self, job: Job, ours: int = 0) -> str:
        """Why a job that waits is left; empty where there is nothing to do: who held it has died, and that is all."""
        taken_up = len(job.attempts) - ours > job.asked_after
        if not taken_up or job.asked_after != self._known[job.id][0]:
            return ASKED
        nothing = isinstance(next_step(job, self._assembly.destinations(job), files_here=False), Nothing)
        return "" if nothing else BUSY

    def _finish(self, held: Held, each: Holding) -> str:
        """Go on with a deletion that was broken off, unless the video was asked for since."""
        store_to = self._assembly.destinations(held.job)
        since = held.job.attempts[held.job.asked_after :]
        copies = [copy for copy in held.job.copies if copy.storage == each.storage and copy.state == "deleting"]
        if any(copy.attempt not in since for copy in copies):
            return ASKED
        left = [self._assembly.remover.finish(copy, held.attempt) for copy in copies]
        more = not isinstance(next_step(held.job, store_to, files_here=False), Nothing)
        held.settle(evolve(held.job, status=status_of(held.job, store_to, at_work=False)), Again() if more else Done())
        return next(filter(None, left), "")


def _seen(job: Job, ours: int = 0) -> tuple[int, int]:
    """What tells whether somebody asked for a job, or worked on it: how often that was, without what we do just now."""
    return job.asked_after, len(job.attempts) - ours


def _there(job: Job | None, storage: str) -> Holding | None:
    """What the video of a job takes up in a storage now."""
    found = holdings(job) if job else ()
    return next((each for each in found if each.storage == storage and each.deleted_at is None), None)
