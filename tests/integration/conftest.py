"""What these tests share: the loopback site, and the program in a folder of its own."""

import contextlib
import fcntl
import functools
import json
import logging
import os
import re
import select
import signal
import sqlite3
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from attrs import define, frozen

from haulage import Pipeline
from haulage.cli.main import run
from haulage.testing import LoopbackSite


@pytest.fixture(scope="session")
def site() -> Iterator[LoopbackSite]:
    """One site for all tests; each asks for paths of its own."""
    with LoopbackSite() as running:
        yield running


@frozen
class Program:
    """The program `haulage` in a folder with a config.

    Attributes:
        folder: Where it runs.
        options: What stands before each command.
    """

    folder: Path
    options: tuple[str, ...] = ()

    def start(self, *arguments: str, environ: Mapping[str, str] = {}, **options: Any) -> "subprocess.Popen[str]":
        """Start it; plugins of the tests can be named."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("HAULAGE")}
        path = os.pathsep.join(filter(None, [inherited.get("PYTHONPATH"), str(Path(__file__).parent / "plugins")]))
        return subprocess.Popen(
            [sys.executable, "-m", "haulage", *self.options, *arguments],
            cwd=self.folder,
            env={**inherited, "PYTHONPATH": path, **environ},
            text=True,
            **{
                "stdin": subprocess.DEVNULL,
                "stdout": subprocess.PIPE,
                "stderr": subprocess.PIPE,
                "preexec_fn": _heed_ctrl_c,
                **options,
            },
        )

    def watch(self, *arguments: str, terminal: bool = False, **options: Any) -> "Watched":
        """Start it on a terminal of eighty columns, or with one pipe for all that it says."""
        if not terminal:
            process = self.start(*arguments, stderr=subprocess.STDOUT, **options)
            assert process.stdout is not None
            return Watched(process, process.stdout.fileno(), terminal)
        master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        try:
            process = self.start(
                *arguments,
                environ={"TERM": "xterm"},
                **dict.fromkeys(("stdin", "stdout", "stderr"), slave),
                start_new_session=True,
                preexec_fn=_own_terminal,
            )
        finally:
            os.close(slave)
        return Watched(process, master, terminal)

    def run(self, *arguments: str, stdin: str | None = None) -> "subprocess.CompletedProcess[str]":
        """Run it to its end."""
        with self.start(*arguments, stdin=subprocess.PIPE) as process:
            out, err = process.communicate(stdin, timeout=60)
        assert "Traceback" not in err, err
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Ask the database, with nothing of haulage in between."""
        connection = sqlite3.connect(f"file:{self.folder / 'haulage.db'}?mode=ro", uri=True)
        try:
            return connection.execute(query).fetchall()
        finally:
            connection.close()

    def json(self, *arguments: str) -> Any:
        """Run it and read the JSON document that it prints."""
        return json.loads(self.run(*arguments).stdout)

    def processes(self) -> list[int]:
        """The processes whose current folder is this one, or lies in it, as /proc tells."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    where = (entry / "cwd").readlink()
                    state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
                except OSError:
                    continue
                if where.is_relative_to(self.folder) and state != "Z":
                    found.append(int(entry.name))
        return found

    def stored(self) -> list[Path]:
        """Every file in the library, and below it, but the records of its videos."""
        return sorted(set(self._files()) - set(self.records()))

    def records(self) -> list[Path]:
        """The record beside each video in the library."""
        return sorted(path for path in self._files() if path.suffix == ".json" and not path.match("*.info.json"))

    def _files(self) -> list[Path]:
        return [path for path in (self.folder / "library").rglob("*") if path.is_file()]


def _heed_ctrl_c() -> None:
    # Whatever runs the tests in the background has SIGINT ignored, and that is inherited.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _own_terminal() -> None:
    _heed_ctrl_c()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@define
class Watched:
    """A program that runs, and what it has said so far.

    Attributes:
        process: The program.
        source: The descriptor that its words come from.
        terminal: Whether that is a terminal.
        raw: What it has said, as it came.
    """

    process: "subprocess.Popen[str]"
    source: int
    terminal: bool
    raw: bytes = b""

    @property
    def said(self) -> str:
        """What a reader sees of it: without colours, and without what was moved over and erased."""
        lines, row, column = [""], 0, 0
        for code, text in re.findall(
            r"\x1b\[[0-9;?]*([A-Za-z])|([\r\n]|[^\r\n\x1b]+)", self.raw.decode(errors="replace")
        ):
            if code == "A":
                row = max(row - 1, 0)
            elif code == "K":
                lines[row] = ""
            elif text == "\r":
                column = 0
            elif text == "\n":
                row, column = row + 1, column if self.terminal else 0
                lines += [""] * (row == len(lines))
            elif text:
                lines[row] = lines[row][:column].ljust(column) + text + lines[row][column + len(text) :]
                column += len(text)
        return "\n".join(lines)

    def _read(self, seconds: float) -> bool:
        """Read on; whether there may be more to come."""
        assert select.select([self.source], [], [], max(seconds, 0))[0], f"it said no more than: {self.said!r}"
        try:
            more = os.read(self.source, 65536)
        except OSError:  # how a terminal ends
            more = b""
        self.raw += more
        return bool(more)

    def until(self, text: str, seconds: float = 20) -> None:
        """Wait until it says something."""
        deadline = time.monotonic() + seconds
        while text not in self.said:
            assert self._read(deadline - time.monotonic()), f"it ended, and said: {self.said!r}"

    def interrupt(self) -> None:
        """Press Ctrl-C: on a terminal that is a key, which the terminal turns into the signal."""
        if self.terminal:
            os.write(self.source, b"\x03")
        else:
            self.process.send_signal(signal.SIGINT)

    def end(self, seconds: float = 20) -> int:
        """Wait for its end, and return its exit code."""
        deadline = time.monotonic() + seconds
        while self._read(deadline - time.monotonic()):
            pass
        code = self.process.wait(max(deadline - time.monotonic(), 0.1))
        assert "Traceback" not in self.said, self.said
        return code

    def close(self) -> None:
        """Leave nothing of it, whatever became of the test."""
        self.process.kill()
        self.process.wait()
        if self.terminal:
            os.close(self.source)
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()


@pytest.fixture
def watch(program: Program) -> Iterator[Callable[..., Watched]]:
    """Start the program and read along, as `Program.watch`."""
    with contextlib.ExitStack() as stack:

        def start(*arguments: str, by: Program = program, **options: Any) -> Watched:
            return stack.enter_context(contextlib.closing(by.watch(*arguments, **options)))

        yield start


@pytest.fixture
def scripted(program: Program, monkeypatch: pytest.MonkeyPatch) -> Program:
    """The program with one worker, and with a fetcher that does what a URL says; pipelines here have it too."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent / "plugins"))
    config = "fetcher: {type: scripted}\nvariants: {small: {}}\nretry: {initial: 0.05}\nworkers: 1\n"
    (program.folder / "haulage.yaml").write_text(config)
    return Program(program.folder, ("-p", "scripted"))


