"""What is different on PostgreSQL; the laws are held in test_laws.py."""

import contextlib
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, timedelta
from pathlib import Path

import psycopg
import pytest
from attrs import evolve
from sqlalchemy import make_url

from haulage.builtin.sql.dialects import base, postgresql, psycopg_connection
from haulage.builtin.sql.store import SqlStore
from haulage.config.effective import effective
from haulage.contracts.metadata import Again, Done, Gate, Keep, NewJob, Query
from haulage.errors import Duplicate, Kind, StoreError
from haulage.registry.builtin import SqlOptions
from haulage.registry.host import Host
from haulage.values import Request, Status

PLANTED = "hunter2secret"
LONG = timedelta(minutes=5)


@pytest.fixture
def url(postgres):
    """The URL of a new database."""
    return make_url(postgres.database())


@pytest.fixture
def opening():
    """Open stores, which are closed at the end."""
    with contextlib.ExitStack() as stack:

        def opening(url, password=None):
            store = SqlStore.open(url if isinstance(url, str) else url.render_as_string(False), Path("/"), password)
            stack.callback(store.close)
            return store

        yield opening


@pytest.fixture
def store(url, opening):
    """A store that is ready, on a new database."""
    store = opening(url)
    store.prepare()
    return store


@pytest.fixture
def witness(url):
    """A connection to the same database that knows nothing of haulage."""
    plain = url.set(drivername="postgresql").render_as_string(False)
    with psycopg.connect(plain, autocommit=True) as connection:
        yield connection


def asked(witness, statement, *values):
    return witness.execute(statement, values).fetchall()


def failure_of(call):
    with pytest.raises(StoreError) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message
    assert PLANTED not in f"{message}{caught.value.__cause__!r}"
    return caught.value.failure


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg", "postgresql+psycopg2"])
def test_whatever_driver_the_url_names_psycopg_is_used(url, opening, scheme):
    """People paste the URL that another program has."""
    store = opening(url.set(drivername="postgresql").render_as_string(False).replace("postgresql", scheme, 1))
    store.prepare()
    assert list(store.find(Query())) == []


def test_without_the_driver_the_message_says_what_to_install(url):
    """Where psycopg is not there, opening says so in one line, and a SQLite database still opens."""
    program = """
import sys
from pathlib import Path
sys.modules["psycopg"] = None
from haulage.builtin.sql.store import SqlStore
SqlStore.open("sqlite:///haulage.db", Path(".")).close()
try:
    SqlStore.open(sys.argv[1], Path("."))
except Exception as error:
    print(f"{error.failure.kind}: {error}")
"""
    run = subprocess.run(
        [sys.executable, "-c", program, str(url)], capture_output=True, text=True, timeout=60, check=True
    )
    assert run.stdout.startswith("environment: PostgreSQL needs the driver psycopg, which is not usable here (")
    assert run.stdout.endswith("; install it with: pip install 'haulage[postgres]'\n")


