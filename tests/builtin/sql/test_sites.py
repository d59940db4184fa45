"""Sites that close and open."""

from datetime import datetime, timedelta

import pytest

from haulage.contracts.metadata import Again, Done, Gate, Keep, Site

LONG = timedelta(minutes=5)
SHORT = timedelta(milliseconds=200)
NOW = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"
FROM_NOW = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now', ? || ' seconds')"


@pytest.fixture(params=["save", "gate"])
def close(request, store, new, must_claim):
    """Close the site example.com once for each gate, by the saves of its jobs or by hand."""

    def close(*gates):
        store.add([new(100 + number) for number in range(len(gates))])
        holds = [must_claim(store) for _ in gates]
        for hold, gate in zip(holds, gates, strict=True):
            if request.param == "save":
                store.save(hold, hold.job, Again(), site=gate)
            else:
                store.save(hold, hold.job, Again())
                assert store.gate("example.com", gate) is True

    return close


def test_a_closed_site_is_not_claimed_until_it_opens(store, new, claim, must_claim):
    """No job of a site that refused begins before the cool-down is over, and other sites go on."""
    store.add([new(number) for number in range(3)])
    hold = must_claim(store)
    store.save(hold, hold.job, Again(), site=Gate(LONG, "429"))
    assert claim(store) is None
    store.add([new(7, site="other.example")])
    assert must_claim(store).job.site == "other.example"
    assert claim(store) is None


def test_a_cool_down_ends_by_itself(store, ask, new, claim, must_claim, eventually):
    """A site is claimed again as soon as its time is over, and not before."""
    store.add([new(1)])
    hold = must_claim(store)
    store.save(hold, hold.job, Again(), site=Gate(SHORT, "429"))
    [(opens,)] = ask("select opens_at from sites")
    eventually(lambda: claim(store))
    assert ask("select began_at >= ? from attempts where number = 2", opens) == [(1,)]


def test_a_site_with_strikes_is_asked_by_one_job_at_a_time(store, ask, new, claim, must_claim, expire):
    """After a cool-down one job goes ahead; the others follow when it has succeeded, at the latest when it has died."""
    store.add([new(number) for number in range(5)])
    hold = must_claim(store)
    store.save(hold, hold.job, Again(LONG), site=Gate(LONG, "429"))
    assert ask("select strikes, reason from sites") == [(1, "429")]
    assert claim(store) is None
    ask(f"update sites set opens_at = {NOW}")
    scout = must_claim(store)
    assert scout.strikes == 1
    assert claim(store) is None
    expire(scout)
    second = must_claim(store)
    assert claim(store) is None
    second = store.save(second, second.job, Keep(), site="open")
    assert ask("select strikes, reason from sites") == [(0, "")]
    assert must_claim(store).strikes == 0
    assert must_claim(store).strikes == 0


def test_strikes_are_counted_until_the_site_opens(store, new, claim, must_claim, eventually):
    """Each refusal is a strike, and a success forgets them all."""
    store.add([new(1)])
    for strikes in range(3):
        hold = eventually(lambda: claim(store))
        assert hold.strikes == strikes
        store.save(hold, hold.job, Again(), site=Gate(timedelta(0), "429"))
    hold = eventually(lambda: claim(store))
    store.save(hold, hold.job, Again(), site="open")
    assert must_claim(store).strikes == 0


def test_a_success_does_not_open_a_site_that_nobody_closed(store, ask, new, must_claim):
    """The site of a success that refused nobody is left as it is."""
    store.add([new(1)])
    before = ask("select * from sites")
    hold = must_claim(store)
    store.save(hold, hold.job, Done(), site="open")
    assert ask("select * from sites") == before


@pytest.mark.parametrize("gate", [Gate(LONG, "429"), Gate(None, "sign in")], ids=["for a while", "for good"])
def test_a_success_does_not_open_a_site_that_is_closed_just_now(store, ask, new, claim, must_claim, gate):
    """An attempt that was under way when its site closed does not end the cool-down, nor forget the strike."""
    store.add([new(1), new(2), new(3)])
    refused, served = must_claim(store), must_claim(store)
    store.save(refused, refused.job, Again(), site=gate)
    before = ask("select * from sites")
    served = store.save(served, served.job, Keep(), site="open")
    store.save(served, served.job, Done(), site="open")
    assert ask("select * from sites") == before
    assert claim(store) is None