@pytest.fixture
def call(
    program: Program, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., "subprocess.CompletedProcess[str]"]]:
    """Run the program within this process: for tables of cases that need no process of their own."""
    monkeypatch.chdir(program.folder)
    monkeypatch.syspath_prepend(str(Path(__file__).parent / "plugins"))
    for name in [name for name in os.environ if name.startswith("HAULAGE")]:
        monkeypatch.delenv(name)
    logger = logging.getLogger("haulage")
    before = logger.handlers, logger.propagate, logger.level

    def call(*arguments: str) -> "subprocess.CompletedProcess[str]":
        code = run(list(arguments))
        told = capsys.readouterr()
        return subprocess.CompletedProcess(arguments, code, told.out, told.err)

    yield call
    logger.handlers, logger.propagate, logger.level = before


@pytest.fixture
def haulage(
    scripted: Program, call: Callable[..., "subprocess.CompletedProcess[str]"]
) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Run the program within this process, with the fetcher that does what a URL says."""
    return functools.partial(call, *scripted.options)


@pytest.fixture
def pipeline(scripted: Program, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipeline]:
    """Another user of the same config and queue, in this process."""
    monkeypatch.chdir(scripted.folder)
    with Pipeline.from_config("haulage.yaml", modules=["scripted"]) as pipeline:
        yield pipeline


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """The program, with a config that lets it reach this machine."""
    (tmp_path / "haulage.yaml").write_text('private_hosts: ["127.0.0.1", "localhost"]\n')
    return Program(tmp_path)


@pytest.fixture
def wait_for() -> Callable[..., Any]:
    """Wait until something is true, and return it."""

    def wait(condition: Callable[[], Any], seconds: float = 20) -> Any:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if result := condition():
                return result
            time.sleep(0.02)
        raise AssertionError(f"not true within {seconds} s: {condition}")

    return wait
