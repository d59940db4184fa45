"""A run pauses where the budget is used up, and says at its end what it stored."""

import contextlib
import logging
import sqlite3
import threading
import time

import psycopg
import pytest

from haulage import (
    Continued,
    Copy,
    Failure,
    JobId,
    Kind,
    Lost,
    Paused,
    RunEnded,
    Settled,
    Status,
    Stored,
)
from haulage.pipeline import budget, driver
from haulage.pipeline.account import Account
from haulage.plugin import StorageError
from haulage.values import AttemptId


@pytest.fixture
def ask(tmp_path):
    """Ask, or change, the database itself, as another process does."""

    def ask(statement):
        with contextlib.closing(sqlite3.connect(tmp_path / "haulage.db", timeout=10)) as connection, connection:
            return connection.execute(statement).fetchall()

    return ask


@pytest.mark.parametrize("limit", [{"max_bytes": 1000}, {"max_monthly_cost": "0.001 USD"}])
def test_a_run_waits_while_the_budget_is_used_up(pipeline, site, ask, monkeypatch, limit):
    """Nothing is downloaded, one event says why and what to do; once objects were deleted elsewhere it goes on."""
    monkeypatch.setattr(budget, "_LOOKS_EVERY", 0.05)
    monkeypatch.setattr(driver, "_LOOK_AGAIN", 0.05)
    prices = {"library": {"storage": 1000}}
    with pipeline(prices=prices) as running:
        list(running.run([site.url("clip.mp4?first")]))
    heard, paused = [], threading.Event()

    def watch(event):
        heard.append(event)
        if isinstance(event, Paused):
            paused.set()

    jobs = []
    with pipeline(watching=[watch], budget=limit, prices=prices) as running:
        worker = threading.Thread(target=lambda: jobs.extend(running.run([site.url("second.mp4?budget")])))
        worker.start()
        assert paused.wait(20), "the run did not pause although the budget is used up"
        assert ask("select count(*) from videos") == [(1,)]
        ask("update stored_objects set state = 'deleted'")
        worker.join(20)
        assert not worker.is_alive()
    assert [job.status for job in jobs] == [Status.DOWNLOADED]
    turns = [event for event in heard if isinstance(event, Paused | Continued)]
    assert [type(event) for event in turns[:2]] == [Paused, Continued]
    why = turns[0].failure
    [name] = limit
    assert f"budget.{name} is" in why.message
    assert f"set budget.{name} higher" in why.cure
    assert ("(prices of the config)" in why.message) == (name == "max_monthly_cost"), "a cost names no table"


UNPRICED = "budget.max_monthly_cost does not count nas, tape: no price is known; set prices: {nas: {storage: ...}, "


def test_a_run_says_what_its_budget_cannot_count(pipeline, site, caplog):
    """Once for each run it names the storages without a price, and how to set it; with all prices it says nothing."""
    storages = {name: {"type": "local", "path": name} for name in ("nas", "archive", "tape")}
    config = {"storages": storages, "budget": {"max_monthly_cost": "20 USD"}}
    with pipeline(**config, prices={"archive": {"storage": 1}}) as running:
        for _ in range(2):
            list(running.run([site.url("clip.mp4?unpriced"), site.url("second.mp4?unpriced")]))
    warnings = [each.getMessage() for each in caplog.records if "max_monthly_cost" in each.getMessage()]
    assert len(warnings) == 2, "a run does not say once what its budget cannot count"
    assert warnings[0].startswith(UNPRICED)
    caplog.clear()
    with pipeline(**config, prices={name: {"storage": 0} for name in storages}) as running:
        list(running.run())
    assert caplog.records == []


def test_the_log_warns_once_where_little_is_left(pipeline, site, ask, monkeypatch, caplog):
    """From four fifths on; downloads go on."""
    monkeypatch.setattr(budget, "_LOOKS_EVERY", 0.0)
    with pipeline() as running:
        list(running.run([site.url("clip.mp4?warns")]))
    [(size,)] = ask("select sum(size) from stored_objects")
    limit = round(size / 0.9)
    with pipeline(budget={"max_bytes": limit}) as running:
        assert running.assembly.space.shortage() is None
        assert running.assembly.space.shortage() is None
    warnings = [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING]
    warned = [each for each in warnings if "budget.max_bytes" in each]
    assert len(warned) == 1, "nobody is warned, or more than once, that little of the budget is left"
    assert "downloads pause once it is used up" in warned[0]


