import contextlib
import sqlite3
import threading
from pathlib import Path

import pytest

from haulage.builtin.sql.dialects import base
from haulage.builtin.sql.store import SqlStore
from haulage.contracts.metadata import NewJob
from haulage.errors import Kind, StoreError
from haulage.values import Request

PLANTED = "hunter2secret"


def failure_of(path):
    """What opening and preparing a database at a path says."""
    store = SqlStore.open(f"sqlite:///{path}", Path("/"))
    try:
        with pytest.raises(StoreError) as caught:
            store.prepare()
    finally:
        store.close()
    return caught.value.failure


def test_a_relative_path_starts_at_the_folder_of_the_config(tmp_path, monkeypatch):
    """Wherever haulage is started, the database is the same."""
    monkeypatch.chdir("/")
    store = SqlStore.open("sqlite:///haulage.db", tmp_path)
    store.prepare()
    store.close()
    assert (tmp_path / "haulage.db").read_bytes().startswith(b"SQLite format 3")


def test_opening_reads_and_writes_nothing(tmp_path):
    """A config can be checked without a database."""
    SqlStore.open("sqlite:///haulage.db", tmp_path).close()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_missing(tmp_path):
    """Where the folder of the database is missing, the message says so and what to do."""
    failure = failure_of(tmp_path / "no" / "haulage.db")
    assert failure.kind is Kind.DENIED
    assert str(failure) == (
        f"database {tmp_path}/no/haulage.db: unable to open database file; "
        "make its folder first, or choose another path"
    )


def test_a_path_that_is_a_folder(tmp_path):
    """A folder in the place of the database is told likewise."""
    failure = failure_of(tmp_path)
    assert failure.kind is Kind.DENIED
    assert str(failure) == (
        f"database {tmp_path}: unable to open database file; make its folder first, or choose another path"
    )


def test_a_file_that_is_no_database(tmp_path):
    """Another file is not touched, and the message says what it is not."""
    path = tmp_path / "haulage.db"
    path.write_bytes(b"my shopping list, which is longer than the header of a database would be" * 100)
    before = path.read_bytes()
    failure = failure_of(path)
    assert failure.kind is Kind.DENIED
    assert str(failure) == (
        f"database {path}: file is not a database; name another file; this one is no SQLite database"
    )
    assert path.read_bytes() == before


def test_a_database_of_somebody_else_keeps_its_tables(tmp_path):
    """Another program's database is not emptied; ours are added beside its tables."""
    path = tmp_path / "haulage.db"
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("create table shopping (item text)")
        connection.execute("insert into shopping values ('milk')")
    store = SqlStore.open(f"sqlite:///{path}", Path("/"))
    store.prepare()
    store.close()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("select item from shopping").fetchall() == [("milk",)]


def test_a_newer_schema_is_refused_and_left_alone(store, database, ask, dump):
    """An older haulage says that it is too old, and changes nothing."""
    ask("update schema_version set version = 2")
    before = dump()
    failure = failure_of(database)
    assert failure.kind is Kind.DENIED
    assert str(failure) == (
        f"database {database} has schema 2, this haulage reads 1; upgrade haulage, or name another database"
    )
    assert dump() == before


def test_preparing_again_changes_nothing(store, dump):
    """Every worker prepares; only the first one writes."""
    before = dump()
    store.prepare()
    assert dump() == before


def test_a_database_that_another_program_has_locked(store, database, monkeypatch):
    """After the time that a statement waits, the failure is one that passes, and says how long it waited."""
    monkeypatch.setattr(base, "BUSY_SECONDS", 0.05)
    with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("begin immediate")
        failure = failure_of(database)
        other.execute("rollback")
    assert failure.kind is Kind.TRANSIENT
    assert str(failure) == f"database {database} was locked for 0.05 s"


