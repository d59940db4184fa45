"""What Ctrl-C and SIGTERM do, on a terminal and in pipes; and that a library touches no signal."""

import contextlib
import hashlib
import re
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest
from program import WITHIN

from haulage import Pipeline

FINISHING = "finishing what runs; press Ctrl-C again to stop now, and go on later\n"
STOPPED = "stopped; what was not begun stays in the queue, and the same command goes on with it\n"
ENDED = "stopped; what was not finished stays in the queue, and the same command goes on with it\n"

JOBS = "select url, status, attempt, (select count(*) from attempts a where a.job = j.id) from video_processing_jobs j"

both_ways = pytest.mark.parametrize("terminal", [True, False], ids=["terminal", "pipe"])


@both_ways
def test_the_first_finishes_what_runs(site, program, watch, terminal):
    """The running video is stored, the others stay pending and unasked for, and the exit code is 4."""
    (program.folder / "haulage.yaml").write_text('private_hosts: ["127.0.0.1"]\nworkers: 1\n')
    slow, *others = (f"/{path}?first-{terminal}" for path in ("drip/30000/third.mp4", "clip.mp4", "second.mp4"))
    running = watch("get", *map(site.url, (slow, *others)), terminal=terminal)
    site.wait_for(lambda _: any(request.body_bytes for request in site.log(slow)))
    running.interrupt()
    running.until(FINISHING)
    assert program.stored() == []
    assert running.end() == 4
    assert running.said.count("stored  ") == 1
    assert re.search(f"\n1 stored\n.* in the archive\n{re.escape(STOPPED)}$", running.said)
    assert program.rows(JOBS) == [
        (site.url(slow), "downloaded", None, 1),
        *((site.url(path), "pending", None, 0) for path in others),
    ]
    [stored] = program.stored()
    digest = hashlib.sha256(site.file("third.mp4").read_bytes()).hexdigest()
    assert hashlib.sha256(stored.read_bytes()).hexdigest() == digest
    assert [site.log(path) for path in others] == [(), ()]
    assert program.processes() == []


@both_ways
def test_the_first_changes_nothing_where_nothing_is_left(scripted, watch, wait_for, terminal):
    """When what runs is all that there was, the exit code is that of any run, and nobody speaks of a stop."""
    running = watch("get", "http://a.test/wait/last", by=scripted, terminal=terminal)
    wait_for((scripted.folder / "last.begun").exists)
    running.interrupt()
    running.until(FINISHING)
    (scripted.folder / "last.go").touch()
    assert running.end() == 0
    assert re.search("\n1 stored\n.* in the archive\n$", running.said)
    assert [path.read_bytes() for path in scripted.stored()] == [b"last"]


@both_ways
def test_the_second_ends_what_runs(site, program, watch, terminal):
    """In a download that would take days it is over within seconds, with exit code 4; the next run works as ever."""
    slow = f"/drip/1/clip.mp4?second-{terminal}"
    running = watch("get", site.url(slow), terminal=terminal)
    site.wait_for(lambda _: any(request.body_bytes for request in site.log(slow)))
    running.interrupt()
    running.until(FINISHING)
    running.interrupt()
    assert running.end(seconds=WITHIN) == 4
    assert running.said.endswith(ENDED)
    assert program.processes() == []
    assert program.rows(JOBS) == [(site.url(slow), "pending", None, 1)]
    assert program.run("get", site.url("third.mp4")).returncode == 0
    assert len(program.stored()) == 1


