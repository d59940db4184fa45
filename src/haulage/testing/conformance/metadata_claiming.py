"""Which job comes next, when, and what a query finds."""

from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from attrs import evolve

from haulage.contracts.metadata import Again, Done, Gate, Keep, Query, Site
from haulage.testing.conformance.law import law
from haulage.testing.conformance.metadata_stores import (
    DEAD,
    HERE,
    LONG,
    SHORT,
    THERE,
    ZERO,
    Stores,
    a_video,
    eventually,
    new,
)
from haulage.values import JobId, Status

_TICK = timedelta(milliseconds=50)


def due(stores: Stores, **rest: Any) -> float | None:
    """How long until a claim may succeed, in seconds."""
    wait = stores.second.next_due(**{"home": HERE, "handover": LONG, **rest})
    return None if wait is None else wait.total_seconds()


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
    def test_a_batch_is_claimed_alone(self, stores: Stores) -> None:
        """Who works for a batch gets its jobs and no others; who works for all gets all."""
        stores.first.add([new(1)], batch="a")
        stores.first.add([new(2)], batch="ab")
        assert stores.must_claim(batch="ab").job.request == new(2).request, "a job of another batch was claimed"
        for batch in ("ab", "b", "%"):
            assert stores.claim(batch=batch) is None, "a job of another batch was claimed"
        assert stores.must_claim().job.request == new(1).request, "who works for all did not get a batch's job"

    @law
    def test_next_due_tells_when_to_come_again(self, stores: Stores) -> None:
        """Nothing left, something now, or the time until the first job is due."""
        assert due(stores) is None, "an empty store has something due"
        stores.first.add([new(1), new(2)], batch="a")
        assert due(stores) == 0, "what is due now is not told"
        assert due(stores, batch="b") is None, "a batch without jobs has something due"
        one, two = stores.must_claim(lease=timedelta(seconds=1000)), stores.must_claim(lease=timedelta(seconds=2000))
        assert _about(1000, due(stores)), "the end of a lease is told wrongly"
        stores.first.save(one, one.job, Done())
        assert _about(2000, due(stores)), "the end of a lease is told wrongly"
        stores.first.save(two, two.job, Again(timedelta(seconds=500)))
        assert _about(500, due(stores)), "the end of a rest is told wrongly"
        assert _about(500, due(stores, batch="a")), "the end of a rest is told wrongly to who works for a batch"

    @law
    def test_next_due_waits_for_the_site_and_the_home(self, stores: Stores) -> None:
        """A job that is due waits for its site to open, and for the handover where its files are elsewhere."""
        hold = stores.held()
        stores.first.save(hold, evolve(hold.job, home=THERE), Again())
        assert _about(300, due(stores)), "the handover is told wrongly"
        assert due(stores, home=THERE) == 0, "what is due at home is not told"
        again = stores.must_claim(home=THERE)
        stores.first.save(again, again.job, Again(), site=Gate(timedelta(seconds=1000), "429"))
        for home in (HERE, THERE):
            assert _about(1000, due(stores, home=home)), "a site that is closed is not waited for"
        stores.first.gate("example.com", Gate(None, "sign in"))
        assert due(stores) is None, "a site that waits for a person is waited for"


