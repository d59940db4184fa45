"""Open a database so that its transactions keep what the store promises, and speak of its errors in our words."""

import contextlib
import functools
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from haulage.builtin.sql.dialects import base, postgresql, sqlite
from haulage.builtin.sql.dialects.base import Database
from haulage.errors import Failure, Kind, StoreError

_TURNS = 5
"""How often a call is made that the database undid, or whose answer was lost."""

Self = TypeVar("Self")
Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")


class Undone(StoreError):
    """The transaction was undone for another one's sake, or its connection broke, and nobody knows what became of it.

    Either way it may begin anew: what is asked twice does no harm.
    """


def open_database(url: str, folder: Path, password: str | None = None) -> Database:
    """Open the database at a SQLAlchemy URL. Nothing is read or written yet.

    Args:
        url: Of SQLite or PostgreSQL, whatever driver it names.
        folder: Where the relative path of a SQLite database starts.
        password: For PostgreSQL, instead of one in the URL.

    Raises:
        StoreError: The URL is none, or not one that is supported (kind `config`), or a driver is missing.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # the latter for a port that is no number
        raise _refused("the database URL cannot be read", "write it like sqlite:///haulage.db") from None
    kind = parsed.drivername.partition("+")[0]
    if kind in ("postgresql", "postgres"):
        if password and parsed.password:
            raise _refused("the password of the database is given twice", "take it out of the URL")
        return postgresql.open_server(parsed, password)
    if kind != "sqlite":
        cure = "use sqlite:///haulage.db or postgresql://user@host/database"
        raise _refused(f"databases of type {kind} are not supported", cure)
    if password:
        raise _refused("a SQLite database has no password", "take `password` out of the config")
    if parsed.database in (None, "", ":memory:"):
        raise _refused("a database in memory would forget every job", "write it like sqlite:///haulage.db")
    return sqlite.open_file(folder / parsed.database)


def _refused(message: str, cure: str) -> StoreError:
    return StoreError(Failure(Kind.CONFIG, message, cure=cure))


@contextlib.contextmanager
def transaction(database: Database, *, reads: bool = False) -> Iterator[Connection]:
    """Run the block in one transaction: committed at its end, rolled back when it raises.

    Raises:
        Undone: Others wrote the same, or the connection broke; whoever is `repeated` tries again.
        StoreError: The database failed, or cannot be reached.
    """
    options = database.reading if reads else {}
    begun = False
    try:
        with database.turn(), database.engine.connect().execution_options(**options) as connection, connection.begin():
            begun = True
            yield connection
    except SQLAlchemyError as error:
        broken = begun and getattr(error, "connection_invalidated", False)
        # Not `from error`: what the driver tells may hold whole rows.
        raise (Undone if broken or database.undone(error) else StoreError)(database.failure(error)) from None


def repeated(
    call: Callable[Concatenate[Self, Arguments], Answer],
) -> Callable[Concatenate[Self, Arguments], Answer]:
    """Make a call that is one transaction begin anew where the database undid it, or its answer was lost."""

    @functools.wraps(call)
    def wrapper(self: Self, /, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Answer:
        until = time.monotonic() + base.BUSY_SECONDS
        for _ in range(_TURNS - 1):
            try:
                return call(self, *args, **kwargs)
            except Undone:
                if time.monotonic() > until:  # it was silent for that long, and may be again
                    raise
        return call(self, *args, **kwargs)

    return wrapper
