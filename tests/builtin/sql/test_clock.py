"""T6: time is the store's own clock; callers pass durations."""

import contextlib
import sqlite3
from datetime import timedelta

import pytest
from attrs import evolve

from haulage.builtin.sql.store import SqlStore
from haulage.contracts.metadata import Again, Gate
from haulage.errors import Failure, Kind
from haulage.values import Try

LONG = timedelta(minutes=5)
HERE = "here"
NOW = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"


def test_t6_times_are_those_of_the_database(store, ask, new, must_claim):
    """What is due now is due by the database's clock, to the millisecond, and a lease ends a lease later."""
    [(before,)] = ask(f"select {NOW}")
    store.add([new(1)])
    [(after,)] = ask(f"select {NOW}")
    [(due, added)] = ask("select due_at, added_at from video_processing_jobs")
    assert before <= due <= after
    assert before <= added <= after
    [(before,)] = ask("select strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '+300 seconds')")
    hold = must_claim(store, lease=LONG)
    [(after,)] = ask("select strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '+300 seconds')")
    [(due,)] = ask("select due_at from video_processing_jobs")
    assert before <= due <= after
    [(before,)] = ask("select strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '+1.5 seconds')")
    store.save(hold, hold.job, Again(timedelta(seconds=1.5)))
    [(after,)] = ask("select strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '+1.5 seconds')")
    [(due,)] = ask("select due_at from video_processing_jobs")
    assert before <= due <= after


def test_t6_the_clock_of_the_caller_does_not_matter(database, ask, new, claim, must_claim, listening):
    """With a database whose clock is ten years ahead, every time is ten years ahead, and leases hold."""
    plain = sqlite3.connect(":memory:", check_same_thread=False)

    def years_later(*args):
        [[time]] = plain.execute(f"select strftime({', '.join('?' * len(args))}, '+10 years')", args)
        return time

    def ahead(connection, _record):
        connection.create_function("strftime", -1, years_later)

    with contextlib.closing(plain), listening("connect", ahead):
        store = SqlStore.open("sqlite:///haulage.db", database.parent)
        store.prepare()
        store.add([new(1)])
        hold = must_claim(store)
        assert claim(store) is None
        due = store.next_due(home=HERE, handover=LONG)
        failure = Failure(Kind.TRANSIENT, "reset")
        tries = (Try(hold.attempt, "fetch", failure, counted=True, wait=LONG),)
        store.save(hold, evolve(hold.job, tries=tries), Again(LONG), site=Gate(LONG, "429"))
        store.close()
    assert due is not None
    assert timedelta(minutes=4) < due <= LONG
    years = "substr({0}, 1, 4) - strftime('%Y', 'now')"
    for table, column in [
        ("video_processing_jobs", "due_at"),
        ("video_processing_jobs", "added_at"),
        ("attempts", "began_at"),
        ("attempts", "ended_at"),
        ("sites", "opens_at"),
    ]:
        assert ask(f"select {years.format(column)} from {table}")[0][0] in (10, 11), (table, column)


@pytest.mark.parametrize("after", [timedelta.max, timedelta(days=365 * 9000)])
def test_t6_a_wait_past_the_end_of_the_calendar_loses_no_job(store, ask, new, must_claim, after):
    """A site that asks for ten thousand years neither ends its jobs nor waits for a person."""
    store.add([new(1)])
    hold = must_claim(store)
    store.save(hold, hold.job, Again(after), site=Gate(after, "429"))
    [(due, opens)] = ask("select due_at, opens_at from video_processing_jobs join sites")
    assert due > "2999"
    assert opens > "2999"
    wait = store.next_due(home=HERE, handover=LONG)
    assert wait is not None
    assert wait > timedelta(days=365 * 900)