class FindingLaws:
    """What a query finds."""

    @law
    def test_find_gives_all_pages_in_order(self, stores: Stores) -> None:
        """Of many jobs each is found once, in the order they were added, and likewise by their ids."""
        jobs = [new(number, site=f"{number % 2}.example") for number in range(self.many)]  # type: ignore[attr-defined]
        for start in range(0, len(jobs), 500):
            stores.first.add(jobs[start : start + 500])
        wanted = [job.request.id for job in jobs]
        assert [job.id for job in stores.second.find(Query())] == wanted, "find misses jobs, or gives them out of order"
        backwards = Query(ids=(*wanted[::-1], wanted[7]))
        assert [job.id for job in stores.second.find(backwards)] == wanted, "find by ids misses jobs, or repeats them"
        of_site = [job.id for job in stores.second.find(Query(site="1.example"))]
        assert of_site == wanted[1::2], "what narrows a query narrows its first page alone"

    @law
    def test_find_does_not_miss_what_is_added_meanwhile(self, stores: Stores) -> None:
        """A job that is added while the pages are read comes last, and one that is changed does not come twice."""
        jobs = [new(number) for number in range(self.many)]  # type: ignore[attr-defined]
        stores.first.add(jobs)
        found = stores.first.find(Query())
        first = next(found)
        stores.second.add([new("last")])
        hold = stores.must_claim(stores.second)
        stores.second.save(hold, hold.job, Again())
        urls = [first.request.url, *(job.request.url for job in found)]
        wanted = [job.request.url for job in (*jobs, new("last"))]
        assert urls == wanted, "a find that goes on while others write misses a job, or repeats one"

    @law
    def test_find_filters(self, stores: Stores) -> None:
        """Each field of a query that is not empty narrows what is found."""
        names = {
            stores.ended(1, Status.FAILED): "failed",
            stores.ended(2, video=a_video("v1")): "done",
            stores.ended(3, video=evolve(a_video("v1"), source="elsewhere")): "twin",
        }
        stores.first.add([new(4), new(5, site="other.example")], batch="b")
        stores.first.add([new(6, site="other.example")])
        hold, rests = stores.must_claim(), stores.must_claim()
        stores.first.save(hold, evolve(hold.job, status=Status.DOWNLOADING, video=a_video("v2")), Keep())
        stores.first.save(rests, rests.job, Again(LONG))
        names |= {hold.job.id: "held", rests.job.id: "rests", new(6, site="other.example").request.id: "waits"}
        ids = {name: each for each, name in names.items()}
        for fields, expected in _QUERIES:
            named = {"ids": tuple(ids.get(name, JobId("0" * 32)) for name in fields.get("ids", ()))}
            found = [names[job.id] for job in stores.second.find(Query(**{**fields, **named}))]
            assert found == expected, f"find({dict(fields)}) gives other jobs than it should"


_QUERIES: list[tuple[Mapping[str, Any], list[str]]] = [
    ({}, ["failed", "done", "twin", "held", "rests", "waits"]),
    ({"status": (Status.DOWNLOADED, Status.FAILED)}, ["failed", "done", "twin"]),
    ({"batch": "b"}, ["held", "rests"]),
    ({"batch": "nobody's"}, []),
    ({"site": "other.example"}, ["rests", "waits"]),
    ({"site": "example"}, []),
    ({"video_id": "v1"}, ["done", "twin"]),
    ({"video_id": "v"}, []),
    ({"unfinished": True}, ["held", "rests", "waits"]),
    ({"ids": ("waits", "done")}, ["done", "waits"]),
    ({"ids": ("waits", "nobody", "waits")}, ["waits"]),
    ({"ids": ("nobody",)}, []),
    ({"ids": ("waits", "done"), "unfinished": True}, ["waits"]),
    ({"ids": ("twin", "held"), "video_id": "v1"}, ["twin"]),
    ({"ids": ("failed", "rests"), "status": (Status.FAILED,)}, ["failed"]),
    ({"site": "other.example", "batch": "b"}, ["rests"]),
    ({"status": (Status.DOWNLOADING,), "site": "example.com"}, ["held"]),
    ({"status": (Status.FAILED,), "batch": "b"}, []),
]


