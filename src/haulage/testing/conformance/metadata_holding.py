"""T2 and T3: a job has one holder, and only the holder writes."""

from datetime import timedelta
from functools import partial
from typing import Literal

import pytest
from attrs import evolve

from haulage.contracts.metadata import Again, Beat, Done, Gate, Hold, Keep, MetadataStore, Query
from haulage.errors import AttemptLost, Kind
from haulage.testing.conformance.law import law, refused
from haulage.testing.conformance.metadata_stores import (
    DEAD,
    LONG,
    SHORT,
    ZERO,
    Stores,
    eventually,
    new,
    rich,
)
from haulage.values import AttemptId, Status

_JOBS = 30

THENS = [Keep(), Again(), Done()]
then_each = pytest.mark.parametrize("then", THENS, ids=["keep", "again", "done"])
Then = Keep | Again | Done


class HoldingLaws:
    """A job has at most one holder, who is the only one that writes it."""

    @law
    def test_t2_a_held_job_is_not_claimed(self, stores: Stores) -> None:
        """While its lease lasts nobody else gets the job, whatever its home and batch, nor when it was saved."""
        stores.first.add([new(1)], batch="b")
        hold = stores.must_claim(batch="b")
        for _ in range(2):
            for store in (stores.first, stores.second):
                for batch in ("", "b"):
                    taken = stores.claim(store, batch=batch, handover=ZERO, worker="host:2")
                    assert taken is None, "a job that somebody holds was given to another"
            hold = stores.first.save(hold, evolve(hold.job, status=Status.DOWNLOADING), Keep())

    @law
    def test_t2_threads_that_claim_at_once_share_the_jobs_out(self, stores: Stores) -> None:
        """Of many jobs each is claimed once, by threads at two instances, and none is left."""
        stores.first.add([new(number) for number in range(_JOBS)])

        def take(store: MetadataStore) -> list[Hold]:
            taken = []
            while (hold := stores.claim(store)) is not None:
                taken.append(hold)
            return taken

        told = stores.at_once([partial(take, store) for store in (stores.first, stores.second) * 3])
        taken = [hold.job.id for each in told for hold in each]
        assert len(set(taken)) == len(taken), "a job was given to two who claimed at once"
        assert len(taken) == _JOBS, "a job that is due was given to nobody"

    @law
    def test_t2_processes_that_claim_at_once_share_the_jobs_out(self, stores: Stores) -> None:
        """Of many jobs each is claimed once by two processes that ask at the same moment."""
        if not stores.shared:
            return
        stores.first.add([new(number) for number in range(_JOBS)])
        taken = []
        with stores.process() as one, stores.process() as other:
            for _ in range(_JOBS // 2):
                for process in (one, other):
                    process.tell("claim")
                taken += [process.answer() for process in (one, other)]
        assert None not in taken, "a job that is due was given to nobody"
        assert len(set(taken)) == len(taken), "a job was given to two processes that claimed at once"

    @law
    def test_t2_a_job_whose_lease_is_over_is_taken_over(self, stores: Stores) -> None:
        """The next holder learns who held it, and in which step that one was; a claim wipes the progress."""
        first = stores.held()
        stores.first.beat([Beat(first.attempt, "store:archive", 7, 9)], SHORT)
        second = eventually(lambda: stores.claim(stores.second), "a job is not claimed when its lease is over")
        assert second.attempt != first.attempt, "two holds have one attempt"
        assert second.previous == first.attempt, "who takes a job over is not told who held it"
        assert (second.job.stage, second.job.done, second.job.total) == ("store:archive", 7, 9), (
            "who takes a job over is not told how far the one before was"
        )
        assert second.job.attempts == (first.attempt, second.attempt), "a job does not know its attempts"
        assert stores.job(first.job.id).stage == "", "a claim leaves the progress of the attempt before"
        stores.first.save(second, second.job, Again())
        assert stores.must_claim().previous is None, "an attempt that ended is told to have crashed"

    @law
    @then_each
    def test_t3_a_save_by_the_holder_before_changes_nothing(self, stores: Stores, then: Then) -> None:
        """Who lost the job to another cannot write into it."""
        first = stores.lapsed()
        stores.must_claim(stores.second)
        with (
            stores.unchanged("who lost a job has written into it"),
            refused("a save of an attempt went through that another one has followed", AttemptLost, Kind.CRASHED),
        ):
            stores.first.save(first, rich(first), then, site=Gate(LONG, "429"))

    @law
    def test_t3_a_save_with_the_attempt_of_another_job_changes_nothing(self, stores: Stores) -> None:
        """An attempt opens one job and no other, and an invented one opens none."""
        one, other = stores.held(1), stores.held(2)
        with stores.unchanged("an attempt has written into another job"):
            for attempt in (other.attempt, AttemptId("0" * 32)):
                wrong = evolve(one, attempt=attempt)
                with refused("a save went through with the attempt of another job", AttemptLost):
                    stores.first.save(wrong, rich(wrong), Done(), site="open")

    @law
    @pytest.mark.parametrize("then", THENS[1:], ids=["again", "done"])
    def test_t3_who_put_the_job_down_holds_it_no_more(self, stores: Stores, then: Then) -> None:
        """After Again and Done the attempt opens nothing, and a beat says so."""
        hold = stores.held()
        stores.first.save(hold, hold.job, then)
        with stores.unchanged("who put a job down has written into it"):
            with refused("a save went through after the job was put down", AttemptLost):
                stores.first.save(hold, rich(hold), Keep())
            assert stores.first.beat([Beat(hold.attempt, "fetch", 1, 2)], LONG) == {hold.attempt: "lost"}, (
                "a beat of an attempt that ended is not told to be lost"
            )

    @law
    def test_t3_a_beat_extends_the_leases_that_last(self, stores: Stores) -> None:
        """One call extends all leases and keeps their progress, and a lease may be made shorter too."""
        one, other = stores.held(1), stores.held(2)
        beats = [Beat(one.attempt, "fetch", 5, None), Beat(other.attempt, "store:nas", 6, 7)]
        assert stores.first.beat(beats, 3 * LONG) == {}, "a lease that lasts is told to be lost"
        due = stores.second.next_due(home="here", handover=LONG)
        assert due is not None
        assert 2 * LONG < due <= 3 * LONG, "a beat has not extended the leases, or not by what was asked"
        found = [stores.job(hold.job.id) for hold in (one, other)]
        assert [(job.stage, job.done, job.total) for job in found] == [("fetch", 5, None), ("store:nas", 6, 7)], (
            "the progress of a beat is not recorded"
        )
        assert stores.first.beat([], LONG) == {}, "a beat of nobody names somebody"

    @law
    def test_t3_a_beat_revives_no_attempt_that_is_lost(self, stores: Stores) -> None:
        """Among others that go on, one whose lease is over is named, and changed in nothing."""
        kept, lost = stores.held(2), stores.lapsed(1)
        before = stores.job(lost.job.id)
        beats = [Beat(lost.attempt, "fetch", 6, 7), Beat(kept.attempt, "fetch", 5, 9)]
        assert stores.first.beat(beats, LONG) == {lost.attempt: "lost"}, "a beat does not name who lost the job"
        assert stores.job(lost.job.id) == before, "a beat has written the progress of an attempt that is lost"
        assert stores.job(kept.job.id).done == 5, "a lost attempt costs the beat of another one"
        with refused("a beat has revived an attempt that was lost", AttemptLost):
            stores.first.save(lost, lost.job, Keep())
        assert stores.must_claim(stores.second).job.id == lost.job.id, "a beat has revived an attempt that was lost"

    @law
    def test_t3_keep_leaves_the_lease_as_it_is(self, stores: Stores) -> None:
        """A save that goes on holding neither shortens nor lengthens the hold, and the next one follows from it."""
        hold = stores.held(lease=2 * LONG)
        hold = stores.first.save(hold, evolve(hold.job, status=Status.DOWNLOADING), Keep())
        assert hold.job.status is Status.DOWNLOADING, "a save does not return the job that it saved"
        due = stores.second.next_due(home="here", handover=LONG)
        assert due is not None
        assert LONG < due <= 2 * LONG, "a save that goes on holding has changed the lease"
        stores.first.save(hold, evolve(hold.job, status=Status.FETCHED), Keep())
        assert stores.job(hold.job.id).status is Status.FETCHED, "the second save of a hold is not recorded"

    @law
    @then_each
    @pytest.mark.parametrize("taken_over", [False, True], ids=["lies", "taken over"])
    def test_t3_a_released_attempt_can_neither_save_nor_beat(
        self, stores: Stores, then: Then, taken_over: Literal[True, False]
    ) -> None:
        """A worker that was taken for dead changes nothing, even where nobody has taken its job up yet."""
        hold = stores.held(worker=DEAD)
        assert stores.second.release(DEAD) == 1, "release did not count what it made due"
        if taken_over:
            stores.must_claim(stores.second)
        with stores.unchanged("an attempt that was released has written something"):
            with refused("a save went through after its attempt was released", AttemptLost):
                stores.first.save(hold, rich(hold), then, site=Gate(LONG, "429"))
            assert stores.first.beat([Beat(hold.attempt, "fetch", 1, 2)], LONG) == {hold.attempt: "lost"}, (
                "a beat after the release is not told to be lost"
            )

    @law
    def test_release_makes_due_what_a_dead_worker_held(self, stores: Stores) -> None:
        """Long before the leases end each of its jobs is claimed, and told who held it and how far that one was."""
        stores.first.add([new(1), new(2)])
        dead = [stores.must_claim(worker=DEAD) for _ in range(2)]
        stores.first.beat([Beat(hold.attempt, "store:archive", 7, 9) for hold in dead], LONG)
        assert stores.second.release(DEAD) == 2, "release did not count what it made due"
        for hold in dead:
            again = stores.must_claim()
            assert (again.job.id, again.previous) == (hold.job.id, hold.attempt), "a released job lost its history"
            assert (again.job.stage, again.job.done, again.job.total) == ("store:archive", 7, 9), (
                "who takes a released job over is not told how far the one before was"
            )

    @law
    def test_release_touches_only_what_that_worker_holds(self, stores: Stores) -> None:
        """Others keep theirs, names that resemble its own among them, and what it has put down goes its way."""
        stores.first.add([new(number) for number in range(6)])
        names = [DEAD, DEAD, "host:66", "HOST:666", "host:6666"]
        rests, ends, *others = (stores.must_claim(worker=name) for name in names)
        stores.first.save(rests, rests.job, Again(LONG))
        stores.first.save(ends, ends.job, Done())
        with stores.unchanged("a release changed what its worker does not hold"):
            for worker in (DEAD, "", "nobody"):
                assert stores.first.release(worker) == 0, "a release counts what its worker does not hold"
        beats = [Beat(hold.attempt, "fetch", 1, 2) for hold in others]
        assert stores.first.beat(beats, LONG) == {}, "a release took a job from another worker"

    @law
    def test_t7_nobody_waits_for_a_caller_who_computes(self, stores: Stores) -> None:
        """Between the pages of a find and of a list of sites, others do all that there is to do."""
        stores.first.add([new(number) for number in range(self.many)])  # type: ignore[attr-defined]
        stores.first.gate("example.com", Gate(ZERO, "429"))
        found, sites = stores.first.find(Query()), stores.first.sites()
        next(found), next(sites)
        store = stores.second

        def others() -> None:
            stores.first.gate("example.com", "open")
            hold = stores.must_claim(store)
            store.beat([Beat(hold.attempt, "fetch", 1, 2)], LONG)
            store.save(hold, hold.job, Again(timedelta(minutes=1)))
            store.add([new("one more")])
            store.release(DEAD)
            store.next_due(home="here", handover=LONG)

        stores.at_once([others])
        rest = sum(1 for _ in found)
        assert rest == self.many, "a find lost or repeated a job while others wrote"  # type: ignore[attr-defined]
