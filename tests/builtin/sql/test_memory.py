"""What is different where the database lies in memory; the laws are held in test_store.py."""

import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from attrs import evolve
from sqlalchemy import event

from haulage.builtin.sql.dialects import base
from haulage.builtin.sql.dialects.sqlite import open_memory
from haulage.builtin.sql.engine import transaction
from haulage.builtin.sql.store import SqlStore
from haulage.contracts.metadata import Done, NewJob, Query
from haulage.errors import Kind, StoreError
from haulage.values import Request, Status

LONG = timedelta(minutes=5)


def new(number):
    return NewJob(Request(f"https://example.com/{number}"), "example.com")


def claim(store):
    return store.claim("host:1", LONG, home="here", handover=LONG)


@pytest.fixture
def opened_database():
    """A database in memory."""
    return open_memory()


def test_each_store_begins_empty(store):
    """Two stores in one process share nothing."""
    store.add([new(1)])
    other = SqlStore(open_memory())
    other.prepare()
    assert list(other.find(Query())) == []
    other.close()


def test_everything_is_gone_when_the_store_is_closed(store, connect):
    """Whoever comes to the same address later finds no table."""
    store.add([new(1)])
    store.close()
    store.close()
    later = connect()
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        later.execute("select * from video_processing_jobs")
    later.close()


def test_jobs_outlive_a_connection_that_is_broken_off(store, opened_database):
    """A Ctrl-C in the middle of a statement undoes that call and nothing else."""
    store.add([new(1)])

    def interrupt(*_):
        event.remove(opened_database.engine, "do_execute", interrupt)
        raise KeyboardInterrupt

    event.listen(opened_database.engine, "do_execute", interrupt)
    with pytest.raises(KeyboardInterrupt):
        store.add([new(2)])
    assert [job.request for job in store.find(Query())] == [new(1).request]
    assert claim(store).job.request == new(1).request


def test_who_waits_too_long_for_the_others_is_told_so(monkeypatch):
    """Waiting for the one connection is bounded, and a failure that passes."""
    monkeypatch.setattr(base, "BUSY_SECONDS", 0.05)
    database = open_memory()
    store = SqlStore(database)
    with ThreadPoolExecutor(1) as pool, transaction(database), pytest.raises(StoreError) as caught:
        pool.submit(store.prepare).result()
    store.close()
    assert caught.value.failure.kind is Kind.TRANSIENT
    assert str(caught.value).endswith("was locked for 0.05 s")


def test_threads_that_do_everything_at_once_lose_nothing(store, ask):
    """While some add, others claim and save, and others read, each job is added, claimed and saved once."""
    adders, workers, each = 3, 4, 20
    barrier, finished = threading.Barrier(adders + workers + 1), threading.Event()

    def add(number):
        barrier.wait(10)
        return sum(store.add([new(f"{number}/{turn}"), new(f"shared/{turn}")]) for turn in range(each))

    def work():
        barrier.wait(10)
        saved = []
        while len(saved) < 2 * adders * each:
            last = finished.is_set()
            hold = claim(store)
            if hold:
                saved.append(store.save(hold, evolve(hold.job, status=Status.DOWNLOADED), Done()).job.id)
            elif last:
                break
            else:
                time.sleep(0.01)
        return saved

    def read():
        barrier.wait(10)
        while not finished.is_set():
            found = [job.id for job in store.find(Query())]
            assert len(found) == len(set(found))
            store.next_due(home="here", handover=LONG)
            time.sleep(0.01)

    with ThreadPoolExecutor(adders + workers + 1) as pool:
        working, reading = [pool.submit(work) for _ in range(workers)], pool.submit(read)
        try:
            added = sum(pool.map(add, range(adders)))
        finally:
            finished.set()
        saved = [job for each in working for job in each.result(30)]
        reading.result(30)
    assert added == len(saved) == len(set(saved)) == (adders + 1) * each
    assert ask("select status, count(*) from video_processing_jobs group by status") == [("downloaded", added)]
    assert ask("select count(*) from attempts where ended_at is not null") == [(added,)]