@both_ways
def test_the_third_ends_it_on_the_spot(scripted, watch, wait_for, terminal):
    """Where what runs does not heed the second one, the third one ends the program, and leaves a cursor to see."""
    running = watch("get", "http://a.test/hang/deaf", by=scripted, terminal=terminal)
    wait_for((scripted.folder / "deaf.begun").exists)
    running.interrupt()
    running.until(FINISHING)
    running.interrupt()
    with pytest.raises(subprocess.TimeoutExpired):
        running.process.wait(1)  # what hangs is waited for
    running.interrupt()
    assert running.end() == 130
    shown, hidden = running.raw.rfind(b"\x1b[?25h"), running.raw.rfind(b"\x1b[?25l")
    assert shown >= hidden
    assert (hidden >= 0) == terminal
    assert scripted.processes() == []
    assert scripted.run("get", "http://a.test/good/next").returncode == 0


def test_while_urls_are_read(scripted, watch, wait_for):
    """Pages of URLs that were committed stay in the queue, and nothing of them has begun."""
    assert scripted.run("status").returncode == 0  # makes the database
    running = watch("get", "-", by=scripted, stdin=subprocess.PIPE)
    running.process.stdin.writelines(f"http://a.test/good/{number}\n" for number in range(501))
    running.process.stdin.flush()
    count = "select count(*) from video_processing_jobs where status = 'pending'"
    wait_for(lambda: scripted.rows(count) == [(500,)])
    running.interrupt()
    assert running.end(seconds=WITHIN) == 4
    assert running.said == ENDED
    assert scripted.rows(count) == [(500,)]
    assert scripted.rows("select count(*) from attempts") == [(0,)]


@both_ways
def test_while_a_retry_is_waited_for(scripted, watch, wait_for, terminal):
    """Nothing runs that could be finished: the first one ends it, and the retry keeps its time."""
    config = scripted.folder / "haulage.yaml"
    config.write_text(config.read_text().replace("0.05", "1h"))
    failing = watch("get", "http://a.test/transient/later", by=scripted)
    failing.until("again in 3600 s: ")
    failing.interrupt()
    assert failing.end(seconds=WITHIN) == 4
    waiting = watch("get", "http://a.test/transient/later", by=scripted, terminal=terminal)
    wait_for((scripted.folder / ".haulage" / "work" / "workers").exists)
    waiting.interrupt()
    assert waiting.end(seconds=WITHIN) == 4
    assert waiting.said.endswith(ENDED)
    assert FINISHING not in waiting.said
    due = "select due_at > strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '+50 minutes') from video_processing_jobs"
    assert scripted.rows(due) == [(1,)]
    assert scripted.rows(JOBS) == [("http://a.test/transient/later", "pending", None, 1)]


def test_while_something_is_shown(scripted, watch, monkeypatch):
    """A command that only reads ends with exit code 4, and promises nothing about a queue."""
    monkeypatch.chdir(scripted.folder)
    monkeypatch.syspath_prepend("plugins")
    with Pipeline.from_config({}) as pipeline:
        pipeline.add(f"http://a.test/good/{'x' * 300}/{number}" for number in range(700))
    running = watch("list", by=scripted)
    running.until("xxx/0\t")
    running.interrupt()  # it cannot have ended: a pipe holds less than it has to say
    assert running.end(seconds=WITHIN) == 4
    assert "xxx/699\t" not in running.said
    assert running.said.endswith("\nstopped\n")


@pytest.mark.parametrize("busy", [True, False])
def test_sigterm_ends_a_worker(scripted, watch, wait_for, busy):
    """Whether something runs or not, a worker that would wait forever ends within seconds with exit code 4."""
    with Pipeline.from_config(scripted.folder / "haulage.yaml", modules=["scripted"]) as pipeline:
        if busy:
            pipeline.add(["http://a.test/wait/never"])
    workers = scripted.folder / ".haulage" / "work" / "workers"
    workers.mkdir(parents=True)
    dead = workers / "host:1:dead"
    dead.touch()
    running = watch("work", "--forever", by=scripted)
    # Who died is looked for when a worker is ready; its own file is there before it can be closed.
    wait_for(lambda: not dead.exists() and (not busy or (scripted.folder / "never.begun").exists()))
    running.process.terminate()
    assert running.end(seconds=WITHIN) == 4
    assert running.said == ENDED
    assert scripted.processes() == []
    assert scripted.rows(JOBS) == ([("http://a.test/wait/never", "pending", None, 1)] if busy else [])
    assert not workers.exists()


