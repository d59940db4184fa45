"""Runs of the program that are watched from outside."""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import frozen
from program import ELSEWHERE, Program
from warm import start


@frozen
class Running:
    """A run, from its start on.

    Attributes:
        process: The process.
        said: The file that it writes to.
    """

    process: Any
    said: Path

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self.process.pid

    def signal(self, number: int) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def ended(self) -> bool:
        """Whether it has ended."""
        return self.process.exitcode is not None

    def end(self, seconds: float = 60) -> "Ran":
        """Wait for its end."""
        self.process.join(seconds)
        if self.process.exitcode is None:
            self.process.kill()
            self.process.join()
            raise AssertionError(f"it did not end within {seconds} s: {self.said.read_text()}")
        return Ran(self.process.exitcode, self.said.read_text() if self.said.exists() else "")


@frozen
class Ran:
    """What became of a run.

    Attributes:
        code: The exit code; that of a signal is negative.
        said: What it wrote.
    """

    code: int
    said: str


def start_warm(program: Program, *arguments: str, **environ: str) -> Running:
    """Run the program, as if it had just been started."""
    said = program.folder / f"said-{secrets.token_hex(4)}"
    mine = {name: value for name, value in os.environ.items() if not name.startswith(ELSEWHERE)}
    path = os.pathsep.join(filter(None, [str(program.plugins), mine.get("PYTHONPATH")]))
    mine |= {"PYTHONPATH": path, **program.environ, **environ}
    process = start([*program.options, *arguments], program.folder, mine, out=said, err=said)
    return Running(process, said)


def run_warm(program: Program, *arguments: str, environ: Mapping[str, str] = {}) -> Ran:
    """Run the program to its end, as if it had just been started."""
    return start_warm(program, *arguments, **environ).end()