def test_a_sqlite_store_loads_no_driver_of_postgresql():
    """Who has a SQLite database pays nothing for the other."""
    program = """
import sys, tempfile
from pathlib import Path
from haulage.builtin.sql.store import SqlStore
store = SqlStore.open("sqlite:///haulage.db", Path(tempfile.mkdtemp()))
store.prepare()
store.close()
assert "psycopg" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], timeout=60, check=True)


@pytest.fixture
def with_password(postgres, url, witness):
    """The URL of the database for a user who needs a password; others of this server need none."""
    witness.execute(f"create role careful login password '{PLANTED}'")
    rules = postgres.folder / "data" / "pg_hba.conf"
    before = rules.read_text()
    rules.write_text(f"host all careful 127.0.0.1/32 scram-sha-256\n{before}")
    asked(witness, "select pg_reload_conf()")
    plain = url.set(drivername="postgresql", username="careful").render_as_string(False)
    until = time.monotonic() + 10
    while time.monotonic() < until:  # until the server has read its rules
        try:
            psycopg.connect(plain).close()
        except psycopg.OperationalError:
            break
    yield plain
    rules.write_text(before)
    witness.execute("drop owned by careful")
    witness.execute("drop role careful")


def test_the_password_may_stand_beside_the_url(with_password, witness, opening):
    """It works, whatever characters it has, and a wrong one is told without being shown."""
    witness.execute("grant create on schema public to careful")
    opening(with_password, PLANTED).prepare()
    for password in (f"{PLANTED}2", "p@:/?#[]%40 ü"):
        failure = failure_of(opening(with_password, password).prepare)
        assert failure.kind is Kind.DENIED
        assert str(failure).endswith(
            ': password authentication failed for user "careful"; correct the user and the password'
        )
    failure = failure_of(opening(with_password).prepare)
    assert failure.kind is Kind.DENIED
    assert "no password supplied" in failure.message
    witness.execute("alter role careful password 'p@:/?#[]%40 ü'")
    opening(with_password, "p@:/?#[]%40 ü").prepare()


def test_who_may_not_make_tables_is_told_what_to_grant(with_password, opening):
    """A user without privileges in the schema gets one line that names the cure."""
    failure = failure_of(opening(with_password, PLANTED).prepare)
    assert failure.kind is Kind.DENIED
    assert failure.message.endswith(": permission denied for schema public")
    assert "GRANT USAGE, CREATE ON SCHEMA public" in failure.cure


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        ({"database": "nowhere"}, Kind.DENIED, 'database "nowhere" does not exist; make it with createdb, .*'),
        ({"username": "nobody"}, Kind.DENIED, 'role "nobody" does not exist; correct the user and the password'),
        ({"host": "no.invalid"}, Kind.TRANSIENT, ".*no.invalid.*; start the server, or correct the host and the port"),
        ({"port": 1}, Kind.TRANSIENT, "Connection refused; start the server, or correct the host and the port"),
    ],
    ids=["database", "user", "host", "port"],
)
def test_what_is_wrong_with_the_place_is_told(url, opening, change, kind, message):
    """A slip in any part of the URL is one line that names the part."""
    if change.get("port"):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            change = {"port": taken.getsockname()[1]}  # nobody listens there when it is closed
    changed = url.set(**change)
    failure = failure_of(opening(changed.set(password=PLANTED)).prepare)
    label = f"database {changed.database} at {changed.host}:{changed.port}: "
    assert failure.kind is kind
    assert re.fullmatch(re.escape(label) + f"(FATAL: *)?{message}", str(failure)), str(failure)


def test_a_newer_schema_is_refused_and_left_alone(store, url, witness):
    """An older haulage says that it is too old."""
    witness.execute("update schema_version set version = 2")
    failure = failure_of(store.prepare)
    assert failure.kind is Kind.DENIED
    assert failure.message == f"database {url.database} at 127.0.0.1:{url.port} has schema 2, this haulage reads 1"
    assert asked(witness, "select version from schema_version") == [(2,)]


def test_workers_that_start_at_once_find_a_new_database_ready(url, opening, witness):
    """Eight that prepare one new database at the same moment all succeed."""
    stores, barrier = [opening(url) for _ in range(8)], threading.Barrier(8)

    def prepare(store):
        barrier.wait(10)
        store.prepare()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(prepare, stores))
    assert asked(witness, "select version from schema_version") == [(1,)]


def test_the_password_is_shown_nowhere(with_password, opening, caplog, monkeypatch):
    """Neither by the options, nor by `config explain`, nor by any log line, nor by an error."""
    caplog.set_level(logging.DEBUG)
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "pipeline" / "plugins")
    with_it = make_url(with_password).set(password=PLANTED).render_as_string(False)
    shown = [repr(SqlOptions(url=with_password, password=PLANTED)), repr(SqlOptions(url=with_it))]
    for text in ("{url: postgresql://u@h/d, password: '${PW}'}", "postgresql://u:${PW}@h/d"):
        config = f"fetcher: {{type: plain}}\ndatabase: {text}"
        for setting in effective(config, "f", Path("/"), {"PW": PLANTED}, Host(["plain_fetcher"])):
            shown += [repr(setting), str(setting.shown)]
    store = opening(with_password, PLANTED)
    shown += [repr(store), repr(vars(store)), str(failure_of(store.prepare)), caplog.text]
    assert PLANTED not in "".join(shown)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (f"postgresql://u:{PLANTED}@h/d", "the password of the database is given twice; take it out of the URL"),
        ("sqlite:///x.db", "a SQLite database has no password; take `password` out of the config"),
    ],
)
def test_a_password_that_is_too_many_is_refused(opening, url, message):
    """One that would not be used is a mistake."""
    failure = failure_of(lambda: opening(url, "x"))
    assert (failure.kind, str(failure)) == (Kind.CONFIG, message)


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
            "insert into video_processing_jobs (id, url, variant, site, status, batch, files, due_at, asked_after,"
            " stage, done, added_at) select md5(n::text), 'https://e.com/' || n, '', 'large.example', 'pending', 'b',"
            " '[]', now() - interval '1 day' + n * interval '1 ms', 0, '', 0, now()"
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
