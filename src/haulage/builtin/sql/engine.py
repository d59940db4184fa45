"""Open a database so that its transactions keep what the store promises, and speak of its errors in our words."""

import contextlib
import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from haulage.builtin.sql.dialects import postgresql, sqlite
from haulage.builtin.sql.dialects.base import Database
from haulage.errors import Failure, Kind, StoreError

_TURNS = 5
"""How often a call is made that the database undid for the sake of others."""

Self = TypeVar("Self")
Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")


class Undone(StoreError):
    """The transaction was undone for another one's sake; nothing was written."""


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
        Undone: Others wrote the same; whoever is `repeated` tries again.
        StoreError: The database failed.
    """
    options = database.reading if reads else {}
    try:
        with database.engine.connect().execution_options(**options) as connection, connection.begin():
            yield connection
    except SQLAlchemyError as error:
        # Not `from error`: what the driver tells may hold whole rows.
        raise (Undone if database.undone(error) else StoreError)(database.failure(error)) from None


def repeated(
    call: Callable[Concatenate[Self, Arguments], Answer],
) -> Callable[Concatenate[Self, Arguments], Answer]:
    """Make a method that is one transaction begin anew where the database undid it for the sake of others."""

    @functools.wraps(call)
    def wrapper(self: Self, /, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Answer:
        for _ in range(_TURNS - 1):
            with contextlib.suppress(Undone):
                return call(self, *args, **kwargs)
        return call(self, *args, **kwargs)

    return wrapper
