"""G09. Retries end, and only help.

What is permanent is tried once; what may pass, as often and after such waits as the policy says, whatever process is
there; what is announced, at its time. Rate limits end after 20 refusals or 48 hours. A full disk or a full workspace
pauses instead of failing. A video that kills its worker ends after 10 crashes.
"""

import contextlib
import os
import signal
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from attrs import frozen
from harness.warm import Running, start_warm
from program import Program

from haulage.testing import LoopbackSite

PLUGINS = Path(__file__).parent / "plugins"
NOW = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"
SUDO = [] if os.geteuid() == 0 else ["sudo", "-n"]
AT_REST = "select count(*) from attempts where ended_at is not null"


@pytest.fixture
def told(tmp_path: Path) -> Program:
    """The program with one worker and a fetcher that does what a URL says."""
    (tmp_path / "haulage.yaml").write_text(
        "fetcher: {type: told}\nretry: {attempts: 3, initial: 1.5s, factor: 2}\nworkers: 1\nworkspace: {min_free: 0}\n"
    )
    return Program(tmp_path, ("-p", "told"), PLUGINS)


@contextlib.contextmanager
def running(program: Program, *arguments: str) -> Iterator[Running]:
    """Run it beside the test; it is killed at the end of the block."""
    run = start_warm(program, *arguments)
    try:
        yield run
    finally:
        run.process.kill()
        run.process.join()


def code_of(program: Program, *arguments: str) -> int:
    """Run it to its end, and return the exit code."""
    return start_warm(program, *arguments).end().code


def interrupted(run: Running) -> int:
    """Press Ctrl-C, and return the exit code."""
    os.kill(run.pid, signal.SIGINT)
    return run.end(10).code


def paused(run: Running) -> bool:
    """Whether a run has said that it waits for room."""
    return run.said.exists() and "paused until there is room: " in run.said.read_text()


def fetches(program: Program) -> dict[str, list[float]]:
    """When each video was fetched, as the fetcher noted it."""
    found: dict[str, list[float]] = {}
    for line in (program.folder / "notes").read_text().splitlines():
        name, _, at = line.partition(" ")
        found.setdefault(name, []).append(float(at))
    return found


def change(program: Program, *statements: str) -> None:
    """Change the database, with nothing of haulage in between: time passes in it as the test wants."""
    connection = sqlite3.connect(program.folder / "haulage.db", timeout=30)
    with contextlib.closing(connection), connection:
        for statement in statements:
            connection.execute(statement)


def wait_for(condition: Callable[[], bool], harm: str, seconds: float = 30) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while True:
        with contextlib.suppress(sqlite3.OperationalError):  # there is no database yet
            if condition():
                return
        assert time.monotonic() < deadline, harm
        time.sleep(0.02)


def ended(program: Program, count: int) -> None:
    """Wait until so many attempts have ended, and their job is put down."""
    wait_for(lambda: program.rows(AT_REST) == [(count,)], f"attempt {count} did not come, or did not end")


def test_what_is_permanent_is_tried_once(told: Program) -> None:
    """A video that was removed, or cannot be had here, is not asked for again; nor is what is somebody's mistake."""
    kinds = ["unavailable", "geo", "conflict", "bug"]
    code = code_of(told, "get", *(f"http://a.test/{kind}/{kind}" for kind in kinds))
    tried = {kind: len(times) for kind, times in fetches(told).items()}
    assert tried == dict.fromkeys(kinds, 1), "what is permanent was tried again"
    assert code == 1
    assert told.rows("select status, count(*) from video_processing_jobs group by 1 order by 1") == [
        ("failed", 2),
        ("unavailable", 2),
    ]


def test_what_may_pass_is_tried_as_the_policy_says_across_restarts(told: Program) -> None:
    """Killed in the middle of each wait, it tries three times in all, and waits as long as it would have."""
    url = "http://a.test/transient/once"
    for number, arguments in enumerate((["get", url], ["work"], ["get", url]), 1):
        with running(told, *arguments):
            ended(told, number)
    assert told.rows("select status from video_processing_jobs") == [("failed",)], (
        "a fourth try is to come, although the policy says three"
    )
    first, second, third = fetches(told)["once"]
    assert second - first >= 1.5, "a restart has shortened the first wait"
    assert third - second >= 3, "a restart has shortened the second wait"
    assert told.rows("select counted, wait from attempts order by number") == [(1, 1.5), (1, 3.0), (1, None)]


def test_what_is_announced_is_waited_for(told: Program) -> None:
    """A premiere is tried at its time, counts nothing, and is stored then."""
    with running(told, "get", "http://a.test/not_yet/premiere?after=86400"):
        ended(told, 1)
    query = "select round((julianday(due_at) - julianday('now')) * 24), status from video_processing_jobs"
    assert told.rows(query) == [(24.0, "pending")], "a premiere is not tried at the time that was announced"
    assert told.rows("select counted from attempts") == [(0,)], "waiting for a premiere has used up a try"
    (told.folder / "mended").touch()
    change(told, f"update video_processing_jobs set due_at = {NOW}")
    assert code_of(told, "work") == 0
    assert told.rows("select status from video_processing_jobs") == [("downloaded",)]


LET_IN = (
    f"update sites set opens_at = {NOW} where opens_at is not null",
    f"update video_processing_jobs set due_at = {NOW} where due_at is not null",
)


