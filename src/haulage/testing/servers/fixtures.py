"""pytest fixtures for the servers, one of each a test run: `-p haulage.testing.servers.fixtures` brings them."""

from collections.abc import Iterator

import pytest

from haulage.testing.servers import FakeGcs, Moto, Postgres, Seaweed


@pytest.fixture(scope="session")
def seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seaweed]:
    """A SeaweedFS server; each test makes a bucket of its own."""
    with Seaweed(tmp_path_factory.mktemp("seaweed")) as server:
        yield server


@pytest.fixture(scope="session")
def moto() -> Iterator[Moto]:
    """A moto server; each test makes a bucket of its own, and none resets it for the others."""
    with Moto() as server:
        yield server


@pytest.fixture(scope="session")
def fake_gcs() -> Iterator[FakeGcs]:
    """A fake-gcs-server; each test makes a bucket of its own."""
    with FakeGcs() as server:
        yield server


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A PostgreSQL server; each test makes a database of its own."""
    with Postgres(tmp_path_factory.mktemp("postgres")) as server:
        yield server
