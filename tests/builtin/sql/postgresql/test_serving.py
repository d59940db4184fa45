"""What is different when a store serves from PostgreSQL; the laws are held in test_laws.py."""

import os
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, timedelta

import psycopg
import pytest
from attrs import evolve
from postgres_answers import PLANTED, asked, failure_of

from haulage.builtin.sql.dialects import base, postgresql, psycopg_connection
from haulage.contracts.metadata import Again, Done, Gate, Keep, NewJob, Query
from haulage.errors import Duplicate, Kind
from haulage.values import Request, Status

LONG = timedelta(minutes=5)


def test_times_are_aware_and_those_of_the_database(store, url, witness, new, must_claim, opening):
    """They are kept with their zone, and given in UTC, whatever zone the database is set to."""
    witness.execute(f"alter database {url.database} set timezone to 'Asia/Kolkata'")
    store.close()
    store = opening(url)
    [(before,)] = asked(witness, "select clock_timestamp()")
    store.add([new(1)])
    hold = must_claim(store)
    store.save(hold, hold.job, Again(), site=Gate(LONG, "429"))
    [(after,)] = asked(witness, "select clock_timestamp()")
    [site] = store.sites()
    assert site.opens.tzinfo is UTC
    assert before + LONG <= site.opens <= after + LONG
    columns = "select distinct data_type from information_schema.columns where table_schema = 'public'"
    assert asked(witness, f"{columns} and column_name ~ '_at$'") == [("timestamp with time zone",)]


def test_a_claim_passes_over_a_row_that_somebody_has_locked(store, url, new, must_claim):
    """Nobody waits for a job in whose row another one writes; the next one is taken."""
    store.add([new(1), new(2)])
    with psycopg.connect(url.set(drivername="postgresql").render_as_string(False)) as other:
        other.execute("select 1 from video_processing_jobs where number = 1 for update")
        assert must_claim(store).job.request == new(2).request


def test_a_call_waits_for_a_lock_no_longer_than_it_should(store, url, new, monkeypatch):
    """Who holds a lock for ever costs others half a minute and a failure that passes."""
    monkeypatch.setattr(base, "BUSY_SECONDS", 0.2)
    store.close()
    with psycopg.connect(url.set(drivername="postgresql").render_as_string(False)) as other:
        other.execute("lock table sites in access exclusive mode")
        failure = failure_of(lambda: store.add([new(1)]))
    assert failure.kind is Kind.TRANSIENT
    assert failure.message.endswith(" was busy for 0.2 s")


def test_a_server_that_never_answers_is_given_up(opening, monkeypatch):
    """One that accepts a connection and says nothing costs the time for connecting and no more."""
    monkeypatch.setattr(postgresql, "_CONNECT_SECONDS", 2)  # the driver knows no shorter one
    with socket.create_server(("127.0.0.1", 0)) as silent:
        store = opening(f"postgresql://u@127.0.0.1:{silent.getsockname()[1]}/d")
        began = time.monotonic()
        failure = failure_of(store.prepare)
    assert failure.kind is Kind.TRANSIENT
    assert time.monotonic() - began < 10


def test_a_server_that_falls_silent_is_given_up(store, new, monkeypatch, listening):
    """One that hangs in the middle of a call costs the time that a call may take, and the next call works."""
    monkeypatch.setattr(base, "BUSY_SECONDS", 1.0)
    monkeypatch.setattr(psycopg_connection, "_GRACE", 0.5)
    stopped = []

    def freeze(connection, cursor, statement, *rest):
        if statement.startswith("INSERT INTO video_processing_jobs") and not stopped:
            stopped.append(connection.connection.dbapi_connection.info.backend_pid)
            os.kill(stopped[0], signal.SIGSTOP)

    try:
        began = time.monotonic()
        with listening("before_cursor_execute", freeze):
            failure = failure_of(lambda: store.add([new(1)]))
        assert time.monotonic() - began < 10
    finally:
        os.kill(stopped[0], signal.SIGCONT)
    assert failure.kind is Kind.TRANSIENT
    assert "the server was silent for 1.5 s" in failure.message
    assert store.add([new(2)]) == 1


def test_a_server_that_was_started_anew_is_used_again(store, witness, new, listening):
    """Connections that ended between two calls are replaced, and a call whose connection ends begins anew."""
    end = (
        "select pg_terminate_backend(pid, 10000) from pg_stat_activity"
        " where datname = current_database() and pid <> pg_backend_pid()"
    )
    store.add([new(1)])
    asked(witness, end)
    assert store.add([new(2)]) == 1
    ends = [lambda: asked(witness, end)]

    def break_off(connection, cursor, statement, *rest):
        if statement.startswith("INSERT INTO video_processing_jobs") and ends:
            ends.pop()()

    with listening("before_cursor_execute", break_off):
        assert store.add([new(3)]) == 1
    assert not ends, "the connection was not broken off in the middle of a call"


