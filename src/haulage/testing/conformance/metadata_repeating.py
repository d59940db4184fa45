"""T4, T6 and T7: repeated calls do no harm, time is the store's own, and every call ends."""

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from attrs import evolve

from haulage.contracts.metadata import Again, Beat, Done, Gate, Hold, Keep, MetadataStore, NewJob, Query
from haulage.errors import AttemptLost
from haulage.testing.conformance.law import law, refused
from haulage.testing.conformance.metadata_stores import (
    DEAD,
    HERE,
    LONG,
    ZERO,
    Stores,
    a_copy,
    a_video,
    new,
    rich,
)
from haulage.values import Request, Status

_DAY = 86_400
_AGES = timedelta(days=365 * 9000)


class RepeatingLaws:
    """Who does not know whether a call came through may make it again."""

    @law
    @pytest.mark.parametrize("then", [Keep(), Again(timedelta(minutes=1)), Done()], ids=["keep", "again", "done"])
    def test_t4_a_save_that_is_repeated_changes_nothing(self, stores: Stores, then: Keep | Again | Done) -> None:
        """The second call says what the first one did, from whatever instance, and no strike is counted twice."""
        hold = stores.held()
        gate = Gate(ZERO, "429")
        first = stores.first.save(hold, rich(hold), then, site=gate)
        with stores.unchanged("a save that was repeated has changed something"):
            for store in (stores.first, stores.second):
                assert store.save(hold, rich(hold), then, site=gate) == first, "a repeated save gives another answer"

    @law
    def test_t4_a_save_that_is_repeated_after_others_went_on_changes_nothing(self, stores: Stores) -> None:
        """The answer is still that of the first call when another worker has taken the job up; another save is lost."""
        hold = stores.held()
        first = stores.first.save(hold, rich(hold), Again())
        stores.must_claim(stores.second)
        with stores.unchanged("a save that was repeated has written into the job of another"):
            assert stores.first.save(hold, rich(hold), Again()) == first, "a repeated save gives another answer"
            with refused("another save was taken for a repeated one", AttemptLost):
                stores.first.save(hold, rich(hold, status=Status.FAILED), Again())

    @law
    def test_t4_jobs_that_are_added_twice_are_there_once(self, stores: Stores) -> None:
        """Asking again before a job has ended names the same job, in one call and in two."""
        jobs = [new(1), new(2, video=a_video("v2", "https://example.com/2"))]
        assert stores.first.add(jobs, batch="b") == 2, "add did not count what was new"
        with stores.unchanged("a job was added twice"):
            assert stores.first.add(jobs, batch="b") == 0, "what is there already was counted as new"
            assert stores.second.add([new(1), new(1)], batch="b", again=True) == 0, "what is there was counted as new"

    @law
    def test_t4_a_job_that_two_add_at_once_is_there_once(self, stores: Stores) -> None:
        """Two who add the same jobs at the same moment both succeed, and each job is counted once."""
        jobs = [new(number, video=a_video(f"v{number}")) for number in range(6)]
        told = stores.at_once(
            [partial(store.add, jobs) for store, jobs in ((stores.first, jobs), (stores.second, jobs[::-1]))]
        )
        assert all(isinstance(each, int) for each in told), f"an add beside another one failed: {told}"
        assert sum(told) == len(jobs), "a job that two added at once was counted twice, or not at all"
        found = [job.request.url for job in stores.second.find(Query())]
        assert sorted(found) == sorted(job.request.url for job in jobs), "other jobs are there than were added"

    @law
    def test_t4_a_beat_that_is_repeated_does_no_harm(self, stores: Stores) -> None:
        """The leases last as long as the last beat says."""
        hold = stores.held()
        for store in (stores.first, stores.second):
            assert store.beat([Beat(hold.attempt, "fetch", 1, 2)], LONG) == {}, "a repeated beat is told to be lost"

    @law
    def test_t4_a_release_that_is_repeated_changes_nothing(self, stores: Stores) -> None:
        """The second call finds nothing left, and takes nothing from who has claimed it meanwhile."""
        stores.first.add([new(1), new(2)])
        for _ in range(2):
            stores.must_claim(worker=DEAD)
        assert stores.first.release(DEAD) == 2, "release did not count what it made due"
        hold = stores.must_claim()
        with stores.unchanged("a release that was repeated has changed something"):
            assert stores.second.release(DEAD) == 0, "a release counts what it made due before"
        stores.first.save(hold, hold.job, Keep())

    @law
    @pytest.mark.parametrize("gate", [Gate(LONG, "429"), Gate(None, "sign in")], ids=["for a while", "for good"])
    def test_t4_a_site_that_is_opened_or_closed_twice_is_open_or_closed(self, stores: Stores, gate: Gate) -> None:
        """Who repeats an operator's call hears the same."""
        stores.first.add([new(1)])
        for store in (stores.first, stores.second):
            assert store.gate("example.com", gate) is True, "closing a site twice gives another answer"
            assert stores.claim() is None, "a site that was closed twice is open"
        for store in (stores.first, stores.second):
            assert store.gate("example.com", "open") is True, "opening a site twice gives another answer"
            assert list(stores.first.sites()) == [], "a site that was opened twice is closed"
        stores.must_claim()

    @law
    def test_t6_the_clock_of_a_process_does_not_matter(self, stores: Stores) -> None:
        """A worker whose clock is a day ahead, or jumps, neither takes what others hold nor loses what it holds."""
        stores.first.add([new(1), new(2)])
        ours = stores.must_claim() if stores.shared else None
        with stores.process() as process:
            if ours is None:
                for number in (1, 2):
                    process.call("add", f"https://example.com/{number}", "example.com")
                process.call("claim")
            process.call("jump", _DAY)
            theirs = process.call("claim")
            assert theirs is not None, "a worker whose clock is ahead gets nothing"
            assert ours is None or theirs != ours.job.id, "a worker whose clock is ahead took a job that another holds"
            assert process.call("claim", "nobody's") is None
            due = process.call("next_due")
            assert due is not None
            assert 0 < due <= LONG.total_seconds(), "a worker whose clock is ahead is told another wait"
        if ours is None:
            return
        with stores.process() as process:
            process.call("jump", -_DAY)
            process.call("add", "https://example.com/3", "example.com")
            held = process.call("claim")
            assert held is not None, "what a worker adds whose clock is behind is not due"
            process.call("save", "keep", "downloading", None, None)
            process.call("jump", 2 * _DAY)
            process.call("save", "later", "pending", None, None)
        assert stores.claim() is None, "a job rests by the clock of who put it down"
        wait = stores.first.next_due(home=HERE, handover=LONG)
        assert wait is not None
        assert ZERO < wait <= LONG, "a job rests by the clock of who put it down"
        stores.first.save(ours, ours.job, Keep())

    @law
    def test_t6_times_are_aware(self, stores: Stores) -> None:
        """What tells of a time has a zone, and is of today where store and test share a machine's clock roughly."""
        hold = stores.held()
        stores.first.save(hold, rich(hold), Again(), site=Gate(LONG, "429"))
        [site] = stores.second.sites()
        [ended] = stores.job(hold.job.id).tries
        for time in (site.opens, ended.ended):
            assert time is not None, "a time is missing"
            assert time.tzinfo is not None, "a time without a time zone"
            assert abs(time - datetime.now(UTC)) < timedelta(days=2), "a time is in another zone than it says"
        assert site.opens is not None
        assert ended.ended is not None
        assert site.opens - ended.ended == pytest.approx(LONG, abs=timedelta(seconds=30)), (
            "a site closed for another time"
        )

    @law
    @pytest.mark.parametrize("after", [timedelta.max, _AGES], ids=["longest", "ages"])
    def test_t6_a_wait_past_the_end_of_the_calendar_loses_no_job(self, stores: Stores, after: timedelta) -> None:
        """A site that asks for ten thousand years neither ends its jobs nor waits for a person."""
        hold = stores.held()
        stores.first.save(hold, hold.job, Again(after), site=Gate(after, "429"))
        assert stores.claim() is None, "a job rests shorter than it was told"
        wait = stores.first.next_due(home=HERE, handover=LONG)
        assert wait is not None, "a job that rests for ages is forgotten"
        assert wait > timedelta(days=365), "a job rests shorter than it was told"
        assert [job.id for job in stores.second.find(Query(unfinished=True))] == [hold.job.id], "a job is forgotten"
        stores.first.gate("example.com", "open")
        assert list(stores.second.sites()) == [], "a site that is closed for ages cannot be opened"

    @law
    def test_t7_whatever_is_done_at_once_every_call_ends(self, stores: Stores) -> None:
        """While some add, others claim, beat and save, and others read; each job is added and ended once."""
        each = 5

        def add(store: MetadataStore, who: int) -> int:
            return sum(store.add([new(f"{who}/{turn}"), new(f"shared/{turn}")]) for turn in range(each))

        def work(store: MetadataStore) -> list[str]:
            ended: list[str] = []
            in_vain = 0
            while in_vain < 50 and len(ended) < 3 * each:
                hold: Hold | None = stores.claim(store)
                if hold is None:
                    in_vain += 1
                    continue
                store.beat([Beat(hold.attempt, "fetch", 1, 2)], LONG)
                store.save(hold, evolve(hold.job, status=Status.DOWNLOADED), Done(), site="open")
                ended.append(hold.job.id)
            return ended

        def read(store: MetadataStore) -> None:
            for _ in range(each):
                found = [job.id for job in store.find(Query())]
                assert len(set(found)) == len(found), "a job is found twice while others write"
                store.next_due(home=HERE, handover=LONG)
                store.release(DEAD)

        first, second = stores.first, stores.second
        told = stores.at_once(
            [
                lambda: add(first, 1),
                lambda: add(second, 2),
                lambda: work(first),
                lambda: work(second),
                lambda: read(second),
            ]
        )
        wrong = [each for each in told if isinstance(each, Exception)]
        assert not wrong, f"a call beside others failed: {wrong}"
        assert told[0] + told[1] == 3 * each, "jobs that were added at once were counted wrongly"
        ended = [*told[2], *told[3], *work(first)]
        assert len(set(ended)) == len(ended) == 3 * each, "of jobs that were added at once not each was ended once"


