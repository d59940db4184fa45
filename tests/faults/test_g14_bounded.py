"""G14. Bounded: memory, connections, processes and threads do not grow with what is hauled.

Not with the size of a file, nor with the length of a playlist or of the queue; and slow sites hold no more than there
are workers.
"""

import contextlib
import re
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

from program import WITHIN, Program

from haulage.testing import LoopbackSite

PLUGINS = Path(__file__).parent / "plugins"
MIB = 1024
"""In KiB, which the system counts memory in."""

MOST_ENTRIES = 10_000
"""How many entries of a list are hauled, as the documentation has it."""


def program_of(folder: Path, config: str) -> Program:
    """The program with a fetcher that does what a URL says, in a folder of its own."""
    folder.mkdir(exist_ok=True)
    (folder / "haulage.yaml").write_text(f"fetcher: {{type: told}}\nworkspace: {{min_free: 0}}\n{config}\n")
    return Program(folder, ("-p", "told"), PLUGINS)


def peak(program: Program) -> int:
    """The most memory that the last process of a program had, in KiB."""
    return int((program.folder / "peak").read_text())


def test_memory_does_not_grow_with_the_file(tmp_path: Path, extent: str) -> None:
    """A file of 256 MiB, or of 4 GiB, goes through as much memory as one of 1 MiB."""
    peaks = []
    for size in (1 << 20, 1 << (28 if extent == "short" else 32)):
        program = program_of(tmp_path / str(size), "storages: {void: {type: void}}")
        ran = program.run_cold("get", f"http://a.test/zeros-{size}/zeros")
        assert ran.returncode == 0, ran.stderr
        assert program.rows("select size from stored_objects where role = 'video'") == [(size,)]
        peaks.append(peak(program))
    grown = peaks[1] - peaks[0]
    assert grown < 16 * MIB, f"a large file took {grown / MIB:.0f} MiB more memory than a small one"


def test_a_list_without_end_is_cut(tmp_path: Path, extent: str) -> None:
    """Of a playlist that never ends the first 10,000 entries are taken, page by page."""
    program = program_of(tmp_path, "workers: 1")
    with program.start("get", "http://a.test/endless/e") as process:
        try:
            deadline = time.monotonic() + 60
            while not list_ended(program) and listed(program) <= MOST_ENTRIES + 1:
                assert time.monotonic() < deadline, f"a list without end is still read, at entry {listed(program)}"
                time.sleep(0.05)
            assert listed(program) == MOST_ENTRIES + 1, f"{listed(program)} entries of a list without end were read"
            process.send_signal(signal.SIGINT)
            assert process.wait(20) in (0, 4)
        finally:
            process.kill()
            process.communicate()
    assert program.rows("select count(*) from video_processing_jobs where parent is not null") == [(MOST_ENTRIES,)]
    grown = peak(program) - idle(tmp_path)
    assert grown < 24 * MIB, f"a list without end took {grown / MIB:.0f} MiB"


def listed(program: Program) -> int:
    """How many entries the fetcher was asked for."""
    return notes(program).count("listed")


def notes(program: Program) -> str:
    """What the fetcher has noted so far."""
    with contextlib.suppress(FileNotFoundError):
        return (program.folder / "notes").read_text()
    return ""


def list_ended(program: Program) -> bool:
    """Whether the list has become jobs."""
    with contextlib.suppress(sqlite3.OperationalError):
        return bool(program.rows("select 1 from video_processing_jobs where status = 'expanded'"))
    return False


def idle(folder: Path) -> int:
    """The memory of the program where it hauls one small video, in KiB."""
    program = program_of(folder / "idle", "workers: 1")
    assert program.run_cold("get", "http://a.test/good/one").returncode == 0
    return peak(program)


QUEUED = (
    "with recursive numbers(n) as (select 1 union all select n + 1 from numbers where n < {count})"
    " insert into video_processing_jobs (subscription, listed, id, url, variant, site, status, batch, files, due_at,"
    " asked_after, stage, done, added_at) select '', 0, printf('%032x', n), 'http://a.test/good/q' || n, '', 'a.test',"
    " 'pending', '', '[]', '2020-01-01T00:00:00.000Z', 0, '', 0, '2020-01-01T00:00:00.000Z' from numbers"
)