def test_of_two_that_wait_for_each_other_both_succeed(store, url, opening, new, must_claim, listening):
    """A call that the server undoes to end a deadlock begins anew."""
    store.add([new(1), new(2)])
    first, second = must_claim(store), must_claim(store)
    other = opening(url)
    both = threading.Barrier(2)
    met = threading.local()

    # Two saves, each of which has its own row and then asks for that of the other.
    def meet(connection, cursor, statement, *rest):
        if statement.startswith("UPDATE video_processing_jobs") and not getattr(met, "done", False):
            met.done = True
            both.wait(10)
            theirs = (second if first.attempt in str(rest[0]) else first).job.id
            connection.exec_driver_sql("update video_processing_jobs set stage = stage where id = %s", (theirs,))

    with listening("after_cursor_execute", meet), ThreadPoolExecutor(2) as pool:
        saves = [
            pool.submit(at.save, hold, evolve(hold.job, status=Status.DOWNLOADING), Keep())
            for at, hold in ((store, first), (other, second))
        ]
        assert [save.result(30).job.status for save in saves] == [Status.DOWNLOADING] * 2


def test_what_the_server_tells_of_a_row_is_not_shown(store, witness):
    """Its details hold the whole row, signed URL included."""
    witness.execute("alter table video_processing_jobs add constraint c check (url not like 'https://e.com/%')")
    failure = failure_of(lambda: store.add([NewJob(Request(f"https://e.com/1?token={PLANTED}"), "e.com")]))
    assert failure.kind is Kind.BUG
    assert "violates check constraint" in failure.message


def test_ids_of_any_length_and_alphabet_are_told_apart(store, witness, new, must_claim, video):
    """An id longer than an index takes is kept as it is, and NUL and half a surrogate pair as U+FFFD."""
    long = os.urandom(4000).hex()
    names = [f"{long}1", f"{long}2", "nul\0\ud800", "Ünï 😀"]
    store.add([new(number) for number in range(5)])
    for name in names:
        hold = must_claim(store)
        found = video(name, title=f"title of {name}", channel_id=name)
        store.save(hold, evolve(hold.job, status=Status.DOWNLOADED, video=found), Done())
        assert [job.id for job in store.find(Query(video_id=name))] == [hold.job.id]
    kept = [f"{long}1", f"{long}2", "nul\ufffd\ufffd", "Ünï 😀"]
    assert asked(witness, "select video_id from videos order by number") == [(name,) for name in kept]
    hold = must_claim(store)
    for name in names:
        with pytest.raises(Duplicate):
            store.save(hold, evolve(hold.job, video=video(name)), Keep())


def test_a_claim_reads_the_same_however_many_jobs_there_are(store, url, witness, new, must_claim):
    """With 50,000 jobs hardly more rows are read to claim one and to look ahead than with 100."""
    counts = []
    for jobs in (100, 50_000):
        witness.execute(
            "insert into video_processing_jobs (subscription, listed, id, url, variant, site, status, batch, files,"
            " due_at, asked_after, stage, done, added_at) select '', false, md5(n::text), 'https://e.com/' || n, '',"
            " 'large.example', 'pending', 'b', '[]', now() - interval '1 day' + n * interval '1 ms', 0, '', 0, now()"
            " from generate_series((select count(*) from video_processing_jobs) + 1, %s) n",
            (jobs,),
        )
        witness.execute("insert into sites values ('large.example', now(), 0, '') on conflict do nothing")
        witness.execute("analyze")
        store.close()  # counters are told when a connection ends
        before = rows_read(witness)
        hold = must_claim(store)
        store.save(hold, hold.job, Done())
        assert store.next_due(home="here", handover=LONG) == timedelta(0)
        store.close()
        counts.append(rows_read(witness) - before)
    assert counts[1] < counts[0] + 300, counts


def rows_read(witness):
    """How many rows of jobs were read so far, once nobody else is connected and all have told."""
    others = (
        "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
        " and backend_type = 'client backend'"
    )
    until = time.monotonic() + 10
    while asked(witness, others) != [(0,)]:
        assert time.monotonic() < until
        time.sleep(0.01)
    [(count,)] = asked(
        witness,
        "select coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) from pg_stat_user_tables"
        " where relname = 'video_processing_jobs'",
    )
    return count


@pytest.mark.parametrize("call", ["add", "claim", "save"])
def test_a_commit_whose_answer_is_lost_is_no_failure(store, new, listening, witness, call):
    """Where the connection ends right after the server has committed, the call is made once more, and does no harm."""
    store.add([new(1)])
    hold = store.claim("host:1", LONG, home="here", handover=LONG) if call == "save" else None
    lost = []

    def lose(connection):
        if not lost:
            lost.append(connection)
            connection.connection.dbapi_connection.commit()
            connection.connection.dbapi_connection.pgconn.finish()

    with listening("commit", lose):
        if call == "add":
            store.add([new(2)])
        elif call == "claim":
            hold = store.claim("host:1", LONG, home="here", handover=LONG)
        else:
            store.save(hold, hold.job, Done())
    assert lost, "no answer was lost, so this shows nothing"
    count = "select count(*) from video_processing_jobs"
    assert asked(witness, count) == [(2 if call == "add" else 1,)]
    attempts = [(hold.attempt,)] if hold else []
    assert asked(witness, "select id from attempts") == attempts, "an attempt that nobody knows of holds the job"
    if call == "claim":
        assert hold.previous is None, "what nobody has heard of counts as a crash"
