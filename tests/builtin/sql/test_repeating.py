"""T4: a call that is repeated because its answer was lost does no harm."""

from datetime import timedelta

import pytest
from attrs import evolve

from haulage.contracts.metadata import Again, Done, Gate, Keep
from haulage.errors import AttemptLost
from haulage.values import Status

LONG = timedelta(minutes=5)


@pytest.mark.parametrize("then", [Keep(), Again(timedelta(minutes=1)), Done()])
def test_t4_a_save_that_is_repeated_returns_the_same_and_changes_nothing(store, dump, new, must_claim, rich, then):
    """Whose answer was lost may ask again: the second call says what the first one did."""
    store.add([new(1)])
    hold = must_claim(store)
    gate = Gate(LONG, "429")
    first = store.save(hold, rich(hold), then, site=gate)
    before = dump()
    assert store.save(hold, rich(hold), then, site=gate) == first
    assert dump() == before


def test_t4_a_save_that_is_repeated_after_others_went_on_changes_nothing(store, dump, new, must_claim, rich):
    """The answer is still the first one's when another worker has taken the job up meanwhile."""
    store.add([new(1)])
    hold = must_claim(store)
    first = store.save(hold, rich(hold), Again())
    must_claim(store)
    before = dump()
    assert store.save(hold, rich(hold), Again()) == first
    with pytest.raises(AttemptLost):
        store.save(hold, evolve(rich(hold), status=Status.FAILED), Again())
    assert dump() == before


def test_t4_jobs_that_are_added_twice_are_there_once(store, dump, new, video):
    """Asking again before the job has ended names the same job."""
    jobs = [new(1), new(2, video=video("v2", "https://example.com/2"))]
    assert store.add(jobs, batch="b") == 2
    before = dump()
    assert store.add(jobs, batch="b") == 0
    assert store.add([new(1), new(1)], batch="b") == 0
    assert dump() == before


def test_t4_a_release_that_is_repeated_changes_nothing(store, dump, new, must_claim):
    """The second call finds nothing left to make due, and takes nothing from who has claimed it meanwhile."""
    store.add([new(1), new(2)])
    for _ in range(2):
        must_claim(store, worker="host:666")
    assert store.release("host:666") == 2
    must_claim(store)
    before = dump()
    assert store.release("host:666") == 0
    assert dump() == before


@pytest.mark.parametrize("gate", [Gate(LONG, "429"), Gate(None, "sign in")], ids=["for a while", "for good"])
def test_t4_a_site_that_is_opened_or_closed_twice_is_open_or_closed(store, ask, new, gate):
    """Who repeats an operator's call hears the same, and the site is what it was after the first one."""
    store.add([new(1)])
    for _ in range(2):
        assert store.gate("example.com", gate) is True
        assert [(site.name, site.reason) for site in store.sites()] == [("example.com", gate.reason)]
    for _ in range(2):
        assert store.gate("example.com", "open") is True
        assert ask("select strikes, reason from sites") == [(0, "")]
