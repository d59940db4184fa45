"""A store on a database of its own, sqlite3 as the witness of what it wrote, and ways to bring jobs into a state."""

import contextlib
import inspect
import sqlite3
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from attrs import evolve
from sqlalchemy import Engine, event

from haulage.builtin.sql.dialects.base import Database
from haulage.builtin.sql.dialects.sqlite import open_memory
from haulage.builtin.sql.engine import open_database
from haulage.builtin.sql.store import SqlStore
from haulage.contracts.metadata import Done, Hold, NewJob
from haulage.errors import Failure, Kind
from haulage.values import Copy, Job, JobId, MediaFacts, MediaFile, Request, Status, Try, Video

ON_FILES = {"database", "tmp_path", "program", "listening", "url", "witness", "opening"}
"""Fixtures of tests that need a database that others can open."""

Answer = TypeVar("Answer")

LEASE = timedelta(minutes=5)
NOW = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"

PROGRAM = """
import sys, time
from datetime import timedelta
from pathlib import Path
from attrs import evolve
from haulage.builtin.sql.store import SqlStore
from haulage.contracts.metadata import Again, Beat, Done, Keep, NewJob
from haulage.values import Request, Status, Video

store = SqlStore.open("sqlite:///haulage.db", Path(sys.argv[1]))
def claim():
    return store.claim("host:2", timedelta(minutes=5), home="here", handover=timedelta(minutes=5))
def say(word):
    print(word, flush=True)
def wait():
    time.sleep(600)
"""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what needs a store, and not a file for other processes, paths or locks, on one in memory too."""
    asked = set(inspect.signature(metafunc.function).parameters)
    if "store" in asked and not asked & ON_FILES and not hasattr(metafunc.module, "opened_database"):
        metafunc.parametrize("opened_database", ["file", "memory"], indirect=True)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Where the store's database lies."""
    return tmp_path / "haulage.db"


@pytest.fixture
def opened_database(request: pytest.FixtureRequest, database: Path) -> Database:
    """What the store works on: a file, or memory."""
    if getattr(request, "param", "file") == "memory":
        return open_memory()
    return open_database("sqlite:///haulage.db", database.parent)


@pytest.fixture
def store(opened_database: Database) -> Iterator[SqlStore]:
    """A store that is ready, on a new database."""
    store = SqlStore(opened_database)
    store.prepare()
    yield store
    store.close()


@pytest.fixture
def connect(opened_database: Database) -> Callable[[], sqlite3.Connection]:
    """Open a connection to the database itself, which waits for nobody."""
    url = opened_database.engine.url
    name = url.database
    query = "&".join(f"{key}={value}" for key, value in url.query.items() if key != "uri")
    address = f"{name}?{query}" if query else f"file:{name}"
    return lambda: sqlite3.connect(address, timeout=0, uri=True)