class AddingLaws:
    """Adding jobs, and asking again."""

    @law
    def test_a_job_that_is_asked_for_again_joins_the_batch(self, stores: Stores) -> None:
        """Of two runs that want one waiting job, the later one gets it."""
        stores.first.add([new(1)], batch="a")
        stores.second.add([new(1)], batch="b")
        assert stores.claim(batch="a") is None, "a job is still of the batch that it has left"
        assert stores.must_claim(batch="b").job.request == new(1).request, "a job has not joined the batch"

    @law
    @pytest.mark.parametrize("status", [Status.FAILED, Status.DOWNLOADED, Status.EXPANDED], ids=str)
    def test_asking_again_reopens_what_has_ended(self, stores: Stores, status: Status) -> None:
        """A job that has ended is due once more, with its record, for whoever asks now; what failed counts no more."""
        ended = stores.ended(1, status, home=HERE, video=a_video())
        assert stores.second.add([new(1)], batch="b", again=True) == 0, "a job that was there was counted as new"
        hold = stores.must_claim(batch="b")
        assert (hold.job.id, hold.job.status, hold.previous) == (ended, status, None), "a job lost its record"
        assert hold.job.video == a_video(), "a job lost its video"
        assert (hold.job.asked_after, len(hold.job.attempts)) == (1, 2), "a job does not know what it was asked after"

    @law
    def test_asking_again_reopens_the_job_that_has_the_video(self, stores: Stores) -> None:
        """Whatever URL of it is asked for; a list that names it changes nothing."""
        hold = stores.held(1)
        stores.first.save(hold, evolve(hold.job, video=a_video("v")), Done())
        other = evolve(new(2), video=a_video("v"))
        stores.first.add([other])
        assert stores.claim() is None, "a job that has ended is due without being asked for"
        stores.first.add([other], batch="b", again=True)
        again = stores.claim(batch="b")
        assert again is not None, "the job that has the video is not due in the batch that asked for it"
        assert (again.job.id, again.job.request) == (hold.job.id, hold.job.request), "another job has the video now"
        assert again.job.asked_after == 1, "what failed before counts still"

    @law
    def test_asking_again_is_heard_while_an_object_goes(self, stores: Stores) -> None:
        """Whoever goes on with a deletion that was broken off is told that the video is wanted."""
        hold = stores.held(1)
        going = evolve(hold.job, video=a_video("v"), copies=(a_copy(hold, state="deleting"),))
        stores.first.save(hold, going, Again())
        stores.second.add([new(1)], batch="b", again=True)
        again = stores.must_claim(batch="b")
        assert again.job.asked_after == 1, "a job whose object goes does not know that it was asked for"
        assert again.job.copies[0].state == "deleting", "asking again has changed a copy"

    @law
    def test_without_asking_again_what_has_ended_stays(self, stores: Stores) -> None:
        """An entry of a list that was hauled before is not hauled again."""
        stores.ended(1)
        with stores.unchanged("adding a job that has ended has changed it"):
            assert stores.first.add([new(1)], batch="b") == 0, "a job that was there was counted as new"
        assert stores.claim() is None, "a job that has ended was opened without being asked for"

    @law
    def test_a_job_is_of_the_subscription_that_named_it_first(self, stores: Stores) -> None:
        """Also where another one names it later, and asks for it."""
        stores.first.add([new(1, subscription="a"), new(2)])
        stores.second.add([new(number, subscription="b") for number in (1, 2, 3)])
        told = [job.subscription for job in stores.second.find(Query())]
        assert told == ["a", "", "b"], "a job is not of the subscription that named it first"
        hold = stores.must_claim(job=new(1).request.id)
        stores.first.save(hold, evolve(hold.job, video=a_video()), Done())
        stores.second.add([new(1, subscription="b")], again=True)
        assert stores.job(hold.job.id).subscription == "a", "a video went over to the subscription that asked for it"
        found = [job.request for job in stores.second.find(Query(subscription="b"))]
        assert found == [new(3).request], "find gives other jobs than those of a subscription"

    @law
    def test_a_list_takes_the_subscription_that_asks_for_it(self, stores: Stores) -> None:
        """It stays listed then; where somebody else asks, it is of that subscription still, and is read as a whole."""
        stores.ended(1, Status.EXPANDED, listed=True)
        stores.second.add([new(1, subscription="a")], again=True)
        hold = stores.must_claim()
        assert hold.job.subscription == "a", "a list is not of the subscription that asks for it"
        assert hold.job.listed, "a list is to be read as a whole though it was, and a subscription asks for it"
        stores.first.save(hold, hold.job, Done())
        stores.second.add([new(1)], again=True)
        again = stores.must_claim().job
        assert again.subscription == "a", "a list was taken away from its subscription"
        assert not again.listed, "a list is not read as a whole for who asks for it"

    @law
    def test_asking_again_disturbs_nobody(self, stores: Stores) -> None:
        """A job that rests goes on resting, and one that is held stays in its holder's hands."""
        held, rests = stores.held(1), stores.held(2)
        stores.first.save(rests, rests.job, Again(LONG))
        stores.first.beat([Beat(held.attempt, "fetch", 5, 9)], LONG)
        with stores.unchanged("asking again has changed a job that is held or rests"):
            stores.second.add([new(1), new(2)], again=True)
        assert stores.claim() is None, "asking again has opened a job that is held or rests"
        stores.first.save(held, held.job, Done())

    @law
    def test_a_fresh_signature_gives_a_job_new_life(self, stores: Stores) -> None:
        """The URL that was given now is used, at once where the job waits; its id is the same."""
        old, fresh = (NewJob(Request(f"https://example.com/v.mp4?Signature={each}"), "s") for each in ("old", "new"))
        assert old.request.id == fresh.request.id
        stores.first.add([old])
        hold = stores.must_claim()
        stores.first.save(hold, hold.job, Again(LONG))
        assert stores.second.add([fresh], again=True) == 0, "another signature was counted as another job"
        hold = stores.must_claim()
        assert hold.job.request == fresh.request, "a job is tried with a signature that has run out"
        stores.first.save(hold, evolve(hold.job, request=Request("https://example.com/v.mp4")), Done())
        assert stores.job(hold.job.id).request.url == "https://example.com/v.mp4", "a signature is kept after the end"
        stores.first.add([fresh], again=True)
        assert stores.must_claim().job.request == fresh.request, "a job is tried without its signature"
