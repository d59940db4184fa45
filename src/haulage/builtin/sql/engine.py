"""Open a database so that its transactions keep what the store promises, and speak of its errors in our words."""

import contextlib
import secrets
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, QueuePool, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from haulage.errors import Failure, Kind, StoreError

BUSY_SECONDS = 30
"""How long a statement waits for another process's transaction; ours hold the lock for milliseconds."""

_CURES = {
    sqlite3.SQLITE_CANTOPEN: (Kind.DENIED, "make its folder first, or choose another path"),
    sqlite3.SQLITE_READONLY: (Kind.DENIED, "let haulage write to it and to its folder"),
    sqlite3.SQLITE_PERM: (Kind.DENIED, "let haulage write to it and to its folder"),
    sqlite3.SQLITE_NOTADB: (Kind.DENIED, "name another file; this one is no SQLite database"),
    sqlite3.SQLITE_CORRUPT: (Kind.DENIED, "restore it from a backup"),
    sqlite3.SQLITE_FULL: (Kind.NO_SPACE, "free some space"),
    sqlite3.SQLITE_IOERR: (Kind.STORAGE, "look after the disk it lies on"),
}


def open_engine(url: str, folder: Path) -> Engine:
    """Open a SQLite database; a relative path starts at `folder`. Nothing is read or written yet.

    Raises:
        StoreError: The URL is none, or not one of SQLite (kind `config`).
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # the latter for a port that is no number
        raise _refused("the database URL cannot be read", "write it like sqlite:///haulage.db") from None
    if parsed.get_backend_name() != "sqlite":
        raise _refused(f"databases of type {parsed.get_backend_name()} are not supported", "use sqlite:///haulage.db")
    if parsed.database in (None, "", ":memory:"):
        raise _refused("a database in memory would forget every job", "write it like sqlite:///haulage.db")
    path = folder / parsed.database
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        connect_args={"timeout": BUSY_SECONDS},
        pool_size=0,  # no bound: each call borrows a connection for milliseconds
        hide_parameters=True,
    )
    return _listening(engine)


def open_memory_engine() -> Engine:
    """Open a new database in the memory of this process, which is gone when the engine is disposed of.

    Its threads take turns: there is one connection for all of them.
    """
    address = f"file:haulage-{secrets.token_hex(8)}?mode=memory&cache=shared"
    # A connection that was broken off, by Ctrl-C for one, is closed; the database lives as long as this one is open.
    anchor = sqlite3.connect(address, uri=True, check_same_thread=False)
    engine = create_engine(
        f"sqlite:///{address}&uri=true",
        connect_args={"check_same_thread": False},
        poolclass=QueuePool,
        pool_size=1,  # more would refuse each other at once: a shared cache knows no waiting
        max_overflow=0,
        pool_timeout=BUSY_SECONDS,
        hide_parameters=True,
    )
    event.listen(engine, "engine_disposed", lambda _: anchor.close())
    return _listening(engine)


def _listening(engine: Engine) -> Engine:
    event.listen(engine, "connect", _connected)
    event.listen(engine, "begin", _begin)
    return engine


def _refused(message: str, cure: str) -> StoreError:
    return StoreError(Failure(Kind.CONFIG, message, cure=cure))


def _connected(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver begins nothing by itself; `_begin` does
    _write_ahead(connection)
    for pragma in ("synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _write_ahead(connection: Any) -> None:
    # Of processes that switch a new database over at once, SQLite tells some that it is locked without any wait.
    until = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL").close()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return


def _begin(connection: Connection) -> None:
    # A deferred transaction that reads and then writes fails at once when another one wrote in between.
    reads = connection.get_execution_options().get("haulage_reads", False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


@contextlib.contextmanager
def transaction(engine: Engine, *, reads: bool = False) -> Iterator[Connection]:
    """Run the block in one transaction: committed at its end, rolled back when it raises.

    Raises:
        StoreError: The database failed.
    """
    try:
        with engine.connect().execution_options(haulage_reads=reads) as connection, connection.begin():
            yield connection
    except SQLAlchemyError as error:
        raise _translated(error, engine.url.database or "") from error


def _translated(error: SQLAlchemyError, path: str) -> StoreError:
    original = error.orig if isinstance(error, DBAPIError) else error
    code = getattr(original, "sqlite_errorcode", 0) & 0xFF  # without the extended part
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) or isinstance(error, PoolTimeoutError):
        return StoreError(Failure(Kind.TRANSIENT, f"database {path} was locked for {BUSY_SECONDS} s"))
    kind, cure = _CURES.get(code, (Kind.BUG, ""))
    return StoreError(Failure(kind, f"database {path}: {' '.join(str(original).split())}", cure=cure))
