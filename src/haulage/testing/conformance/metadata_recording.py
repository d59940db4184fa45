"""T1, T5 and T8: what a call wrote is there as a whole, for everybody, and one video has one job."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from attrs import evolve

from haulage.contracts.metadata import Again, Beat, Done, Gate, Hold, Keep, Query
from haulage.errors import AttemptLost, Duplicate, Kind, StoreError
from haulage.testing.conformance.law import law, refused
from haulage.testing.conformance.metadata_stores import (
    LONG,
    ZERO,
    Stores,
    a_copy,
    a_video,
    assert_recorded,
    new,
    rich,
)
from haulage.values import JobId, Status

_ROUNDS = 6
_PAUSE = 0.001
"""Seconds; those who do nothing but claim would keep others from a database that one may write at a time."""


class RecordingLaws:
    """What was written is there, as it was written."""

    @law
    def test_prepare_again_changes_nothing(self, stores: Stores) -> None:
        """Every worker prepares, and only the first one makes anything."""
        stores.first.add([new(1)])
        with stores.unchanged("prepare changed a store that was prepared already"):
            stores.first.prepare()
            stores.second.prepare()

    @law
    def test_closing_twice_is_harmless(self, stores: Stores) -> None:
        """A store may be closed again, and what it wrote stays."""
        store = stores.fresh()
        store.add([new(1)])
        store.close()
        store.close()
        if stores.shared:
            assert [job.request for job in stores.second.find(Query())] == [new(1).request], "a close lost a job"

    @law
    def test_t1_what_a_call_wrote_is_there_when_it_returns(self, stores: Stores) -> None:
        """Another instance sees each change at once."""
        assert stores.first.add([new(1), new(2)], batch="b") == 2, "add did not count what was new"
        found = list(stores.second.find(Query(batch="b")))
        assert [job.request for job in found] == [new(1).request, new(2).request], "added jobs are not there"
        hold = stores.must_claim()
        assert stores.job(hold.job.id).attempts == (hold.attempt,), "a claim is not recorded"
        stores.first.beat([Beat(hold.attempt, "fetch", 5, 10)], LONG)
        job = stores.job(hold.job.id)
        assert (job.stage, job.done, job.total) == ("fetch", 5, 10), "the progress of a beat is not recorded"
        hold = stores.first.save(hold, evolve(hold.job, status=Status.FETCHED), Keep())
        assert stores.job(hold.job.id).status is Status.FETCHED, "a save is not recorded"
        stores.first.gate("example.com", Gate(None, "sign in"))
        assert [site.reason for site in stores.second.sites()] == ["sign in"], "a closed site is not recorded"

    @law
    def test_t1_what_a_call_wrote_outlives_its_process(self, stores: Stores) -> None:
        """A process that is killed right after its calls returned has lost nothing, and what it held is held."""
        if not stores.shared:
            return
        stores.first.add([new(1), new(2)])
        with stores.process() as process:
            process.call("add", "https://example.com/3", "example.com")
            saved = process.call("claim")
            process.call("save", "done", "downloaded", None, "v1")
            held = process.call("claim")
            process.call("beat")
            process.kill()
        urls = [job.request.url for job in stores.second.find(Query())]
        assert urls == [f"https://example.com/{number}" for number in (1, 2, 3)], "a kill lost a job"
        done, working = stores.job(JobId(saved)), stores.job(JobId(held))
        assert (done.status, done.video and done.video.id) == (Status.DOWNLOADED, "v1"), "a kill lost a save"
        assert (working.stage, len(working.attempts)) == ("fetch", 1), "a kill lost a claim or a beat"
        assert stores.must_claim().job.request == new(3).request, "a job is claimed that a dead process still holds"

    @law
    def test_t1_an_add_that_fails_adds_nothing(self, stores: Stores) -> None:
        """A list of jobs is there as a whole or not at all."""

        def broken() -> object:
            yield from (new(number) for number in range(5))
            raise RuntimeError

        with stores.unchanged("an add that failed left some of its jobs"):
            try:
                stores.first.add(broken())  # type: ignore[arg-type]
            except RuntimeError:
                pass
            else:
                raise AssertionError("the error of whoever gives the jobs was swallowed")

    @law
    def test_t1_a_job_is_always_seen_whole(self, stores: Stores) -> None:
        """Whoever looks while a job is saved finds it as it was before or as it is after."""
        hold = stores.held()
        two = rich(hold, status=Status.DOWNLOADED)
        one = evolve(two, status=Status.UPLOADING, copies=two.copies[:1], files=(), facts=None, home=None)
        stores.first.save(hold, one, Keep())

        def write() -> None:
            for _ in range(_ROUNDS):
                stores.first.save(hold, two, Keep())
                stores.first.save(hold, one, Keep())

        with ThreadPoolExecutor(1) as pool:
            writing = pool.submit(write)
            while not writing.done():
                found = stores.job(hold.job.id)
                assert_recorded(found, two if found.home else one, "a job is seen while half of it is written")
            writing.result()

    @law
    def test_t1_a_cool_down_comes_with_its_save(self, stores: Stores) -> None:
        """Nobody claims the next job of a site between the save of one that was refused and the cool-down."""
        for turn in range(_ROUNDS):
            site = f"{turn}.example"
            stores.first.add([new(1, site=site)], batch=site)
            hold, saved = stores.must_claim(batch=site), threading.Event()

            def save(hold: Hold = hold, saved: threading.Event = saved) -> None:
                try:
                    stores.first.save(hold, hold.job, Again(), site=Gate(LONG, "429"))
                finally:
                    saved.set()

            def claim(site: str = site, saved: threading.Event = saved) -> Hold | None:
                slipped = None
                while not saved.is_set() and slipped is None:
                    slipped = stores.claim(stores.second, batch=site)
                    time.sleep(_PAUSE)
                return slipped

            told = stores.at_once([save, claim])
            assert told[1] is None, "a job of a site that refused was claimed before the cool-down was written"
            assert told[0] is None, f"a save beside others who claim failed: {told[0]}"

    @law
    def test_t5_a_claim_gives_what_was_saved(self, stores: Stores) -> None:
        """Everything in the record survives being put down and taken up, by whatever instance."""
        stores.first.add([new(1)], batch="b", parent=JobId("f" * 32))
        hold = stores.must_claim(stores.second)
        assert (hold.job.parent, hold.job.request, hold.job.site) == ("f" * 32, new(1).request, "example.com"), (
            "a claim does not give what was added"
        )
        saved = rich(hold, twin=JobId("e" * 32))
        stores.first.save(hold, saved, Again())
        again = stores.must_claim(stores.second)
        assert_recorded(again.job, saved, "a claim does not give what was saved")
        assert again.job.attempts == (hold.attempt, again.attempt), "a job does not know its attempts, oldest first"
        changed = evolve(again.job, copies=(a_copy(again, state="deleted"),), files=(), facts=None, home=None)
        stores.second.save(again, changed, Again())
        assert_recorded(stores.must_claim().job, changed, "what a save left out is still there")

    @law
    def test_t5_a_fresh_instance_sees_everything(self, stores: Stores) -> None:
        """One that is built later, as after a restart, knows jobs, holds and closed sites."""
        if not stores.shared:
            return
        hold = stores.held()
        stores.first.save(hold, rich(hold), Keep())
        stores.first.add([new(2, site="closed.example")])
        stores.first.gate("closed.example", Gate(LONG, "429"))
        fresh = stores.fresh()
        assert_recorded(next(fresh.find(Query(ids=(hold.job.id,)))), rich(hold), "a fresh instance sees another job")
        assert stores.claim(fresh) is None, "a fresh instance claims what is held, or a site that is closed"
        assert [site.name for site in fresh.sites()] == ["closed.example"], "a fresh instance forgot a closed site"

    @law
    def test_t5_another_process_sees_what_was_saved(self, stores: Stores) -> None:
        """What one process saved is what the next one works with, in both directions."""
        if not stores.shared:
            return
        hold = stores.held()
        stores.first.save(hold, evolve(hold.job, status=Status.FETCHED), Again())
        with stores.process() as process:
            assert process.call("claim") == hold.job.id, "another process does not claim what was put down"
            process.call("save", "again", "uploading", "here", "v1")
        found = stores.must_claim().job
        assert (found.status, found.home, found.video and found.video.id) == (Status.UPLOADING, "here", "v1"), (
            "what another process saved is not what is claimed"
        )

    @law
    def test_t5_a_job_whose_site_changed_can_be_claimed(self, stores: Stores) -> None:
        """A URL that turns out to belong to a site nobody has met yet does not lose its job."""
        hold = stores.held()
        stores.first.save(hold, evolve(hold.job, site="youtube"), Again())
        assert stores.must_claim().job.site == "youtube", "a job is of another site than was saved"
        assert stores.first.gate("youtube", "open") is True, "the site of a job is not known"

    @law
    def test_text_of_any_alphabet_and_length_is_kept(self, stores: Stores) -> None:
        """Titles, names and ids come back as they were; ones that differ in their end alone are told apart."""
        long = "https://example.com/" + "x" * 5000
        names = ["Ünï 😀 wide", "' \" ; -- % _ \\ / ?", " x ", "line\nend\t", long + "1", long + "2"]
        for number, name in enumerate(names):
            hold = stores.held(number)
            video = a_video(name, hold.job.request.url, title=f"title {name}", channel_id=name)
            saved = evolve(hold.job, video=video, home=name, status=Status.DOWNLOADED)
            stores.first.save(hold, saved, Done())
            found = list(stores.second.find(Query(video_id=name)))
            assert [job.id for job in found] == [hold.job.id], "a job is not found by the id of its video"
            assert_recorded(found[0], saved, "text comes back changed")

    @law
    def test_text_that_cannot_be_kept_costs_no_job(self, stores: Stores) -> None:
        """NUL and half a surrogate pair, which databases refuse, may be replaced; its id still finds the video."""
        names = ["nul\0", "\ud800half"]
        for number, name in enumerate(names):
            hold = stores.held(number)
            video = a_video(name, hold.job.request.url, title=name, channel_id=name)
            stores.first.save(hold, evolve(hold.job, video=video), Done())
            assert [job.id for job in stores.second.find(Query(video_id=name))] == [hold.job.id], (
                "a job is not found by the id of its video"
            )
        hold = stores.held(9)
        with refused("two jobs have one video", Duplicate):
            stores.first.save(hold, evolve(hold.job, video=a_video(names[0])), Keep())

    @law
    def test_t8_of_two_jobs_with_one_video_the_second_is_a_duplicate(self, stores: Stores) -> None:
        """The second save changes nothing, and says which job has the video; another variant is another video."""
        one, other = stores.held(1), stores.held(2)
        stores.first.save(one, evolve(one.job, video=a_video()), Keep())
        with stores.unchanged("a save that is a duplicate has written something"):
            with refused("two jobs have one video", Duplicate, Kind.CONFLICT) as raised:
                stores.second.save(other, rich(other), Done(), site=Gate(LONG, "429"))
            [error] = raised
            assert isinstance(error, Duplicate)
            assert error.other == one.job.id, "a duplicate names another job than the one that has the video"
        stores.first.save(other, evolve(other.job, video=a_video(variant="audio")), Keep())
        stores.first.save(one, evolve(one.job, video=a_video(title="again")), Done())

    @law
    def test_t8_of_saves_that_race_with_one_video_one_succeeds(self, stores: Stores) -> None:
        """However many jobs turn out to be one video at once, one gets it."""
        stores.first.add([new(number) for number in range(6)])
        holds = [stores.must_claim() for _ in range(6)]
        works = [
            lambda hold=hold, store=store: store.save(hold, evolve(hold.job, video=a_video()), Keep())
            for hold, store in zip(holds, (stores.first, stores.second) * 3, strict=True)
        ]
        told = stores.at_once(works)
        owners = [job.id for job in stores.second.find(Query(video_id="v1"))]
        assert len(owners) == 1, "of saves that race with one video not exactly one has it"
        for hold, given in zip(holds, told, strict=True):
            if hold.job.id == owners[0]:
                assert not isinstance(given, StoreError), f"the one that has the video was refused: {given}"
            else:
                assert isinstance(given, Duplicate), f"a save of a video that another job has gave {given!r}"
                assert given.other == owners[0], "a duplicate names another job than the one that has the video"

    @law
    def test_t8_an_add_makes_no_second_job_of_a_video(self, stores: Stores) -> None:
        """Where the identity is known already, a list that has a video twice gives one job, and is no failure."""
        twice = [new(1, video=a_video()), new(2, video=a_video(url="https://example.com/2")), new(3)]
        assert stores.first.add(twice) == 2, "two jobs were made of one video"
        assert stores.second.add([new(4, video=a_video())]) == 0, "a video has got a second job"
        assert [job.request.url for job in stores.second.find(Query())] == [
            "https://example.com/1",
            "https://example.com/3",
        ], "other jobs are there than were added"

    @law
    @pytest.mark.parametrize("then", [Again(timedelta(minutes=1)), Done(), Keep()], ids=["again", "done", "keep"])
    def test_t3_a_save_that_is_refused_changes_nothing(self, stores: Stores, then: Again | Done | Keep) -> None:
        """Whose lease is over writes neither the job, nor its copies and tries, nor what becomes of the site."""
        hold = stores.lapsed()
        with (
            stores.unchanged("a save after the lease has written something"),
            refused("a save went through after the lease", AttemptLost),
        ):
            stores.first.save(hold, rich(hold), then, site=Gate(LONG, "429"))
        assert stores.second.next_due(home="here", handover=LONG) == ZERO, "a save after the lease moved its job"
