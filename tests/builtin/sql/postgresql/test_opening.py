"""How a database on PostgreSQL is opened: by which driver, with which password, and what is told where it cannot be."""

import logging
import re
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from postgres_answers import PLANTED, asked, failure_of
from sqlalchemy import make_url

from haulage.config.effective import effective
from haulage.contracts.metadata import Query
from haulage.errors import Kind
from haulage.registry.builtin import SqlOptions
from haulage.registry.host import Host


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
    monkeypatch.syspath_prepend(Path(__file__).parents[3] / "pipeline" / "plugins")
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
