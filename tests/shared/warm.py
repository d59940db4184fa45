"""Runs the program without its imports: a process that has done them forks one for each run."""

import gc
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

NOTHING = Path(os.devnull)
_STARTING = threading.Lock()

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    [
        "pytest",  # which each process would import, being the main module of the one that wants it
        *("haulage.cli.main", "haulage.cli.get", "haulage.cli.haul", "haulage.pipeline.driver"),
        *("haulage.builtin.sql.store", "haulage.builtin.local", "psycopg", "rich.progress"),
        *("haulage_s3.build", "haulage_gcs.storage", "s3fs", "gcsfs", "haulage_ytdlp.fetcher"),
        *("warm_clients", "warm_fetching"),
    ]
)


def start(
    arguments: Sequence[str],
    folder: Path,
    environ: Mapping[str, str],
    *,
    out: Path,
    err: Path,
    stdin: Path = NOTHING,
) -> Any:
    """Run the program, as if it had just been started.

    Args:
        arguments: Its arguments.
        folder: Where it runs.
        environ: All of its environment.
        out: The file that its standard output is added to.
        err: Likewise for standard error; it may be the same file.
        stdin: The file that it reads.

    Returns:
        The process, as multiprocessing has it.
    """
    given = (folder, list(arguments), dict(environ), (stdin, out, err))
    process = _CONTEXT.Process(target=_main, args=given, daemon=True)
    _serve()
    process.start()
    return process


def _serve() -> None:
    """Have a process that forks, and that finds our modules: Python has it look for none where this process does."""
    with _STARTING:
        before = os.environ.get("PYTHONPATH")
        os.environ["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent), *filter(None, [before])])
        try:
            forkserver.ensure_running()
        finally:
            os.environ.pop("PYTHONPATH")
            if before is not None:
                os.environ["PYTHONPATH"] = before


def _main(folder: Path, arguments: list[str], environ: dict[str, str], streams: tuple[Path, Path, Path]) -> None:
    assert "warm_fetching" in sys.modules, "nothing was imported before the fork, which nobody would notice"
    gc.freeze()  # to look for garbage in what all processes share would have each copy it
    multiprocessing.current_process().daemon = False  # daemons may have no processes of their own
    forkserver._forkserver.ensure_running = lambda: None  # ours forks for us too; otherwise Python starts another one
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    adding = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    for number, (path, how) in enumerate(zip(streams, (os.O_RDONLY, adding, adding), strict=True)):
        os.dup2(os.open(path, how), number)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 - multiprocessing has put another one in its place
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.path[:0] = [str(folder), *filter(None, environ.get("PYTHONPATH", "").split(os.pathsep))]
    sys.argv = ["haulage", *arguments]
    from haulage.cli.main import main

    main()
