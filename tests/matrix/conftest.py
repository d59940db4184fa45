"""The cells of the matrix: each storage and each database, seen by clients that know nothing of haulage."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from witnesses import S3, Database, Gcs, Local, Place

from haulage.testing import LoopbackSite, Recipe
from haulage.testing.servers import Postgres

STORAGES = ("local", "s3-moto", "s3-seaweedfs", "gcs")
METADATA = ("sqlite", "postgres")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--storage", choices=STORAGES, help="Only the cells of this storage.")
    parser.addoption("--metadata", choices=METADATA, help="Only the cells of this database.")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    for name, every in (("storage", STORAGES), ("metadata", METADATA)):
        if name in metafunc.fixturenames:
            chosen = metafunc.config.getoption(f"--{name}", None)
            metafunc.parametrize(name, [chosen] if chosen else every)


@pytest.fixture(scope="session")
def site() -> Iterator[LoopbackSite]:
    """A site with two short videos, and a stream."""
    with LoopbackSite([Recipe("clip", duration=2), Recipe("other", duration=1)]) as running:
        yield running


@pytest.fixture
def place(storage: str, metadata: str, request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Where videos go; only its own server is started."""
    match storage:
        case "s3-moto":
            return S3(request.getfixturevalue("moto"), f"with-{metadata}")
        case "s3-seaweedfs":
            return S3(request.getfixturevalue("seaweed"), f"with-{metadata}")
        case "gcs":
            return Gcs(request.getfixturevalue("fake_gcs"), f"with-{metadata}")
        case _:
            return Local(tmp_path / "library")


@pytest.fixture
def database(metadata: str, request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    """What remembers jobs; only its own server is started."""
    if metadata == "postgres":
        postgres: Postgres = request.getfixturevalue("postgres")
        return Database(postgres.database())
    return Database("sqlite:///haulage.db", tmp_path / "haulage.db")
