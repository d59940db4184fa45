"""The whole program with a real storage and a real database, which other clients look into."""

import os
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from attrs import frozen
from program import Program
from witnesses import S3, Database, Gcs, Local, Place

from harness.warm import Running, start_warm
from haulage.testing import FaultProxy, faults

CHAINS = ("local + sqlite", "seaweedfs + postgres", "gcs + sqlite")

PLUGINS = Path(__file__).parents[1] / "plugins"

CONFIG = """\
private_hosts: [127.0.0.1]
storages: {{archive: {storage}}}
database: {database}
fetcher: {{type: {fetcher}}}
retry: {{initial: 0.05}}
workers: 1
"""


OFTEN = (
    "attempt.progress",
    "storage.read",
    "storage.stat",
    "store.beat",
    "store.next_due",
    "upload.abort",
    "upload.write",
)
"""Seams that a haul meets again and again; to end a process at each first and second time is enough."""


@frozen
class Point:
    """Where a process ends: at the n-th time that it is before or after a seam."""

    name: str
    number: int

    def __str__(self) -> str:
        return f"{self.name} {self.number}"

    @property
    def seam(self) -> str:
        """The seam alone."""
        return self.name.partition(" ")[0]


def points_in(file: Path) -> list[tuple[Point, bool]]:
    """The points of a `CRASH_LIST`, and whether a job was held there; of those that are met often the first two."""
    met: Counter[str] = Counter()
    points = []
    for line in file.read_text().splitlines():
        name, _, held = line.partition("\t")
        met[name] += 1
        if met[name] <= 2 or not name.startswith(OFTEN):
            points.append((Point(name, met[name]), bool(held)))
    return points


@frozen
class Ended:
    """How a run came to its end.

    Attributes:
        killed: By SIGKILL, at a point.
        failed: Whether a call was made to fail.
        accepted: Whether the database had its job then.
        held: Whether somebody held the job then, as the database tells.
        fetched: Whether the database had the files of the job then.
        said: What it wrote.
    """

    killed: bool
    failed: bool
    accepted: bool
    held: bool
    fetched: bool
    said: str


@frozen
class Chain:
    """A program with its storage and its database.

    Attributes:
        name: For people.
        program: In a folder of its own.
        place: Its storage.
        database: Its database.
    """

    name: str
    program: Program
    place: Place
    database: Database

    @property
    def workspace(self) -> Path:
        """Where downloads lie."""
        return self.program.folder / ".haulage" / "work"

    def points(self, url: str) -> list[Point]:
        """The points that an undisturbed haul meets while it holds its job, and the first of each kind besides."""
        file = self.program.folder / "points"
        ended = self.crash(url, CRASH_LIST=str(file))
        assert not ended.killed
        return [point for point, held in points_in(file) if held or point.number == 1 or point.name.startswith(OFTEN)]

    def start(self, *arguments: str, **environ: str) -> Running:
        """Start the program."""
        return start_warm(self.program, *arguments, **environ)

    def write(self, urls: Sequence[str]) -> str:
        """Write URLs into a file, and return its name."""
        (self.program.folder / "urls").write_text("\n".join(urls))
        return "urls"

    def queue(self, urls: Sequence[str]) -> None:
        """Put URLs into the queue, by a process that dies as soon as it has."""
        ran = self.start("get", "-a", self.write(urls), CRASH_AT="store.add after 1").end()
        assert ran.code == -signal.SIGKILL, ran.said

    def crash(self, url: str, at: Point | None = None, **environ: str) -> Ended:
        """Haul a URL until the point, or to the end where it is not met."""
        environ |= {"CRASH_AT": str(at)} if at else {}
        mark = self.program.folder / "failed"
        mark.unlink(missing_ok=True)
        ran = self.start("get", url, **environ).end()
        killed = ran.code == -signal.SIGKILL
        assert killed or ran.code == 0 or "CRASH_HOW" in environ, f"{at}: {ran.said}"
        rows = self.jobs(url)
        held = any(_is_held(each) for each in rows)
        return Ended(
            killed, mark.exists(), bool(rows), held, any(each["files"] not in ("[]", []) for each in rows), ran.said
        )

    def wait_for_point(self, seconds: float = 60) -> None:
        """Wait until a process of `CRASH_HOW=wait` has come to its point."""
        deadline = time.monotonic() + seconds
        while not (self.program.folder / "waiting").exists():
            assert time.monotonic() < deadline, "the point was not met"
            time.sleep(0.02)

    def kill_in_request(self, proxy: FaultProxy, url: str, number: int) -> None:
        """Haul a URL, and kill the process when half of its n-th request that sends something has passed the proxy."""
        proxy.clear()
        proxy.on("PUT|POST", "", faults.CutRequest(1000, silent=True), only=number)
        running = self.start("get", url)
        proxy.wait_for(lambda asked: sum(each.method in ("PUT", "POST") for each in asked) >= number, 60)
        os.kill(running.pid, signal.SIGKILL)
        running.end()

    def jobs(self, url: str) -> list[dict[str, object]]:
        """The rows of the jobs of a URL; none where there is no table yet."""
        if self.database.file is not None and not self.database.file.exists():
            return []
        table = "select name from sqlite_master where name = 'video_processing_jobs'"
        if self.database.file is None:
            table = "select tablename from pg_tables where tablename = 'video_processing_jobs'"
        if not self.database.rows(table):
            return []
        return self.database.rows(f"select attempt, due_at, files from video_processing_jobs where url = '{url}'")

    def due_in(self, url: str) -> float:
        """In how many seconds the job of a URL is due, as the database tells."""
        [job] = self.jobs(url)
        return (_time(job["due_at"]) - datetime.now(UTC)).total_seconds()

    def holds(self, pid: int) -> bool:
        """Whether a process holds a job, as the database tells."""
        try:
            held = "select attempt, due_at, worker from video_processing_jobs where attempt is not null"
            rows = self.database.rows(held)
        except sqlite3.OperationalError:  # it was stopped while it opens or closes the file, which nobody can read then
            return False
        return any(f":{pid}:" in each["worker"] and _is_held(each) for each in rows)

    def work(self, *arguments: str, expected: Sequence[int] = (0,)) -> str:
        """Run the program to its end."""
        ran = self.start(*arguments).end(300)
        assert ran.code in expected, f"{' '.join(arguments)} ended with {ran.code}: {ran.said}"
        assert "Traceback" not in ran.said, ran.said
        return ran.said


def _is_held(row: Mapping[str, object]) -> bool:
    return bool(row["attempt"]) and _time(row["due_at"]) > datetime.now(UTC)


def _time(value: object) -> datetime:
    time = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def make_chain(name: str, folder: Path, request: pytest.FixtureRequest, fetcher: str = "yt-dlp") -> Chain:
    """Make a chain with a config in a folder; only its own servers are started."""
    storage, _, metadata = name.partition(" + ")
    bucket = f"b-{os.urandom(6).hex()}"
    place: Place
    match storage:
        case "local":
            place = Local(folder / "library")
        case "seaweedfs":
            place = S3(request.getfixturevalue("seaweed"), bucket)
        case _:
            place = Gcs(request.getfixturevalue("fake_gcs"), bucket)
    database = Database("sqlite:///haulage.db", folder / "haulage.db")
    if metadata == "postgres":
        database = Database(request.getfixturevalue("postgres").database())
    (folder / "haulage.yaml").write_text(CONFIG.format(storage=place.line, database=database.url, fetcher=fetcher))
    return Chain(name, Program(folder, ("-p", "crashpoints", "-p", "cheap"), PLUGINS, place.environ), place, database)