def test_neither_memory_nor_time_grows_with_the_queue(tmp_path: Path) -> None:
    """With 100,000 jobs that wait, the next ones are hauled as quickly and in as much memory as with a hundred."""
    peaks, seconds = [], []
    for count in (100, 100_000):
        program = program_of(tmp_path / str(count), "workers: 1")
        assert program.run_cold("get", "http://a.test/good/first").returncode == 0
        with contextlib.closing(sqlite3.connect(program.folder / "haulage.db")) as connection, connection:
            connection.execute(QUEUED.format(count=count))
        with program.start("work") as process:
            try:
                times = [time_of(program, name) for name in ("q3", "q12")]
                process.send_signal(signal.SIGINT)
                process.wait(20)
            finally:
                process.kill()
                process.communicate()
        seconds.append(times[1] - times[0])
        peaks.append(peak(program))
    grown = peaks[1] - peaks[0]
    assert grown < 16 * MIB, f"a long queue took {grown / MIB:.0f} MiB more memory than a short one"
    assert seconds[1] < 5 * seconds[0] + 2, f"jobs of a long queue took {seconds[1]:.1f} s, not {seconds[0]:.1f} s"


def time_of(program: Program, name: str) -> float:
    """Wait until a video is fetched, and say when."""
    deadline = time.monotonic() + 30
    while True:
        found = re.search(rf"^{name} (\S+)$", notes(program), re.MULTILINE)
        if found:
            return float(found[1])
        assert time.monotonic() < deadline, f"{name} is not fetched within 30 s: jobs take longer the more of them wait"
        time.sleep(0.02)


def test_memory_does_not_grow_with_what_is_asked_for(tmp_path: Path) -> None:
    """URLs that come over standard input are committed page by page; of each no more than its name stays in memory."""
    peaks = []
    for count in (1_000, 16_000):
        program = program_of(tmp_path / str(count), "workers: 1")
        urls = "".join(f"http://a.test/good/h{number}\n" for number in range(count))
        with program.start("get", "-", stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            try:
                assert process.stdin is not None
                process.stdin.write(urls)
                process.stdin.close()
                time_of(program, "h0")
                process.send_signal(signal.SIGINT)
                assert process.wait(60) in (0, 4)
            finally:
                process.kill()
        assert program.rows("select count(*) from video_processing_jobs") == [(count,)]
        peaks.append(peak(program))
    grown = peaks[1] - peaks[0]
    assert grown < 10 * MIB, f"15,000 URLs more took {grown / MIB:.1f} MiB: what is known of them is kept"


def test_slow_sites_hold_no_more_than_there_are_workers(site: LoopbackSite, tmp_path: Path) -> None:
    """A site that gives a byte now and then has as many connections as there are workers, however many videos wait."""
    (tmp_path / "haulage.yaml").write_text("private_hosts: [127.0.0.1]\nworkers: 3\nworkspace: {min_free: 0}\n")
    program = Program(tmp_path, ("-p", "told"), PLUGINS)
    urls = [site.url(f"/drip/1000/clip.mp4?slow-{number}") for number in range(12)]
    paths = {url.partition("127.0.0.1")[2].partition("/")[2] for url in urls}
    with program.start("get", *urls) as process:
        try:
            held = site.wait_for(lambda found: len(slow(found, paths)) >= 3, 30)
            threads, children = len(list(Path(f"/proc/{process.pid}/task").iterdir())), program.processes()
            site_sees = max(len(slow(site.requests, paths)) for _ in range(20) if not time.sleep(0.05))
            assert site_sees <= 3, f"a slow site holds {site_sees} connections of 3 workers"
            assert held
            assert len(children) <= 3 + 3, f"{len(children)} processes for 3 workers"
            assert threads <= 20, f"{threads} threads for 3 workers"
            process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(WITHIN)
            assert process.returncode == 4, "a slow site holds up the end"
        finally:
            process.kill()
            process.communicate()


def slow(found, paths):
    """The requests that are under way."""
    return [each for each in found if each.path.removeprefix("/") in paths and each.ended is None]
