"""T2 and T3, down to the last row: who does not hold a job changes nothing of the database."""

from datetime import datetime, timedelta

import pytest
from attrs import evolve

from haulage.contracts.metadata import Again, Beat, Done, Gate, Keep
from haulage.errors import AttemptLost, Kind
from haulage.values import AttemptId, Status

LONG = timedelta(minutes=5)
SHORT = timedelta(milliseconds=200)


def test_t2_a_held_job_is_not_claimed(store, new, claim):
    """While its lease lasts nobody else gets the job."""
    store.add([new(1)])
    assert claim(store) is not None
    assert claim(store) is None


def test_t2_a_job_whose_lease_is_over_is_taken_over(store, new, claim, must_claim, eventually):
    """The next holder learns who held it, and in which step that one was."""
    store.add([new(1)])
    first = must_claim(store)
    store.beat([Beat(first.attempt, "store:archive", 7, 9)], SHORT)
    second = eventually(lambda: claim(store))
    assert second.attempt != first.attempt
    assert second.previous == first.attempt
    assert (second.job.stage, second.job.done, second.job.total) == ("store:archive", 7, 9)
    assert len(second.job.attempts) == 2
    third = store.save(second, second.job, Again())
    assert third.job == second.job
    assert must_claim(store).previous is None


@pytest.mark.parametrize("then", [Keep(), Again(), Done()])
def test_t3_a_save_after_the_lease_changes_nothing(store, dump, new, must_claim, lapsed, rich, then):
    """Who slept past the lease is told so, even where nobody else has taken the job yet."""
    store.add([new(1)])
    hold = must_claim(store, lease=SHORT)
    lapsed(hold)
    before = dump()
    with pytest.raises(AttemptLost) as caught:
        store.save(hold, rich(hold), then, site=Gate(LONG, "429"))
    assert caught.value.failure.kind is Kind.CRASHED
    assert dump() == before


@pytest.mark.parametrize("then", [Keep(), Again(), Done()])
def test_t3_a_save_by_the_holder_before_changes_nothing(store, dump, new, claim, must_claim, eventually, rich, then):
    """Who lost the job to another cannot write into it."""
    store.add([new(1)])
    first = must_claim(store, lease=SHORT)
    eventually(lambda: claim(store))
    before = dump()
    with pytest.raises(AttemptLost):
        store.save(first, rich(first), then, site="open")
    assert dump() == before


def test_t3_a_save_with_the_attempt_of_another_job_changes_nothing(store, dump, new, must_claim, rich):
    """An attempt opens one job and no other, and an invented one opens none."""
    store.add([new(1), new(2)])
    one, other = must_claim(store), must_claim(store)
    before = dump()
    for hold in (evolve(one, attempt=other.attempt), evolve(one, attempt=AttemptId("0" * 32))):
        with pytest.raises(AttemptLost):
            store.save(hold, rich(hold), Done())
    assert dump() == before


@pytest.mark.parametrize("then", [Again(), Done()])
def test_t3_who_put_the_job_down_holds_it_no_more(store, dump, new, must_claim, rich, then):
    """After Again and Done the attempt opens nothing."""
    store.add([new(1)])
    hold = must_claim(store)
    store.save(hold, hold.job, then)
    before = dump()
    with pytest.raises(AttemptLost):
        store.save(hold, rich(hold), Keep())
    assert store.beat([Beat(hold.attempt, "fetch", 1, 2)], LONG) == {hold.attempt: "lost"}
    assert dump() == before


def test_t3_beats_keep_the_lease_and_tell_who_lost_his(store, ask, new, must_claim, lapsed):
    """One call extends all leases that last, keeps their progress, and names the others."""
    store.add([new(1), new(2)])
    kept, lost = must_claim(store, lease=LONG), must_claim(store, lease=SHORT)
    lapsed(lost)
    [(before,)] = ask("select due_at from video_processing_jobs where attempt = ?", kept.attempt)
    beats = [Beat(kept.attempt, "fetch", 5, None), Beat(lost.attempt, "fetch", 6, 7)]
    assert store.beat(beats, 2 * LONG) == {lost.attempt: "lost"}
    [(after,)] = ask("select due_at from video_processing_jobs where attempt = ?", kept.attempt)
    assert timedelta(minutes=4) < datetime.fromisoformat(after) - datetime.fromisoformat(before) < timedelta(minutes=6)
    assert ask("select stage, done, total from video_processing_jobs order by number") == [
        ("fetch", 5, None),
        ("", 0, None),
    ]
    assert store.beat([], LONG) == {}


def test_t3_keep_leaves_the_lease_as_it_is(store, ask, new, must_claim):
    """A save that goes on holding does not shorten or end the hold, and the next one follows from it."""
    store.add([new(1)])
    hold = must_claim(store)
    held = "select attempt, due_at from video_processing_jobs"
    before = ask(held)
    hold = store.save(hold, evolve(hold.job, status=Status.DOWNLOADING), Keep())
    assert hold.job.status is Status.DOWNLOADING
    assert ask(held) == before
    store.save(hold, evolve(hold.job, status=Status.FETCHED), Keep())
    assert ask("select status from video_processing_jobs") == [("fetched",)]
