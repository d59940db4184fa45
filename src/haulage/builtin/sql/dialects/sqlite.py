"""SQLite: a file that the processes of one machine share, or the memory of this one."""

import contextlib
import secrets
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from attrs import field, frozen
from sqlalchemy import URL, Connection, Engine, QueuePool, create_engine, event
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from haulage.builtin.sql.dialects import base
from haulage.errors import Failure, Kind

_CURES = {
    sqlite3.SQLITE_CANTOPEN: (Kind.DENIED, "make its folder first, or choose another path"),
    sqlite3.SQLITE_READONLY: (Kind.DENIED, "let haulage write to it and to its folder"),
    sqlite3.SQLITE_PERM: (Kind.DENIED, "let haulage write to it and to its folder"),
    sqlite3.SQLITE_NOTADB: (Kind.DENIED, "name another file; this one is no SQLite database"),
    sqlite3.SQLITE_CORRUPT: (Kind.DENIED, "restore it from a backup"),
    sqlite3.SQLITE_FULL: (Kind.NO_SPACE, "free some space"),
    sqlite3.SQLITE_IOERR: (Kind.STORAGE, "look after the disk it lies on"),
}

_MOMENT_MILLISECONDS = 200


@frozen
class Sqlite:
    """See Database."""

    engine: Engine
    turn: Callable[[], AbstractContextManager[None]] = contextlib.nullcontext
    reading: dict[str, object] = field(init=False, factory=lambda: {"haulage_reads": True})

    @property
    def label(self) -> str:
        """See Database."""
        return self.engine.url.database or ""

    def failure(self, error: SQLAlchemyError) -> Failure:
        """See Database."""
        original = error.orig if isinstance(error, DBAPIError) else error
        code = getattr(original, "sqlite_errorcode", 0) & 0xFF  # without the extended part
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) or isinstance(error, PoolTimeoutError):
            return Failure(Kind.TRANSIENT, f"database {self.label} was locked for {base.BUSY_SECONDS} s")
        kind, cure = _CURES.get(code, (Kind.BUG, ""))
        return Failure(kind, f"database {self.label}: {' '.join(str(original).split())}", cure=cure)

    def undone(self, error: SQLAlchemyError) -> bool:  # noqa: ARG002
        """See Database: a transaction that has begun to write is not disturbed."""
        return False


def open_file(path: Path) -> Sqlite:
    """Open a database file. Nothing is read or written yet."""
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        connect_args={"timeout": base.BUSY_SECONDS},
        pool_size=0,  # no bound: each call borrows a connection for milliseconds
        hide_parameters=True,
    )
    return Sqlite(_listening(engine))


def open_memory() -> Sqlite:
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
        pool_timeout=base.BUSY_SECONDS,
        hide_parameters=True,
    )
    event.listen(engine, "engine_disposed", lambda _: anchor.close())
    return Sqlite(_listening(engine), _Turns().turn)


class _Turns:
    """Has threads take turns in the order in which they came.

    A pool would give a connection back to the thread that had it last, as often as that one asks.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._line: deque[object] = deque()

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """See Database."""
        me = object()
        try:
            with self._changed:
                self._line.append(me)
                if not self._changed.wait_for(lambda: self._line[0] is me, base.BUSY_SECONDS):
                    raise PoolTimeoutError
            yield
        finally:
            with self._changed:
                if me in self._line:
                    self._line.remove(me)
                self._changed.notify_all()


def _listening(engine: Engine) -> Engine:
    event.listen(engine, "connect", _connected)
    event.listen(engine, "begin", _begin)
    return engine


def _connected(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver begins nothing by itself; `_begin` does
    _write_ahead(connection)
    # Without the last one, what a row no longer has stays in the file: the signature of a URL, for one.
    for pragma in ("synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _write_ahead(connection: Any) -> None:
    # Of processes that switch a new database over at once, SQLite tells some that it is locked without any wait.
    until = time.monotonic() + base.BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL").close()
        except sqlite3.OperationalError as error:
            if not _is_busy(error) or time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return


def _is_busy(error: BaseException | None) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY


def _begin(connection: Connection) -> None:
    # A deferred transaction that reads and then writes fails at once when another one wrote in between.
    if connection.get_execution_options().get("haulage_reads", False):
        connection.exec_driver_sql("BEGIN")
        return
    # SQLite waits in C, where Python hears no signal: so it is told to wait for a moment, again and again.
    until = time.monotonic() + base.BUSY_SECONDS
    connection.exec_driver_sql(f"PRAGMA busy_timeout={_MOMENT_MILLISECONDS}")
    try:
        while True:
            try:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            except OperationalError as error:
                if not _is_busy(error.orig) or time.monotonic() > until:
                    raise
            else:
                return
    finally:
        if not connection.invalidated:  # by an interrupt
            connection.exec_driver_sql(f"PRAGMA busy_timeout={int(base.BUSY_SECONDS * 1000)}")
