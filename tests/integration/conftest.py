"""What these tests share: the loopback site, and the program in a folder of its own."""

import contextlib
import functools
import logging
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from program import Program, Watched

from haulage import Pipeline
from haulage.cli.main import run
from haulage.testing import LoopbackSite


@pytest.fixture(scope="session")
def site() -> Iterator[LoopbackSite]:
    """One site for all tests; each asks for paths of its own."""
    with LoopbackSite() as running:
        yield running


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
    """Wait until something is true, and return it; to start the program alone may take 20 s on a busy machine."""

    def wait(condition: Callable[[], Any], seconds: float = 60) -> Any:
        deadline = time.monotonic() + seconds
        while not (result := condition()):
            assert time.monotonic() < deadline, f"not true within {seconds} s: {condition}"
            time.sleep(0.02)
        return result

    return wait
