"""What every database can do and each spells in its own way: time, text, upserts, and locks."""

import enum
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    DateTime,
    Dialect,
    Float,
    Integer,
    String,
    Text,
    TypeDecorator,
    func,
    literal,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine

LONGEST = timedelta(days=365 * 1000)
"""No wait is longer: SQLite knows no year after 9999, and gives NULL instead of the time."""

_REFUSED = re.compile("[\0\ud800-\udfff]")

Numbered = Integer().with_variant(BigInteger(), "postgresql")
"""A number that the database gives; SQLite's are of 64 bits as they are."""


class UtcTime(TypeDecorator[datetime]):
    """An aware UTC time, kept as RFC 3339 text in SQLite, which has no type for it and would lose the zone."""

    impl = String
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Use the type that the database has."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(String())
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | datetime | None:
        """Write it as SQLite's strftime does."""
        if value is None or dialect.name != "sqlite":
            return value
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None]:  # noqa: ARG002
        """Read it back, aware and in UTC; by one call a value, since an archive has many."""
        if dialect.name == "sqlite":
            return lambda value: None if value is None else datetime.fromisoformat(value)
        return lambda value: None if value is None else value.astimezone(UTC)


class AnyText(TypeDecorator[str]):
    """Text from outside, of any length and alphabet.

    What databases refuse in text, which PostgreSQL does with NUL and every one with half a surrogate pair, is replaced
    by U+FFFD wherever the text is written or looked for, so that what was written is found.

    Args:
        length: How long it is; declared in SQLite's schema and nowhere enforced.
    """

    impl = String
    cache_ok = True

    def __init__(self, length: int | None = None) -> None:
        super().__init__(length)
        self.length = length

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Use text without a limit where the limit would be enforced."""
        limited = self.length is not None and dialect.name == "sqlite"
        return dialect.type_descriptor(String(self.length) if limited else Text())

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Replace what cannot be kept."""
        return None if value is None else storable(value)


def storable(text: str) -> str:
    """The text with U+FFFD for every character that databases refuse."""
    return _REFUSED.sub("\N{REPLACEMENT CHARACTER}", text)


class _FromNow(FunctionElement[datetime]):
    name = "from_now"
    inherit_cache = True
    type = UtcTime()


@compiles(_FromNow, "sqlite")
def _(element: _FromNow, compiler: Any, **kw: Any) -> str:
    [seconds] = element.clauses
    modifier = func.printf("%+.3f seconds", seconds)
    return str(compiler.process(func.strftime("%Y-%m-%dT%H:%M:%fZ", "now", modifier), **kw))


@compiles(_FromNow, "postgresql")
def _(element: _FromNow, compiler: Any, **kw: Any) -> str:
    # As in SQLite the time at which the statement began: stable within it, so that it can be looked for in an index.
    [seconds] = element.clauses
    return f"(statement_timestamp() + {compiler.process(seconds, **kw)} * interval '1 second')"


def from_now(after: timedelta = timedelta(0)) -> ColumnElement[datetime]:
    """The database's time, or that time and a while, to the millisecond."""
    seconds = max(-LONGEST, min(after, LONGEST)).total_seconds()
    return _FromNow(literal(seconds, Float()))


_INSERTS: dict[str, Callable[..., Any]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


def upsert(connection: Connection, table: type[DeclarativeBase]) -> Any:
    """Begin an INSERT that can say what happens on a conflict."""
    return _INSERTS[connection.dialect.name](table)


class Lock(enum.IntEnum):
    """What is done by one transaction at a time."""

    SCHEMA = 1
    ADDING = 2


_OURS = 0x6861756C
"""Tells our locks from those of other programs that use the database."""


def take(connection: Connection, lock: Lock) -> None:
    """Have others wait who take the same lock, until the transaction ends. In SQLite writers take turns anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_OURS, lock.value)))