def test_a_library_touches_no_signal(scripted, monkeypatch):
    """Before, during and after a run, each signal does what it did before."""

    def handlers():
        return {number: signal.getsignal(number) for number in signal.valid_signals()}

    monkeypatch.chdir(scripted.folder)
    before, during = handlers(), []
    observer = [lambda event: during.append(handlers())]
    with Pipeline.from_config("haulage.yaml", modules=["scripted"], observers=observer) as pipeline:
        [job] = pipeline.run(["http://a.test/good/quiet"])
        during.append(handlers())
    assert job.status == "downloaded"
    assert len(during) > 3
    assert all(each == before for each in [*during, handlers()])


def test_an_interrupt_while_text_is_executed(scripted):
    """Where Ctrl-C meets a namedtuple that is being made, the exit code is that of any other Ctrl-C."""
    (scripted.folder / "interrupted.py").write_text("exec('raise KeyboardInterrupt')")
    result = scripted.run("-p", "interrupted", "list")
    assert (result.returncode, result.stderr) == (4, "\nstopped\n")


@pytest.mark.parametrize(
    "command",
    ["fsck --deep", "import --from old --source here --url http://a.test/good/{video_id}"],
    ids=["fsck", "import"],
)
@both_ways
def test_what_hangs_in_a_storage_is_left(scripted, watch, wait_for, command, terminal):
    """A command that looks at an archive ends too, and says how far it came; a signal alone cannot end its threads."""
    config = scripted.folder / "haulage.yaml"
    config.write_text(f"{config.read_text()}storages: {{library: library, old: old}}\nstore_to: [library]\n")
    assert scripted.run("get", "http://a.test/good/one").returncode == 0
    (scripted.folder / "old").mkdir()
    (scripted.folder / "old" / "Another [two].mp4").write_bytes(b"two")
    running = watch("-p", "hung", *command.split(), by=scripted, terminal=terminal)
    wait_for((scripted.folder / "reading").exists)
    running.interrupt()
    assert running.end(seconds=30) == 4
    assert running.said.count("stopped") == 1
    assert running.raw.rfind(b"\x1b[?25h") >= running.raw.rfind(b"\x1b[?25l"), "the cursor is gone"
    assert scripted.run("work").returncode == 0


@pytest.mark.parametrize("command", ["get http://a.test/good/one", "status --watch", "fsck"])
def test_an_interrupt_while_a_display_begins(scripted, watch, command):
    """The terminal has its cursor again, and its own screen."""
    running = watch("-p", "interrupts_displays", *command.split(), by=scripted, terminal=True)
    assert running.end() == (0 if "watch" in command else 4)
    assert running.raw.rfind(b"\x1b[?25h") > running.raw.rfind(b"\x1b[?25l") > -1, "the cursor is gone"
    assert running.raw.rfind(b"\x1b[?1049h") <= running.raw.rfind(b"\x1b[?1049l"), "another screen is left"


def test_a_database_that_is_locked_keeps_nobody(scripted, watch, wait_for):
    """A program that waits for another one to write ends on the signal, and not when it would give up."""
    assert scripted.run("status").returncode == 0  # makes the database
    with contextlib.closing(sqlite3.connect(scripted.folder / "haulage.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        running = watch("get", "http://a.test/good/one", by=scripted)
        mapped = Path(f"/proc/{running.process.pid}/maps")
        wait_for(lambda: "haulage.db-shm" in mapped.read_text())
        time.sleep(0.5)  # nothing tells that it waits
        running.process.terminate()
        assert running.end(seconds=WITHIN) == 4
    assert scripted.rows("select count(*) from attempts") == [(0,)]
