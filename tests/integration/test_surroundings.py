"""The library where people use it: in threads, in processes of processes, in scripts without a guard, in notebooks."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest
from program import WITHIN

HAUL = """
from haulage import Pipeline

def haul(url):
    with Pipeline.from_config({"private_hosts": ["127.0.0.1"]}) as pipeline:
        for job in pipeline.run([url]):
            print(job.status, flush=True)
"""

THREAD = """
import sys, threading

thread = threading.Thread(target=haul, args=sys.argv[1:])
thread.start()
thread.join()
"""

PROCESS = """
import multiprocessing, sys

if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    process = context.Process(target=haul, args=sys.argv[2:], daemon=True)
    process.start()
    process.join()
    sys.exit(process.exitcode)
"""

UNGUARDED = """
import sys

with open("ran", "a") as file:
    file.write("once\\n")
haul(sys.argv[1])
"""

NOTEBOOK = """
import asyncio, sys

CELLS = [
    "from haulage import Pipeline, Query",
    "pipeline = Pipeline.from_config({'private_hosts': ['127.0.0.1']}).__enter__()",
    "jobs = list(pipeline.run(urls[:1]))",
    "for job in pipeline.run(urls[1:]):\\n    jobs.append(job)",
    "print(*[job.status for job in jobs], len(list(pipeline.find())))",
    "pipeline.__exit__(None, None, None)",
]

class Output:
    def __init__(self):
        self.written = []
    def write(self, text):
        self.written.append(text)
    def flush(self):
        pass

async def kernel(urls):
    names = {"__name__": "__main__", "urls": urls}
    for cell in CELLS:
        exec(cell, names)
        await asyncio.sleep(0)

assert sys.stdin is None
stdout, sys.stdout = sys.stdout, Output()
asyncio.run(kernel(sys.argv[1:]))
stdout.write("".join(sys.stdout.written))
"""


@pytest.fixture
def run(tmp_path, wait_for):
    """Runs a script in a folder of its own, and returns what it prints once nothing of it runs any more."""

    def run(script, *arguments, closed=False):
        path = tmp_path / "script.py"
        path.write_text(script)
        command = [sys.executable, str(path), *arguments]
        if closed:
            command = ["sh", "-c", 'exec "$@" <&-', "sh", *command]
        result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
        assert (result.returncode, result.stderr) == (0, "")
        wait_for(lambda: not running_in(tmp_path), seconds=WITHIN)
        return result.stdout

    return run


def running_in(folder):
    """The processes whose current folder is this one, or lies in it, as /proc tells."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            where = (entry / "cwd").readlink()
        except OSError:
            continue
        if where.is_relative_to(folder):
            found.append(entry.name)
    return found


def digests(paths):
    return sorted(hashlib.sha256(path.read_bytes()).hexdigest() for path in paths)


def stored(folder):
    return digests((folder / "library").rglob("video.mp4"))


def test_a_thread(site, tmp_path, run):
    """It hauls from a thread that is not the main one."""
    assert run(HAUL + THREAD, site.url("third.mp4?thread")) == "downloaded\n"
    assert stored(tmp_path) == digests([site.file("third.mp4")])


@pytest.mark.parametrize("how", ["fork", "spawn"])
def test_a_daemonic_process(site, tmp_path, run, how):
    """It hauls in a process that multiprocessing allows no children."""
    assert run(HAUL + PROCESS, how, site.url(f"third.mp4?{how}")) == "downloaded\n"
    assert stored(tmp_path) == digests([site.file("third.mp4")])


def test_a_script_without_a_guard(site, tmp_path, run):
    """A script whose body stands open runs once, as it would without haulage."""
    assert run(HAUL + UNGUARDED, site.url("third.mp4?script")) == "downloaded\n"
    assert stored(tmp_path) == digests([site.file("third.mp4")])
    assert (tmp_path / "ran").read_text() == "once\n"


def test_a_notebook(site, tmp_path, run):
    """It hauls in cell after cell inside a running event loop, without standard input and with no file for output."""
    urls = [site.url("third.mp4?first"), site.url("second.mp4?second")]
    assert run(NOTEBOOK, *urls, closed=True) == "downloaded downloaded 2\n"
    assert stored(tmp_path) == digests([site.file("second.mp4"), site.file("third.mp4")])