class SiteLaws:
    """Sites that close and open."""

    @law
    def test_a_closed_site_is_not_claimed_until_it_opens(self, stores: Stores) -> None:
        """No job of a site that refused begins during the cool-down, at whatever instance, and other sites go on."""
        stores.first.add([new(number) for number in range(3)])
        hold = stores.must_claim()
        stores.first.save(hold, hold.job, Again(), site=Gate(LONG, "429"))
        for store in (stores.first, stores.second):
            assert stores.claim(store) is None, "a job of a site that is closed was claimed"
        stores.first.add([new(7, site="other.example")])
        assert stores.must_claim().job.site == "other.example", "a closed site keeps others from being claimed"

    @law
    def test_a_cool_down_ends_by_itself(self, stores: Stores) -> None:
        """A site is claimed again as soon as its time is over."""
        hold = stores.held()
        stores.first.save(hold, hold.job, Again(), site=Gate(SHORT, "429"))
        assert due(stores) != 0, "a site that has just closed is due"
        again = eventually(lambda: stores.claim(stores.second), "a site stays closed when its cool-down is over")
        assert again.strikes == 1, "a hold does not know how often its site has refused"

    @law
    def test_a_site_with_strikes_is_asked_by_one_job_at_a_time(self, stores: Stores) -> None:
        """After a cool-down one job goes ahead; the others follow its success, and the next one its death."""
        stores.first.add([new(number) for number in range(5)])
        stores.first.gate("example.com", Gate(ZERO, "429"))
        scout = stores.must_claim(worker=DEAD)
        assert scout.strikes == 1, "a hold does not know how often its site has refused"
        assert stores.claim(stores.second) is None, "two jobs of a site that refused run at once"
        stores.first.release(DEAD)
        second = stores.must_claim()
        assert stores.claim(stores.second) is None, "two jobs of a site that refused run at once"
        stores.first.save(second, second.job, Keep(), site="open")
        assert [stores.must_claim(store).strikes for store in (stores.first, stores.second)] == [0, 0], (
            "a success does not forget the strikes"
        )

    @law
    def test_of_many_that_claim_at_once_one_gets_a_site_with_strikes(self, stores: Stores) -> None:
        """After a cool-down the workers of all processes come at once, and one of them goes ahead."""
        stores.first.add([new(number) for number in range(8)])
        stores.first.gate("example.com", Gate(ZERO, "429"))
        told = stores.at_once([partial(stores.claim, store) for store in (stores.first, stores.second) * 3])
        taken = [hold for hold in told if hold is not None]
        assert len(taken) == 1, "two jobs of a site that refused run at once"

    @law
    def test_strikes_are_counted_until_the_site_opens(self, stores: Stores) -> None:
        """Each refusal is a strike, and a success forgets them all."""
        stores.first.add([new(1)])
        for strikes in range(3):
            hold = eventually(lambda: stores.claim(stores.second), "a site stays closed")
            assert hold.strikes == strikes, "strikes are counted wrongly"
            stores.first.save(hold, hold.job, Again(), site=Gate(ZERO, "429"))
        hold = eventually(lambda: stores.claim(), "a site stays closed")
        stores.first.save(hold, hold.job, Again(), site="open")
        assert stores.must_claim().strikes == 0, "a success does not forget the strikes"
        assert list(stores.second.sites()) == [], "a site that has served is told to have refused"

    @law
    @pytest.mark.parametrize("gate", [Gate(LONG, "429"), Gate(None, "sign in")], ids=["for a while", "for good"])
    def test_a_success_does_not_open_a_site_that_is_closed_just_now(self, stores: Stores, gate: Gate) -> None:
        """An attempt that was under way when its site closed does not end the cool-down, nor forget the strike."""
        stores.first.add([new(1), new(2), new(3)])
        refused, served = stores.must_claim(), stores.must_claim()
        stores.first.save(refused, refused.job, Again(), site=gate)
        before = list(stores.second.sites())
        served = stores.second.save(served, served.job, Keep(), site="open")
        stores.second.save(served, served.job, Done(), site="open")
        assert list(stores.first.sites()) == before, "a success has opened a site that is closed just now"
        assert stores.claim() is None, "a success has opened a site that is closed just now"

    @law
    @pytest.mark.parametrize("by_hand", [False, True], ids=["by saves", "by hand"])
    @pytest.mark.parametrize(
        ("first", "second", "seconds"),
        [(1000, 100, 1000), (100, 1000, 1000), (None, 1000, None), (1000, None, None)],
        ids=["longer, shorter", "shorter, longer", "person, longer", "longer, person"],
    )
    def test_of_two_gates_the_stricter_one_counts(
        self, stores: Stores, by_hand: bool, first: int | None, second: int | None, seconds: int | None
    ) -> None:
        """A cool-down shortens no longer one, and none the wait for a person; each is a strike with its reason."""
        stores.first.add([new(number) for number in range(3)])
        holds = [stores.must_claim() for _ in range(2)]
        for hold, closed, reason in zip(holds, (first, second), ("429", "captcha"), strict=True):
            gate = Gate(None if closed is None else timedelta(seconds=closed), reason)
            stores.first.save(hold, hold.job, Again(), site=None if by_hand else gate)
            if by_hand:
                assert stores.second.gate("example.com", gate) is True, "the site of a job is not known"
        [site] = stores.first.sites()
        assert (site.name, site.strikes, site.reason) == ("example.com", 2, "captcha"), "a refusal is not counted"
        wait = due(stores)
        if seconds is None:
            assert site.opens is None, "a cool-down has ended the wait for a person"
            assert wait is None, "a site that waits for a person is waited for"
        else:
            assert _about(seconds, wait), "of two cool-downs the shorter one counts"

    @law
    def test_a_person_closes_and_opens_a_site(self, stores: Stores) -> None:
        """No job of it begins any more, who holds one goes on, and other sites are left alone."""
        stores.first.add([new(1), new(2), new(3)])
        hold = stores.must_claim()
        assert stores.second.gate("example.com", Gate(None, "maintenance")) is True, "the site of a job is not known"
        assert list(stores.first.sites()) == [Site("example.com", None, 1, "maintenance")], "a closed site is not told"
        stores.first.add([new(4, site="other.example")])
        assert stores.must_claim().job.site == "other.example", "a site that is closed was claimed, or others are not"
        stores.first.save(hold, hold.job, Done())
        assert stores.second.gate("example.com", "open") is True, "the site of a job is not known"
        assert [stores.must_claim().strikes for _ in range(2)] == [0, 0], "a site that was opened has still refused"

    @law
    @pytest.mark.parametrize("gate", ["open", Gate(LONG, "429"), Gate(None, "sign in")], ids=["open", "while", "good"])
    def test_a_site_without_jobs_is_not_known(self, stores: Stores, gate: Any) -> None:
        """A name with a slip in it is told, and no site is made of it."""
        stores.first.add([new(1)])
        with stores.unchanged("a site was made of a name with a slip in it"):
            for name in ("exmaple.com", "example", "EXAMPLE.COM", "%", ""):
                assert stores.first.gate(name, gate) is False, "a site that nobody has jobs of is told to be known"
        stores.must_claim()

    @law
    def test_sites_lists_those_that_have_refused(self, stores: Stores) -> None:
        """By name, with how often in a row they refused and why; no others, and none that has served since."""
        stores.first.add(
            [new(1, site=name) for name in ("d.example", "b.example", "a.example", "ä.example", "e.example")]
        )
        assert list(stores.second.sites()) == [], "a site that has never refused is told to have"
        for name, gate in [
            ("d.example", Gate(LONG, "429")),
            ("b.example", Gate(None, "429")),
            ("b.example", Gate(LONG, "captcha")),
            ("ä.example", Gate(LONG, "x")),
            ("a.example", Gate(ZERO, "503")),
        ]:
            stores.first.gate(name, gate)
        wanted = [
            ("a.example", False, 1, "503"),
            ("b.example", True, 2, "captcha"),
            ("d.example", False, 1, "429"),
            ("ä.example", False, 1, "x"),
        ]
        found = [(site.name, site.opens is None, site.strikes, site.reason) for site in stores.second.sites()]
        assert found == wanted, "the sites that refused are told wrongly"
        hold = stores.must_claim()
        while hold.job.site != "a.example":
            hold = stores.must_claim()
        stores.first.save(hold, hold.job, Done(), site="open")
        assert [site.name for site in stores.second.sites()] == ["b.example", "d.example", "ä.example"], (
            "a site that has served is told to have refused"
        )


def _about(seconds: float, found: float | None) -> bool:
    return found is not None and seconds - 60 < found <= seconds
