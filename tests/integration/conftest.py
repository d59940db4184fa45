"""What these tests share: the loopback site, and the program in a folder of its own."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from haulage.testing import LoopbackSite


@pytest.fixture(scope="session")
def site() -> Iterator[LoopbackSite]:
    """One site for all tests; each asks for paths of its own."""
    with LoopbackSite() as running:
        yield running


@frozen
class Program:
    """The program `haulage` in a folder with a config."""

    folder: Path

    def start(self, *arguments: str, **options: Any) -> "subprocess.Popen[str]":
        """Start it."""
        environ = {name: value for name, value in os.environ.items() if not name.startswith("HAULAGE")}
        return subprocess.Popen(
            [sys.executable, "-m", "haulage", *arguments],
            cwd=self.folder,
            env=environ,
            text=True,
            # Whatever runs the tests in the background has SIGINT ignored, and that is inherited.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            **{"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
        )

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

    def stored(self) -> list[Path]:
        """Every file in the library, and below it."""
        return sorted(path for path in (self.folder / "library").rglob("*") if path.is_file())


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """The program, with a config that lets it reach this machine."""
    (tmp_path / "haulage.yaml").write_text('private_hosts: ["127.0.0.1", "localhost"]\n')
    return Program(tmp_path)


@pytest.fixture
def wait_for() -> Callable[..., Any]:
    """Wait until something is true, and return it."""
    import time

    def wait(condition: Callable[[], Any], seconds: float = 20) -> Any:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if result := condition():
                return result
            time.sleep(0.02)
        raise AssertionError(f"not true within {seconds} s: {condition}")

    return wait
