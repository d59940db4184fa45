"""Runs the program without its imports: a process that has done them forks one for each run."""

import multiprocessing
import os
import secrets
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import frozen
from program import ELSEWHERE, Program

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    [
        *("haulage.cli.main", "haulage.cli.get", "haulage.cli.haul", "haulage.pipeline.driver"),
        *("haulage.builtin.sql.store", "haulage.builtin.local", "psycopg", "rich.progress"),
        *("haulage_s3.build", "haulage_gcs.storage", "haulage_ytdlp.fetcher", "s3fs", "gcsfs"),
    ]
)


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
    mine |= {**program.environ, **environ}
    started = [*program.options, *arguments]
    process = _CONTEXT.Process(target=_main, args=(program.folder, program.plugins, started, mine, said), daemon=True)
    process.start()
    return Running(process, said)


def run_warm(program: Program, *arguments: str, environ: Mapping[str, str] = {}) -> Ran:
    """Run the program to its end, as if it had just been started."""
    return start_warm(program, *arguments, **environ).end()


def _main(folder: Path, plugins: Path, arguments: list[str], environ: dict[str, str], said: Path) -> None:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    for number, path, how in (
        (0, Path(os.devnull), os.O_RDONLY),
        (1, said, os.O_WRONLY | os.O_CREAT | os.O_APPEND),
        (2, said, os.O_WRONLY | os.O_APPEND),
    ):
        os.dup2(os.open(path, how), number)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.path.insert(0, str(plugins))
    sys.argv = ["haulage", *arguments]
    from haulage.cli.main import main

    main()