def test_a_locked_database_is_waited_for(store, database):
    """While another one writes, a call waits and then succeeds."""
    with contextlib.closing(sqlite3.connect(database, isolation_level=None, check_same_thread=False)) as other:
        other.execute("begin immediate")
        other.execute("update schema_version set version = 1")

        timer = threading.Timer(0.2, other.execute, ("commit",))
        timer.start()
        store.add([])
        assert not other.in_transaction
        timer.join()


@pytest.mark.parametrize("there", [True, False])
def test_a_database_that_is_not_ours_to_write(closed_folder, powerless, there):
    """Where the file or its folder may not be written, the message says what to do."""
    path = closed_folder / "haulage.db"
    if there:
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute("create table t (a)")
        path.chmod(0o444)
    with powerless():
        failure = failure_of(path)
    assert failure.kind is Kind.DENIED
    assert str(failure) == (
        f"database {path}: attempt to write a readonly database; let haulage write to it and to its folder"
        if there
        else f"database {path}: unable to open database file; make its folder first, or choose another path"
    )


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (
            f"mysql+pymysql://haulage:{PLANTED}@db/haulage",
            "databases of type mysql are not supported; use sqlite:///haulage.db or postgresql://user@host/database",
        ),
        ("sqlite://", "a database in memory would forget every job; write it like sqlite:///haulage.db"),
        ("sqlite:///", "a database in memory would forget every job; write it like sqlite:///haulage.db"),
        ("sqlite:///:memory:", "a database in memory would forget every job; write it like sqlite:///haulage.db"),
        (f"junk {PLANTED}", "the database URL cannot be read; write it like sqlite:///haulage.db"),
        (
            f"postgresql://u:{PLANTED}@host:{PLANTED}/db",
            "the database URL cannot be read; write it like sqlite:///haulage.db",
        ),
        ("", "the database URL cannot be read; write it like sqlite:///haulage.db"),
    ],
)
def test_other_urls_are_refused_without_repeating_them(tmp_path, url, message):
    """A URL that is no SQLite file is a mistake in the config, and what it holds is not shown."""
    with pytest.raises(StoreError) as caught:
        SqlStore.open(url, tmp_path)
    assert caught.value.failure.kind is Kind.CONFIG
    assert str(caught.value) == message
    assert PLANTED not in repr(caught.value.__cause__)


def test_values_do_not_appear_in_messages(store, ask):
    """What a statement carried is not shown when it fails: it may have been a signed URL."""
    ask("create trigger t before insert on video_processing_jobs begin select raise(abort, 'not today'); end")
    with pytest.raises(StoreError) as caught:
        store.add([NewJob(Request(f"https://e.com/?token={PLANTED}"), "e.com")])
    assert caught.value.failure.kind is Kind.BUG
    assert PLANTED not in f"{caught.value} {caught.value.__cause__}"


def test_each_of_many_threads_has_a_connection(store, ask):
    """More threads than a pool would hold are served at once."""
    barrier, errors = threading.Barrier(30), []

    def work():
        barrier.wait(10)
        try:
            store.prepare()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert errors == []


def test_processes_that_start_at_once_find_a_new_database_ready(program, tmp_path):
    """Workers that prepare one new database at the same moment, sixty times, all succeed."""
    body = """
    for line in sys.stdin:
        store = SqlStore.open("sqlite:///haulage.db", Path(line.strip()))
        store.prepare()
        store.close()
        say("prepared")
    """
    with contextlib.ExitStack() as stack:
        processes = [stack.enter_context(program(body)) for _ in range(4)]
        for number in range(60):
            folder = tmp_path / str(number)
            folder.mkdir()
            for process in processes:
                process.stdin.write(f"{folder}\n")
                process.stdin.flush()
            assert [process.stdout.readline() for process in processes] == ["prepared\n"] * 4
            with contextlib.closing(sqlite3.connect(folder / "haulage.db")) as connection:
                assert connection.execute("select version from schema_version").fetchall() == [(1,)]


def test_closing_twice_is_harmless(store):
    """A store may be closed again."""
    store.close()
    store.close()
