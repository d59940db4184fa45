"""Lets a program that runs warm fork its fetch server too, instead of starting one that imports yt-dlp once more.

Imported by the process that forks the programs; without haulage-ytdlp it does nothing.
"""

import contextlib
import gc
import os
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, NoReturn

try:
    from haulage_ytdlp.child import __main__ as child
    from haulage_ytdlp.child import work
    from haulage_ytdlp.process import Processes
except ImportError:
    pass
else:

    def _spawn(self: Any, end: socket.socket, *arguments: str) -> "Forked":
        if self._errors is None:
            self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the fetcher
        errors = self._errors.fileno()
        pid = os.fork()
        if pid == 0:
            _be_the_child(end.fileno(), errors, self._environment, arguments)
        return Forked(pid)

    def _be_the_child(end: int, errors: int, environ: dict[str, str], arguments: tuple[str, ...]) -> NoReturn:
        """Be what `python -m haulage_ytdlp.child` is: nothing of the program is left but its memory."""
        try:
            gc.freeze()  # what it had open is closed here, and nobody shall close it once more
            os.setsid()
            for number, handle in ((0, end), (1, errors), (2, errors)):
                os.dup2(handle, number)
            os.closerange(3, 1 << 16)
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            os.environ.clear()
            os.environ.update(environ)
            ours = socket.socket(fileno=os.dup(0))
            with Path(os.devnull).open("rb") as nothing:
                os.dup2(nothing.fileno(), 0)
            (child.run if "--once" in arguments else child.serve)(ours)
            os._exit(0)
        finally:
            os._exit(1)

    work.warm()
    Processes._spawn = _spawn


class Forked:
    """A process that was forked, with what haulage-ytdlp uses of `subprocess.Popen`."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """See Popen."""
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.returncode = os.waitstatus_to_exitcode(status) if pid else None
        return self.returncode

    def wait(self, timeout: float = 60) -> int:
        """See Popen."""
        deadline = time.monotonic() + timeout
        while self.poll() is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("haulage_ytdlp.child", timeout)
            time.sleep(0.005)
        assert self.returncode is not None
        return self.returncode

    def kill(self) -> None:
        """See Popen."""
        with contextlib.suppress(ProcessLookupError):
            if self.poll() is None:
                os.kill(self.pid, signal.SIGKILL)
