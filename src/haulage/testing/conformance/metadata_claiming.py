"""Which job comes next, and when."""

from datetime import timedelta
from typing import Any

from attrs import evolve

from haulage.contracts.metadata import Again, Done, Gate, Query
from haulage.testing.conformance.law import law
from haulage.testing.conformance.metadata_stores import (
    HERE,
    LONG,
    SHORT,
    THERE,
    ZERO,
    Stores,
    eventually,
    new,
    rich,
)
from haulage.values import JobId

_TICK = timedelta(milliseconds=50)


def due(stores: Stores, **rest: Any) -> float | None:
    """How long until a claim may succeed, in seconds."""
    wait = stores.second.next_due(**{"home": HERE, "handover": LONG, **rest})
    return None if wait is None else wait.total_seconds()


def about(seconds: float, found: float | None) -> bool:
    """Whether it is so many seconds, or up to a minute less."""
    return found is not None and seconds - 60 < found <= seconds


class ClaimingLaws:
    """Which job comes next, and when."""

    @law
    def test_jobs_are_claimed_in_the_order_they_became_due(self, stores: Stores) -> None:
        """First come, first served, across sites; a job that was put down goes to the end."""
        stores.first.add([new(number) for number in (3, 1, 2)])
        stores.first.add([new(0, site="other.example")])
        first = stores.must_claim()
        stores.first.save(first, first.job, Again(_TICK))
        urls = [first.job.request.url, *(stores.must_claim().job.request.url for _ in range(3))]
        stores.wait_until_due()
        urls.append(stores.must_claim().job.request.url)
        assert urls == [
            "https://example.com/3",
            "https://example.com/1",
            "https://example.com/2",
            "https://other.example/0",
            "https://example.com/3",
        ], "jobs are claimed in another order than they became due"

    @law
    def test_a_job_that_rests_is_claimed_when_its_time_has_come(self, stores: Stores) -> None:
        """Before its time nobody gets it, afterwards the next one who asks does."""
        one, other = stores.held(1), stores.held(2)
        stores.first.save(one, one.job, Again(LONG))
        stores.first.save(other, other.job, Again(SHORT))
        again = eventually(lambda: stores.claim(stores.second), "a job does not become due when its time has come")
        assert again.job.id == other.job.id, "a job was claimed while it rests"
        assert stores.claim() is None, "a job was claimed while it rests"

    @law
    def test_a_job_that_is_done_is_claimed_no_more(self, stores: Stores) -> None:
        """Nothing is left to do, and nothing to wait for."""
        stores.ended(1)
        assert stores.claim(handover=ZERO) is None, "a job that is done was claimed"
        assert due(stores) is None, "a job that is done is waited for"
        assert list(stores.second.find(Query(unfinished=True))) == [], "a job that is done is unfinished"

    @law
    def test_the_files_of_a_job_keep_it_at_home(self, stores: Stores) -> None:
        """A job whose files lie elsewhere is left to its home."""
        hold = stores.held(1)
        stores.first.add([new(2)])
        stores.first.save(hold, evolve(hold.job, home=THERE), Again())
        assert stores.must_claim().job.request == new(2).request, "a job was taken away from its files"
        assert stores.claim() is None, "a job was taken away from its files"
        assert stores.must_claim(stores.second, home=THERE).job.id == hold.job.id, "a job is not given to its home"

    @law
    def test_a_job_whose_home_stays_away_is_handed_over(self, stores: Stores) -> None:
        """After the handover time any workspace takes it, and not before."""
        hold = stores.held()
        stores.first.save(hold, evolve(hold.job, home=THERE), Again())
        assert stores.claim(handover=LONG) is None, "a job was handed over before its time"
        assert stores.claim(handover=timedelta.max) is None, "a job was handed over before its time"
        eventually(lambda: stores.claim(stores.second, handover=SHORT), "a job is never handed over")

    @law
    def test_who_has_no_room_gets_what_is_fetched(self, stores: Stores) -> None:
        """Of all that is due it is the jobs whose files lie there, in its batch, and no part of a download."""
        stores.first.add([new(1), new(2), new(3)], batch="a")
        fresh, part, whole = (stores.must_claim() for _ in range(3))
        stores.first.save(fresh, fresh.job, Again())
        stores.first.save(part, evolve(part.job, home=HERE), Again())
        for home, batch in ((HERE, ""), (HERE, "a"), (THERE, "")):
            assert stores.claim(home=home, batch=batch, handover=ZERO, fetched=True) is None, (
                "who has no room was given what is to be fetched"
            )
        stores.first.save(whole, rich(whole), Again())
        for home, batch in ((THERE, ""), (HERE, "b")):
            assert stores.claim(home=home, batch=batch, handover=ZERO, fetched=True) is None, (
                "who has no room was given a job of another home or batch"
            )
        found = stores.must_claim(stores.second, batch="a", fetched=True)
        assert found.job.id == whole.job.id, "who has no room was given what is to be fetched"

    @law
    def test_a_batch_is_claimed_alone(self, stores: Stores) -> None:
        """Who works for a batch gets its jobs and no others; who works for all gets all."""
        stores.first.add([new(1)], batch="a")
        stores.first.add([new(2)], batch="ab")
        assert stores.must_claim(batch="ab").job.request == new(2).request, "a job of another batch was claimed"
        for batch in ("ab", "b", "%"):
            assert stores.claim(batch=batch) is None, "a job of another batch was claimed"
        assert stores.must_claim().job.request == new(1).request, "who works for all did not get a batch's job"

    @law
    def test_a_named_job_is_claimed_alone_unless_it_is_held(self, stores: Stores) -> None:
        """It is given due or not, ended or not, away from its files and from a closed site; a held one is not."""
        ended = stores.ended(1)
        stores.first.add([new(2), new(3)])
        hold = stores.claim(stores.second, job=ended)
        assert hold is not None, "a job that has ended was not given to who named it"
        assert hold.job.id == ended, "another job was claimed than the one that was named"
        assert stores.claim(job=ended) is None, "a named job was claimed while somebody holds it"
        stores.first.save(hold, evolve(hold.job, home=THERE), Again(LONG), site=Gate(None, "closed"))
        named = stores.claim(job=ended)
        assert named is not None, "a job that rests, lies elsewhere or has a closed site was not given to who named it"
        assert named.attempt != hold.attempt, "two claims of one job gave one attempt"
        assert stores.claim(job=JobId("0" * 32)) is None, "a job that nobody added was claimed"
        lapsed = stores.claim(job=new(2).request.id, lease=SHORT)
        assert lapsed is not None, "a job that is due was not given to who named it"
        after = eventually(lambda: stores.claim(job=lapsed.job.id), "a named job is never taken over from the dead")
        assert after.previous == lapsed.attempt, "it is not told who held a named job before and crashed"

    @law
    def test_next_due_tells_when_to_come_again(self, stores: Stores) -> None:
        """Nothing left, something now, or the time until the first job is due."""
        assert due(stores) is None, "an empty store has something due"
        stores.first.add([new(1), new(2)], batch="a")
        assert due(stores) == 0, "what is due now is not told"
        assert due(stores, batch="b") is None, "a batch without jobs has something due"
        one, two = stores.must_claim(lease=timedelta(seconds=1000)), stores.must_claim(lease=timedelta(seconds=2000))
        assert about(1000, due(stores)), "the end of a lease is told wrongly"
        stores.first.save(one, one.job, Done())
        assert about(2000, due(stores)), "the end of a lease is told wrongly"
        stores.first.save(two, two.job, Again(timedelta(seconds=500)))
        assert about(500, due(stores)), "the end of a rest is told wrongly"
        assert about(500, due(stores, batch="a")), "the end of a rest is told wrongly to who works for a batch"

    @law
    def test_next_due_waits_for_the_site_and_the_home(self, stores: Stores) -> None:
        """A job that is due waits for its site to open, and for the handover where its files are elsewhere."""
        hold = stores.held()
        stores.first.save(hold, evolve(hold.job, home=THERE), Again())
        assert about(300, due(stores)), "the handover is told wrongly"
        assert due(stores, home=THERE) == 0, "what is due at home is not told"
        again = stores.must_claim(home=THERE)
        stores.first.save(again, again.job, Again(), site=Gate(timedelta(seconds=1000), "429"))
        for home in (HERE, THERE):
            assert about(1000, due(stores, home=home)), "a site that is closed is not waited for"
        stores.first.gate("example.com", Gate(None, "sign in"))
        assert due(stores) is None, "a site that waits for a person is waited for"
