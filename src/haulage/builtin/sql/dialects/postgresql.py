"""PostgreSQL: a server that the processes of many machines share. Loading this module needs no driver."""

import contextlib
import re
from contextlib import AbstractContextManager
from typing import Any

from attrs import field, frozen
from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from haulage.builtin.sql.dialects import base
from haulage.errors import Failure, Kind, StoreError

CONNECTIONS = 8
"""How many connections one process opens at most; calls take milliseconds, and wait for each other."""

_CONNECT_SECONDS = 10

_DEADLOCK, _SERIALIZATION, _UNIQUE = "40P01", "40001", "23505"

# By SQLSTATE, or by its class of two characters.
_KINDS = {
    "08": (Kind.TRANSIENT, ""),
    "25006": (Kind.DENIED, "name the primary server; this one only reads"),
    "28": (Kind.DENIED, "correct the user and the password"),
    "3D": (Kind.DENIED, "make it with createdb, or name another database"),
    "42501": (Kind.DENIED, "let the owner of the database run: GRANT USAGE, CREATE ON SCHEMA public TO the user"),
    "53": (Kind.TRANSIENT, ""),
    "53100": (Kind.NO_SPACE, "free some space on the server"),
    "54000": (Kind.INVALID, ""),
    "57": (Kind.TRANSIENT, ""),
    "58": (Kind.STORAGE, "look after the disk of the server"),
    "XX001": (Kind.DENIED, "restore it from a backup"),
    "XX002": (Kind.DENIED, "let the owner of the database run: REINDEX"),
}
_BUSY = {"55P03", "57014", _DEADLOCK, _SERIALIZATION}

# Where no connection came about there is no SQLSTATE; these are the words of the server and of its library.
_REFUSALS = {
    "password authentication failed|no password supplied|no pg_hba.conf entry|role .* does not exist": "28000",
    "database .* does not exist": "3D000",
    "permission denied": "42501",
    "too many (connections|clients)|remaining connection slots": "53300",
    "is (starting up|shutting down|not yet accepting connections)|in recovery mode": "57P03",
}
_UNREACHABLE = "start the server, or correct the host and the port"


@frozen
class Postgres:
    """See Database."""

    engine: Engine
    reading: dict[str, object] = field(
        init=False, factory=lambda: {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    )

    def turn(self) -> AbstractContextManager[None]:
        """See Database: it serves many at once."""
        return contextlib.nullcontext()

    @property
    def label(self) -> str:
        """See Database."""
        url = self.engine.url
        host = url.host or url.query.get("host") or "localhost"
        return f"{url.database or url.username} at {host}{f':{url.port}' if url.port else ''}"

    def failure(self, error: SQLAlchemyError) -> Failure:
        """See Database."""
        state = _state(error)
        if state in _BUSY or isinstance(error, PoolTimeoutError):
            return Failure(Kind.TRANSIENT, f"database {self.label} was busy for {base.BUSY_SECONDS} s")
        original = error.orig if isinstance(error, DBAPIError) else error
        # What else the server tells may hold a whole row, signed URLs included.
        said = getattr(getattr(original, "diag", None), "message_primary", None) or _last_words(str(original))
        if state is None:
            kind, cure = (Kind.TRANSIENT, _UNREACHABLE) if _disconnected(error) else (Kind.BUG, "")
        else:
            kind, cure = _KINDS.get(state) or _KINDS.get(state[:2]) or (Kind.BUG, "")
        return Failure(kind, f"database {self.label}: {' '.join(said.split())}", cure=cure)

    def undone(self, error: SQLAlchemyError) -> bool:
        """See Database: one of two that wait for each other, or that write the same key at once."""
        return _state(error) in (_DEADLOCK, _SERIALIZATION, _UNIQUE)


def open_server(url: URL, password: str | None) -> Postgres:
    """Open a database of a server. Nothing is sent to it yet.

    Raises:
        StoreError: The driver is missing.
    """
    try:
        engine = create_engine(
            url.set(drivername="postgresql+psycopg", password=password or url.password),
            pool_size=CONNECTIONS,
            max_overflow=0,
            pool_timeout=base.BUSY_SECONDS,
            pool_pre_ping=True,  # connections that were kept end with their server
            connect_args={
                "connect_timeout": _CONNECT_SECONDS,
                "prepare_threshold": None,  # poolers such as PgBouncer hand each transaction to another connection
            },
            hide_parameters=True,
        )
    except ImportError as error:
        raise StoreError(
            Failure(
                Kind.ENVIRONMENT,
                f"PostgreSQL needs the driver psycopg, which is not usable here ({' '.join(str(error).split())})",
                cure="install it with: pip install 'haulage[postgres]'",
            )
        ) from None
    event.listen(engine, "do_connect", _connect)
    event.listen(engine, "connect", _connected)
    return Postgres(engine)


def _connect(_dialect: object, _record: object, arguments: list[Any], options: dict[str, Any]) -> Any:
    from haulage.builtin.sql.dialects.psycopg_connection import BoundedConnection

    return BoundedConnection.connect(*arguments, **options)


def _connected(connection: Any, _record: object) -> None:
    milliseconds = round(base.BUSY_SECONDS * 1000)
    settings = {
        "TimeZone": "UTC",
        "statement_timeout": milliseconds,
        "lock_timeout": milliseconds,
        # A worker that is paused in the middle of a transaction gives its locks back.
        "idle_in_transaction_session_timeout": 2 * milliseconds,
    }
    connection.autocommit = True  # for this statement: nothing is to be committed
    with connection.cursor() as cursor:
        calls = ", ".join(["set_config(%s, %s, false)"] * len(settings))
        cursor.execute(f"SELECT {calls}", [str(part) for setting in settings.items() for part in setting])
    connection.autocommit = False


def _state(error: SQLAlchemyError) -> str | None:
    original = getattr(error, "orig", None)
    state: str | None = getattr(original, "sqlstate", None)
    if state is None and _disconnected(error):
        found = (state for words, state in _REFUSALS.items() if re.search(words, str(original)))
        return next(found, None)
    return state


def _disconnected(error: SQLAlchemyError) -> bool:
    """Whether there was no connection, or it ended in the middle."""
    return isinstance(error, DBAPIError) and type(error.orig).__name__ in ("OperationalError", "ConnectionTimeout")


def _last_words(said: str) -> str:
    """What was said of the last address that was tried; each has a line of its own."""
    lines = [line for line in said.splitlines() if line and not line.startswith(("\t", "Multiple", "-", "Is the"))]
    return lines[-1].rpartition("failed: ")[2] if lines else said