@pytest.mark.parametrize("bound", ["strikes", "siege"])
def test_rate_limits_end(told: Program, bound: str) -> None:
    """A video that its site refuses by rate limits ends at the 20th refusal, or once they last for 48 hours."""
    with running(told, "get", "http://a.test/rate_limited/hot?after=3600"):
        ended(told, 1)
        assert told.rows("select counted from attempts") == [(0,)], "a rate limit has used up a try"
        planted = range(2, 19) if bound == "strikes" else ()
        change(
            told,
            *(
                f"insert into attempts select '{number:032x}', job, {number}, worker, began_at, ended_at, stage, kind,"
                " message, cure, counted, wait, null from attempts where number = 1"
                for number in planted
            ),
            "update attempts set ended_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-47 hours') where number = 1",
            *LET_IN,
        )
        ended(told, len(planted) + 2)
        assert told.rows("select status from video_processing_jobs") == [("pending",)], "it was given up too early"
        early = "update attempts set ended_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-49 hours') where number = 1"
        change(told, *([early] if bound == "siege" else []), *LET_IN)
        ended(told, len(planted) + 3)
    assert told.rows("select status from video_processing_jobs") == [("failed",)], (
        f"a rate limit does not end: {len(planted) + 3} refusals so far"
    )


def test_a_video_that_kills_its_worker_ends(told: Program) -> None:
    """After ten crashes in a row it is given up, and whatever waits beside it is stored."""
    codes = [code_of(told, "get", "http://a.test/poison/poison", "http://a.test/good/good")]
    while codes[-1] == -signal.SIGKILL and len(codes) < 13:
        codes.append(code_of(told, "work"))
    tried = fetches(told)
    assert len(tried["poison"]) == 10, f"a video that kills its worker was tried {len(tried['poison'])} times"
    assert codes == [-signal.SIGKILL] * 10 + [1]
    assert dict(told.rows("select status, count(*) from video_processing_jobs group by 1")) == {
        "failed": 1,
        "downloaded": 1,
    }
    assert told.rows("select distinct kind, counted from attempts where kind is not null") == [("crashed", 0)]


@frozen
class Disk:
    """A place for a workspace that gets full.

    Attributes:
        folder: It.
        mounted: Whether it is a small disk of its own; where nobody may mount one, the workspace has a quota instead.
    """

    folder: Path
    mounted: bool

    def config(self, program: Program, *, floor: str, quota: str) -> None:
        """Write a config with one worker and this workspace, and a floor or a quota."""
        limit = f"min_free: {floor}" if self.mounted else f"min_free: 0, max_size: {quota}"
        (program.folder / "haulage.yaml").write_text(
            f"private_hosts: [127.0.0.1]\nworkers: 1\nworkspace: {{path: {self.folder}, {limit}}}\n"
        )


def as_root(*command: str) -> bool:
    """Do what only root may; whether it was done."""
    try:
        return subprocess.run([*SUDO, *command], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A disk of 8 MiB, for those who may mount one."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = as_root("mount", "-t", "tmpfs", "-o", f"size=8m,uid={os.geteuid()}", "tmpfs", str(folder))
    yield Disk(folder, mounted)
    if mounted:
        assert as_root("umount", "--lazy", str(folder))


def test_a_full_disk_pauses_the_queue(disk: Disk, site: LoopbackSite, tmp_path: Path) -> None:
    """Nothing is begun, the run says why and does not end; once there is room again it goes on by itself."""
    program = Program(tmp_path, ("-p", "told"), PLUGINS)
    disk.config(program, floor="4MiB", quota="4MiB")
    filler = disk.folder / "filler"
    filler.write_bytes(bytes(6 << 20))
    urls = [site.url(f"/clip.mp4?full-{number}") for number in (1, 2)]
    begun = "select count(*) from attempts"
    with running(program, "get", "--json", *urls) as run:
        wait_for(lambda: paused(run) or program.rows(begun) != [(0,)], "no pause")
        assert program.rows(begun) == [(0,)], "a download was begun although the disk is full"
        key = "workspace.min_free" if disk.mounted else "workspace.max_size"
        assert key in run.said.read_text(), "the pause does not name the key that it comes from"
        assert interrupted(run) == 4, "a run that was stopped while the disk was full ended as if all were done"
    with running(program, "get", *urls) as run:
        wait_for(lambda: paused(run), "no pause")
        filler.unlink()
        assert run.end(30).code == 0
    assert [program.rows(begun), [len(site.log(url)) > 0 for url in urls]] == [[(2,)], [True, True]]
    assert program.rows("select status, count(*) from video_processing_jobs") == [("downloaded", 2)]


def test_a_disk_that_gets_full_is_not_blamed_on_the_video(disk: Disk, site: LoopbackSite, tmp_path: Path) -> None:
    """A download that meets the end of the disk counts nothing, and no other one begins; with room it goes on."""
    program = Program(tmp_path, ("-p", "told"), PLUGINS)
    disk.config(program, floor="0", quota="4MiB")
    large, small = site.url("/drip/5000000/large.mp4?filling"), site.url("/clip.mp4?beside")
    (disk.folder / "filler").write_bytes(bytes(3 << 20))
    with running(program, "get", large, small) as run:
        ended(program, 1)
        wait_for(lambda: paused(run) or len(site.log(small)) > 0, "no pause")
        assert len(site.log(small)) == 0, "a download was begun although the disk is full"
        assert program.rows("select kind, counted from attempts") == [("no_space", 0)], "a full disk has used up a try"
        assert interrupted(run) == 4
    (disk.folder / "filler").unlink()
    assert not disk.mounted or as_root("mount", "-o", "remount,size=64m", str(disk.folder))
    disk.config(program, floor="0", quota="1GiB")
    change(program, f"update video_processing_jobs set due_at = {NOW} where due_at is not null")
    assert code_of(program, "work") == 0
    assert Counter(row[0] for row in program.rows("select status from video_processing_jobs")) == {"downloaded": 2}