@pytest.fixture
def ask(connect: Callable[[], sqlite3.Connection]) -> Callable[..., list[tuple[Any, ...]]]:
    """Ask the database itself, by a connection of its own that waits for nobody."""

    def ask(statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with contextlib.closing(connect()) as connection, connection:
            return connection.execute(statement, values).fetchall()

    return ask


@pytest.fixture
def dump(connect: Callable[[], sqlite3.Connection]) -> Callable[[], str]:
    """All tables with all rows, as SQL."""

    def dump() -> str:
        with contextlib.closing(connect()) as connection:
            return "\n".join(connection.iterdump())

    return dump


@pytest.fixture
def program(database: Path) -> Callable[[str], AbstractContextManager[subprocess.Popen[str]]]:
    """Start another process that uses the same database; it is killed at the end of the block if it still runs."""

    @contextlib.contextmanager
    def program(body: str) -> Iterator[subprocess.Popen[str]]:
        command = [sys.executable, "-c", PROGRAM + textwrap.dedent(body), str(database.parent)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            try:
                yield process
            finally:
                process.kill()

    return program


@pytest.fixture
def listening() -> Callable[..., AbstractContextManager[None]]:
    """Have SQLAlchemy call a function in a block; the connections are those of the sqlite3 module."""

    @contextlib.contextmanager
    def listening(name: str, function: Callable[..., Any]) -> Iterator[None]:
        event.listen(Engine, name, function)
        try:
            yield
        finally:
            event.remove(Engine, name, function)

    return listening


@pytest.fixture
def eventually() -> Callable[..., Any]:
    """Wait for a call to answer something, and return that."""

    def eventually(call: Callable[[], Answer | None], seconds: float = 10) -> Answer:
        until = time.monotonic() + seconds
        while (answer := call()) is None:
            assert time.monotonic() < until, "it never came"
            time.sleep(0.01)
        return answer

    return eventually


@pytest.fixture
def new() -> Callable[..., NewJob]:
    """Make a job to be added, whose URL ends with a number."""

    def new(number: int, site: str = "example.com", **rest: Any) -> NewJob:
        return NewJob(Request(f"https://{site}/{number}"), site, **rest)

    return new


@pytest.fixture
def claim() -> Callable[..., Hold | None]:
    """Ask a store for a job."""

    def claim(
        store: SqlStore,
        lease: timedelta = LEASE,
        home: str = "here",
        handover: timedelta = LEASE,
        batch: str = "",
        worker: str = "host:1",
        fetched: bool = False,
    ) -> Hold | None:
        return store.claim(worker, lease, home=home, handover=handover, batch=batch, fetched=fetched)

    return claim


@pytest.fixture
def must_claim(claim: Callable[..., Hold | None]) -> Callable[..., Hold]:
    """Ask a store for a job, which must have one."""

    def must_claim(store: SqlStore, **rest: Any) -> Hold:
        hold = claim(store, **rest)
        assert hold is not None, "there was nothing to claim"
        return hold

    return must_claim


@pytest.fixture
def ended(new: Callable[..., NewJob], must_claim: Callable[..., Hold]) -> Callable[..., JobId]:
    """Add a job and end it, and return its id; keywords change what is saved."""

    def ended(store: SqlStore, number: int, status: Status = Status.DOWNLOADED, **rest: Any) -> JobId:
        store.add([new(number)])
        hold = must_claim(store)
        store.save(hold, evolve(hold.job, status=status, **rest), Done())
        return hold.job.id

    return ended


@pytest.fixture
def lapsed(ask: Callable[..., list[tuple[Any, ...]]], eventually: Callable[..., Any]) -> Callable[[Hold], None]:
    """Wait until a lease is over, by the database's clock."""
    over = f"select 1 from video_processing_jobs where attempt = ? and due_at <= {NOW}"

    def lapsed(hold: Hold) -> None:
        eventually(lambda: ask(over, hold.attempt) or None)

    return lapsed


@pytest.fixture
def expire(ask: Callable[..., list[tuple[Any, ...]]]) -> Callable[[Hold], None]:
    """Let a lease end now."""

    def expire(hold: Hold) -> None:
        ask(f"update video_processing_jobs set due_at = {NOW} where attempt = ?", hold.attempt)

    return expire


@pytest.fixture
def video() -> Callable[..., Video]:
    """Make a video."""

    def video(name: str = "v1", url: str = "https://example.com/1", variant: str = "", **rest: Any) -> Video:
        return Video("youtube", name, variant, url, **rest)

    return video


@pytest.fixture
def copy() -> Callable[..., Copy]:
    """Make a copy that belongs to the attempt of a hold."""

    def copy(hold: Hold, storage: str = "archive", role: Any = "video", state: Any = "intended", **rest: Any) -> Copy:
        return Copy(storage, role, f"UC1/v1/{role}.mp4", state, hold.attempt, 1000, "5" * 64, **rest)

    return copy


@pytest.fixture
def rich(video: Callable[..., Video], copy: Callable[..., Copy]) -> Callable[..., Job]:
    """Make a record with everything in it, of the job of a hold."""

    def rich(hold: Hold, name: str = "v1") -> Job:
        failure = Failure(Kind.TRANSIENT, "connection reset", cure="none")
        return evolve(
            hold.job,
            site="youtube",
            status=Status.UPLOADING,
            video=video(name, hold.job.request.url, title="Ä title", channel_id="UC1", duration=61.5),
            facts=MediaFacts("mp4", 61.4, 1080, 1920, "h264", "aac"),
            files=(
                MediaFile(Path("/space/x/video.mp4"), "video", "mp4", "video/mp4", 1000, "5" * 64),
                MediaFile(Path("/space/x/subtitle.en.vtt"), "subtitle", "en.vtt", "video/mp4", 10, "5" * 64),
            ),
            home="here",
            copies=(copy(hold, state="stored"), copy(hold, "nas", token="upload-7"), copy(hold, role="subtitle")),
            tries=(Try(hold.attempt, "fetch", failure, counted=True, wait=timedelta(seconds=2)),),
        )

    return rich