@pytest.mark.parametrize(
    ("first", "second", "seconds"),
    [
        (timedelta(seconds=1000), timedelta(seconds=10), 1000),
        (timedelta(seconds=10), timedelta(seconds=1000), 1000),
        (None, timedelta(seconds=1000), None),
        (timedelta(seconds=1000), None, None),
        (None, None, None),
    ],
    ids=["longer, shorter", "shorter, longer", "person, longer", "longer, person", "person, person"],
)
def test_of_two_gates_the_stricter_one_counts(ask, close, first, second, seconds):
    """A cool-down shortens no longer one, and none shortens the wait for a person; each is a strike with its reason."""
    [(earliest,)] = ask(f"select {FROM_NOW}", seconds)
    close(Gate(first, "429"), Gate(second, "captcha"))
    [(latest,)] = ask(f"select {FROM_NOW}", seconds)
    [(opens, strikes, reason)] = ask("select opens_at, strikes, reason from sites")
    assert (strikes, reason) == (2, "captcha")
    if seconds is None:
        assert opens is None
    else:
        assert earliest <= opens <= latest


def test_a_cool_down_begins_when_the_site_refuses(ask, close):
    """One that is over does not count for the next."""
    close(Gate(LONG, "429"))
    ask("update sites set opens_at = '2020-01-01T00:00:00.000Z'")
    [(earliest,)] = ask(f"select {FROM_NOW}", 10)
    close(Gate(timedelta(seconds=10), "429"))
    [(latest,)] = ask(f"select {FROM_NOW}", 10)
    [(opens,)] = ask("select opens_at from sites")
    assert earliest <= opens <= latest


def test_a_site_that_waits_for_a_person_is_neither_claimed_nor_waited_for(store, ask, new, claim, close):
    """Its due jobs are passed over, and where only such jobs are left there is nothing to wait for."""
    close(Gate(None, "sign in"))
    assert ask("select opens_at, strikes, reason from sites") == [(None, 1, "sign in")]
    assert claim(store) is None
    assert store.next_due(home="here", handover=LONG) is None
    assert store.next_due(home="there", handover=timedelta(0)) is None
    store.add([new(1, site="other.example")])
    assert store.next_due(home="here", handover=LONG) == timedelta(0)
    assert claim(store).job.site == "other.example"
    assert claim(store) is None


@pytest.mark.parametrize(
    "gates",
    [[Gate(LONG, "429")], [Gate(None, "sign in")], [Gate(None, "sign in"), Gate(LONG, "429")], []],
    ids=["for a while", "for good", "both", "not closed"],
)
def test_a_person_opens_a_site_whatever_closed_it(store, ask, new, claim, close, gates):
    """From then on its jobs are claimed as if it had never refused, more than one at a time."""
    close(*gates)
    store.add([new(1), new(2)])
    assert store.gate("example.com", "open") is True
    assert ask(f"select opens_at <= {NOW}, strikes, reason from sites") == [(1, 0, "")]
    assert [claim(store).strikes for _ in range(2)] == [0, 0]


def test_a_person_closes_a_site(store, ask, new, claim, must_claim):
    """No job of it begins any more; who holds one goes on, and other sites are left alone."""
    store.add([new(1), new(2), new(3, site="other.example")])
    hold = must_claim(store)
    other = ask("select * from sites where name = 'other.example'")
    assert store.gate("example.com", Gate(None, "maintenance")) is True
    assert ask("select opens_at, strikes, reason from sites where name = 'example.com'") == [(None, 1, "maintenance")]
    assert ask("select * from sites where name = 'other.example'") == other
    assert must_claim(store).job.site == "other.example"
    assert claim(store) is None
    store.save(hold, hold.job, Done())
    assert store.gate("example.com", "open") is True
    assert ask("select * from sites where name = 'other.example'") == other


@pytest.mark.parametrize("gate", ["open", Gate(LONG, "429"), Gate(None, "sign in")], ids=["open", "while", "good"])
def test_a_site_without_jobs_is_not_known(store, dump, new, gate):
    """A name with a slip in it is told, and no site is made of it."""
    store.add([new(1)])
    before = dump()
    assert store.gate("exmaple.com", gate) is False
    assert dump() == before


def test_sites_lists_those_that_have_refused(store, ask, new, must_claim):
    """By name, with when they open, how often in a row they refused and why; no others, and none that has served."""
    names = ["d.example", "b.example", "a.example", "c.example", "e.example"]
    store.add([new(1, site=name) for name in names])
    assert list(store.sites()) == []
    store.gate("d.example", Gate(LONG, "429"))
    store.gate("b.example", Gate(None, "429"))
    store.gate("b.example", Gate(LONG, "captcha"))
    store.gate("a.example", Gate(timedelta(0), "503"))
    store.gate("c.example", Gate(timedelta(0), "503"))
    opens = {name: time and datetime.fromisoformat(time) for name, time in ask("select name, opens_at from sites")}
    refused = [
        Site("a.example", opens["a.example"], 1, "503"),
        Site("b.example", None, 2, "captcha"),
        Site("c.example", opens["c.example"], 1, "503"),
        Site("d.example", opens["d.example"], 1, "429"),
    ]
    assert list(store.sites()) == refused
    hold = must_claim(store)
    assert (hold.job.site, hold.strikes) == ("a.example", 1)
    store.save(hold, hold.job, Done(), site="open")
    assert list(store.sites()) == refused[1:]
