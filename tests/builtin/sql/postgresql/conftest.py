"""Stores on databases of a PostgreSQL server, and its own driver as the witness of what they wrote."""

import contextlib
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from haulage.builtin.sql.store import SqlStore


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
