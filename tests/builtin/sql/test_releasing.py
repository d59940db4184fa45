"""Giving back what a dead worker held."""

import contextlib
import sqlite3
from datetime import timedelta

import pytest

from haulage.builtin.sql.store import SqlStore
from haulage.contracts.metadata import Again, Beat, Done, Gate, Keep
from haulage.errors import AttemptLost

LONG = timedelta(minutes=5)
SHORT = timedelta(milliseconds=200)
NOW = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"


def test_what_a_dead_worker_held_is_due_at_once(store, ask, new, must_claim):
    """Long before the leases end, each of its jobs is claimed, and told who held it and in which step that one was."""
    store.add([new(1), new(2)])
    dead = [must_claim(store, worker="host:666") for _ in range(2)]
    store.beat([Beat(hold.attempt, "store:archive", 7, 9) for hold in dead], LONG)
    assert store.release("host:666") == 2
    assert ask(f"select due_at <= {NOW}, attempt from video_processing_jobs order by number") == [
        (1, hold.attempt) for hold in dead
    ]
    assert store.next_due(home="here", handover=LONG) == timedelta(0)
    for hold in dead:
        again = must_claim(store)
        assert (again.job.id, again.previous) == (hold.job.id, hold.attempt)
        assert (again.job.stage, again.job.done, again.job.total) == ("store:archive", 7, 9)
        assert again.job.attempts == (hold.attempt, again.attempt)


@pytest.mark.parametrize("then", [Keep(), Again(), Done()], ids=["keep", "again", "done"])
@pytest.mark.parametrize("taken_over", [False, True], ids=["lies", "taken over"])
def test_t3_a_released_attempt_can_neither_save_nor_beat(store, dump, new, must_claim, rich, then, taken_over):
    """A worker that was taken for dead changes nothing, even where nobody else has taken its job up yet."""
    store.add([new(1)])
    hold = must_claim(store, worker="host:666")
    assert store.release("host:666") == 1
    if taken_over:
        must_claim(store)
    before = dump()
    with pytest.raises(AttemptLost):
        store.save(hold, rich(hold), then, site=Gate(LONG, "429"))
    assert store.beat([Beat(hold.attempt, "fetch", 1, 2)], LONG) == {hold.attempt: "lost"}
    assert dump() == before


def test_t3_a_release_counts_within_the_millisecond(database, new, must_claim, listening):
    """The attempt is lost and the job is due in the same instant, and not only when the clock has moved on."""
    plain = sqlite3.connect(":memory:", check_same_thread=False)

    def strftime(pattern, _now, *modifiers):
        [[time]] = plain.execute(f"select strftime(?, '2026-01-01'{', ?' * len(modifiers)})", (pattern, *modifiers))
        return time

    def stand_still(connection, _record):
        connection.create_function("strftime", -1, strftime)

    with contextlib.closing(plain), listening("connect", stand_still):
        store = SqlStore.open("sqlite:///haulage.db", database.parent)
        store.prepare()
        store.add([new(1)])
        hold = must_claim(store, worker="host:666")
        assert store.release("host:666") == 1
        with pytest.raises(AttemptLost):
            store.save(hold, hold.job, Keep())
        assert store.beat([Beat(hold.attempt, "fetch", 1, 2)], LONG) == {hold.attempt: "lost"}
        assert must_claim(store).previous == hold.attempt
        store.close()


def test_release_touches_only_what_that_worker_holds(store, ask, new, must_claim, lapsed):
    """Others keep theirs, and what the worker has put down, ended or lost goes its way."""
    store.add([new(number) for number in range(6)])
    names = ["host:666", "host:666", "host:66", "HOST:666"]
    rests, ends, other, another = (must_claim(store, worker=name) for name in names)
    store.save(rests, rests.job, Again(LONG))
    store.save(ends, ends.job, Done())
    lapsed(must_claim(store, worker="host:666", lease=SHORT))
    before = ask("select * from video_processing_jobs order by number")
    assert store.release("host:666") == 0
    assert ask("select * from video_processing_jobs order by number") == before
    dead = must_claim(store, worker="host:666")
    rows = "select * from video_processing_jobs where attempt is not ? order by number"
    before, attempts = ask(rows, dead.attempt), ask("select * from attempts")
    assert store.release("host:666") == 1
    assert ask(rows, dead.attempt) == before
    assert ask("select * from attempts") == attempts
    assert store.beat([Beat(hold.attempt, "fetch", 1, 2) for hold in (other, another)], LONG) == {}


def test_release_of_a_worker_that_is_not_known_changes_nothing(store, dump, new, must_claim):
    """Nor does it count what nobody holds."""
    store.add([new(1), new(2)])
    must_claim(store)
    before = dump()
    assert store.release("host:666") == 0
    assert store.release("") == 0
    assert dump() == before


def test_the_death_of_a_scout_lets_the_next_one_go(store, ask, new, claim, must_claim):
    """Of a site with strikes one job runs at a time, and one that was released runs no more."""
    store.add([new(1), new(2)])
    store.gate("example.com", Gate(timedelta(0), "429"))
    scout = must_claim(store, worker="host:666")
    assert scout.strikes == 1
    assert claim(store) is None
    assert store.release("host:666") == 1
    assert must_claim(store).strikes == 1
    assert claim(store) is None
