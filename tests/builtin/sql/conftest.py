import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from haulage.builtin.sql.store import SqlStore


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Where the store's database lies."""
    return tmp_path / "haulage.db"


@pytest.fixture
def store(database: Path) -> Iterator[SqlStore]:
    """A store that is ready, on a new database."""
    store = SqlStore.open("sqlite:///haulage.db", database.parent)
    store.prepare()
    yield store
    store.close()


@pytest.fixture
def ask(database: Path) -> Callable[..., list[tuple[Any, ...]]]:
    """Ask the database itself, by a connection of its own that waits for nobody."""

    def ask(statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with contextlib.closing(sqlite3.connect(database, timeout=0)) as connection, connection:
            return connection.execute(statement, values).fetchall()

    return ask


@pytest.fixture
def dump(database: Path) -> Callable[[], str]:
    """All tables with all rows, as SQL."""

    def dump() -> str:
        with contextlib.closing(sqlite3.connect(database, timeout=0)) as connection:
            return "\n".join(connection.iterdump())

    return dump
