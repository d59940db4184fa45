"""Sites that close and open."""

import time
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from haulage.contracts.metadata import Again, Done, Gate, Keep, Site
from haulage.testing.conformance.law import law
from haulage.testing.conformance.metadata_claiming import about, due
from haulage.testing.conformance.metadata_stores import (
    DEAD,
    LONG,
    SHORT,
    ZERO,
    Stores,
    eventually,
    new,
)


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
        hold, began = stores.held(), time.monotonic()
        stores.first.save(hold, hold.job, Again(), site=Gate(SHORT, "429"))
        still = due(stores) != 0 or time.monotonic() - began > SHORT.total_seconds()  # the machine may be busy
        assert still, "a site that has just closed is due"
        again = eventually(lambda: stores.claim(stores.second), "a site stays closed when its cool-down is over")
        assert again.strikes == 1, "a hold does not know how often its site has refused"

    @law
    def test_a_site_that_is_opened_by_hand_has_no_jobs_that_wait(self, stores: Stores) -> None:
        """Who opens a site that asked to be left alone for long need not wait for the job that it told so."""
        hold = stores.held()
        stores.first.save(hold, hold.job, Again(LONG), site=Gate(LONG, "429"))
        stores.second.gate(hold.job.site, "open")
        assert stores.must_claim().job.id == hold.job.id, "a job waits on whose site was opened"

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
    def test_a_success_that_began_before_a_refusal_opens_nothing(self, stores: Stores) -> None:
        """A long download that ends after the cool-down is no sign that the site serves again."""
        stores.first.add([new(number) for number in range(4)])
        refused, served = stores.must_claim(), stores.must_claim()
        stores.first.save(refused, refused.job, Again(LONG), site=Gate(ZERO, "429"))
        stores.second.save(served, served.job, Done(), site="open")
        scout = eventually(lambda: stores.claim(), "a site stays closed when its cool-down is over")
        assert scout.strikes == 1, "a success that began before the refusal has opened the site"
        assert stores.claim(stores.second) is None, "two jobs of a site that refused run at once"

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
        """A cool-down shortens no longer one nor a wait for a person; both are one strike, for the last reason."""
        stores.first.add([new(number) for number in range(3)])
        holds = [stores.must_claim() for _ in range(2)]
        for hold, closed, reason in zip(holds, (first, second), ("429", "captcha"), strict=True):
            gate = Gate(None if closed is None else timedelta(seconds=closed), reason)
            stores.first.save(hold, hold.job, Again(), site=None if by_hand else gate)
            if by_hand:
                assert stores.second.gate("example.com", gate) is True, "the site of a job is not known"
        [site] = stores.first.sites()
        assert (site.name, site.strikes, site.reason) == ("example.com", 1, "captcha"), (
            "of those that met one refusal each is a strike"
        )
        wait = due(stores)
        if seconds is None:
            assert site.opens is None, "a cool-down has ended the wait for a person"
            assert wait is None, "a site that waits for a person is waited for"
        else:
            assert about(seconds, wait), "of two cool-downs the shorter one counts"

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
            ("b.example", True, 1, "captcha"),
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