def test_a_run_tells_at_its_end_what_it_stored(pipeline, site, ask, caplog):
    """What this run stored, what the archive has by now, and what that costs: an event, and a line of the log."""
    with pipeline() as running:
        list(running.run([site.url("clip.mp4?before")]))
    [(before,)] = ask("select sum(size) from stored_objects")
    ended = []
    caplog.set_level(logging.INFO, "haulage")
    with pipeline(watching=[ended.append], prices={"library": {"storage": 5}}) as running:
        list(running.run([site.url("second.mp4?after")]))
    [(total,)] = ask("select sum(size) from stored_objects")
    tables = ("prices of the config",)
    assert ended[-1] == RunEnded(total - before, total, pytest.approx(total / 10**9 * 5), tables=tables)
    assert [event for event in ended if isinstance(event, RunEnded)] == [ended[-1]]
    [line] = [each.getMessage() for each in caplog.records if each.name == "haulage.pipeline.account"][-1:]
    assert line == f"the run has ended: {ended[-1]}"
    assert line.endswith(" USD a month (prices of the config)")


def test_a_run_that_stores_nothing_says_so(pipeline):
    """And without any price it tells of no cost."""
    ended = []
    with pipeline(watching=[ended.append]) as running:
        list(running.run())
    assert ended == [RunEnded(0, 0, 0.0)]
    assert str(RunEnded(1500, 2_000_000, None, ("library",))) == "1.5 kB stored, 2 MB in the archive"
    partly = RunEnded(0, 10, 1.5, ("nas",), ("s3 table of 2026-07-28",))
    assert str(partly) == "0 B stored, 10 B in the archive, 1.50 USD a month without nas (s3 table of 2026-07-28)"


def test_each_object_counts_once(pipeline):
    """Whether its attempt comes to its end, or loses the job."""
    job, attempt = JobId("1"), AttemptId("a")
    with pipeline() as running:
        account = Account(running.assembly.store, {})
        for role, size in (("video", 7), ("record", 20)):
            account(Stored(job, attempt, Copy("nas", role, role, "stored", attempt, size, "0" * 64), "nas/file"))
        account(Lost(job, attempt, Failure(Kind.CRASHED, "the lease ended")))
        assert account.close().stored == 27


def test_a_run_that_is_left_tells_its_end(pipeline, site, ask):
    """Who leaves the loop hears of it too, last of all."""
    heard = []
    with pipeline(watching=[heard.append], workers=2) as running:
        for _ in running.run([site.url("third.mp4?hold=60"), site.url("clip.mp4?left")]):
            break
    [(total,)] = ask("select sum(size) from stored_objects")
    assert heard[-1] == RunEnded(total, total, None, ("library",))
    assert [type(each) for each in heard].count(RunEnded) == 1


@pytest.mark.parametrize("there", [True, False], ids=["it can be asked", "it cannot be asked"])
def test_a_run_that_an_error_ends_tells_its_end(pipeline, site, odd, ask, caplog, there):
    """Where the database has the numbers; otherwise a warning says why not, and the error is the one that ended it."""
    odd.REFUSALS["b"] = [("write", Kind.DENIED)]
    heard = []

    def watch(event):
        heard.append(event)
        if isinstance(event, Settled) and not there:
            ask("drop table stored_objects")

    storages = {name: {"type": "odd", "name": name} for name in ("a", "b")}
    ended = pytest.raises(StorageError)
    with pipeline(watching=[watch], storages=storages, store_to=["a", "b"]) as running, ended as raised:
        list(running.run([site.url("clip.mp4?ended-by-error")]))
    assert raised.value.failure.kind is Kind.DENIED
    warnings = [each.getMessage() for each in caplog.records if each.name == "haulage.pipeline.account"]
    if there:
        [(total,)] = ask("select sum(size) from stored_objects where state = 'stored'")
        assert (heard[-1].stored, heard[-1].total) == (total, total)
        assert warnings == []
    else:
        assert not [each for each in heard if isinstance(each, RunEnded)]
        [warning] = warnings
        assert "the archive cannot be added up: database" in warning
        assert "stored_objects" in warning


def test_a_database_that_does_not_answer_delays_no_end(pipeline, site, postgres, caplog):
    """It is asked for less than a second, and a warning says so."""
    url = postgres.database()
    with psycopg.connect(url.replace("postgresql+psycopg", "postgresql")) as other:

        def lock(event):
            if isinstance(event, Settled) and event.record.status is not Status.DOWNLOADED:
                other.execute("lock table stored_objects in access exclusive mode")

        with pipeline(watching=[lock], workers=2, database=url) as running:
            jobs = running.run([site.url("third.mp4?hold=60"), site.url("clip.mp4?silent")])
            next(jobs)
            began = time.monotonic()
            jobs.close()
            # Who waits for the lock waits for 30 s.
            assert time.monotonic() - began < 10, "a run is not ended while its database is silent"
            other.rollback()
            for asking in threading.enumerate():
                if asking.name == "haulage-account":
                    asking.join(10)  # before the database is closed
    assert "the archive cannot be added up: it took too long" in caplog.text
