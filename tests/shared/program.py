"""The program, run in a process of its own, and what it leaves behind."""

import contextlib
import fcntl
import json
import os
import re
import select
import signal
import sqlite3
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import warm
from attrs import define, frozen

ELSEWHERE = ("AWS_", "GOOGLE_", "HAULAGE", "STORAGE_")
"""What variables of this machine begin with that could lead to another store than a test's."""

PLANTED = "PLANTEDfor-all-q7Zx9"
"""A secret in the environment of each program, which none of them shows."""

WITHIN = 15
"""Seconds for what is promised within five: a busy machine has taken six. What is not ended goes on for 20 at least."""


@frozen
class Program:
    """The program `haulage` in a folder with a config.

    Attributes:
        folder: Where it runs.
        options: What stands before each command.
        plugins: Where the modules lie that the options name.
        environ: What it finds in its environment, beside what these tests have.
    """

    folder: Path
    options: tuple[str, ...] = ()
    plugins: Path = Path(__file__).parents[1] / "integration" / "plugins"
    environ: Mapping[str, str] = {}

    def _environ(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(ELSEWHERE)}
        path = os.pathsep.join(filter(None, [inherited.get("PYTHONPATH"), str(self.plugins)]))
        return {**inherited, "PYTHONPATH": path, "PLANTED_TOKEN": PLANTED, **self.environ}

    def start(self, *arguments: str, environ: Mapping[str, str] = {}, **options: Any) -> "subprocess.Popen[str]":
        """Start it; plugins of the tests can be named."""
        return subprocess.Popen(
            [sys.executable, "-m", "haulage", *self.options, *arguments],
            cwd=self.folder,
            env={**self._environ(), **environ},
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

    def run_cold(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run it to its end, in a process that has nothing but what it brings itself."""
        with self.start(*arguments) as process:
            out, err = process.communicate(timeout=60)
        return self._ended(arguments, process.returncode, out, err)

    def run(self, *arguments: str, stdin: str | None = None) -> "subprocess.CompletedProcess[str]":
        """Run it to its end, in a process that has done its imports."""
        with tempfile.TemporaryDirectory() as folder:
            given, out, err = (Path(folder) / name for name in ("given", "out", "err"))
            given.write_text(stdin or "")
            process = warm.start(
                (*self.options, *arguments),
                self.folder,
                self._environ(),
                out=out,
                err=err,
                stdin=given,
            )
            process.join(60)
            if process.exitcode is None:
                process.kill()
                process.join()
                raise AssertionError(f"it did not end within 60 s: {arguments}")
            said = [each.read_text() if each.exists() else "" for each in (out, err)]
        return self._ended(arguments, process.exitcode, *said)

    def _ended(self, arguments: tuple[str, ...], code: int, out: str, err: str) -> "subprocess.CompletedProcess[str]":
        assert "Traceback" not in err, err
        assert PLANTED not in out + err, "the program showed a secret of its environment"
        return subprocess.CompletedProcess(arguments, code, out, err)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Ask the database, with nothing of haulage in between."""
        connection = sqlite3.connect(f"file:{self.folder / 'haulage.db'}?mode=ro", uri=True)
        try:
            return connection.execute(query).fetchall()
        finally:
            connection.close()

    def change(self, *statements: str) -> None:
        """Change the database, with nothing of haulage in between."""
        with contextlib.closing(sqlite3.connect(self.folder / "haulage.db")) as connection, connection:
            for statement in statements:
                connection.execute(statement)

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

    def until(self, text: str, seconds: float = 60) -> None:
        """Wait until it says something; to start alone may take it 20 s on a busy machine."""
        deadline = time.monotonic() + seconds
        while text not in self.said:
            assert self._read(deadline - time.monotonic()), f"it ended, and said: {self.said!r}"

    def interrupt(self) -> None:
        """Press Ctrl-C: on a terminal that is a key, which the terminal turns into the signal."""
        if self.terminal:
            os.write(self.source, b"\x03")
        else:
            self.process.send_signal(signal.SIGINT)

    def end(self, seconds: float = 60) -> int:
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
