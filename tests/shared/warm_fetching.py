"""Lets a program that runs warm have its fetch server forked too, instead of starting one that imports yt-dlp anew.

Imported by the process that forks the programs, which has one thread alone: a program has several, and what is forked
while one of them holds a lock waits for it for ever. Without haulage-ytdlp it does nothing.
"""

import errno
import multiprocessing
import os
import signal
import socket
import subprocess
import threading
from multiprocessing import reduction
from multiprocessing.reduction import DupFd
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any

_CONTEXT = multiprocessing.get_context("forkserver")

_received = reduction.recvfds


def _receive(connection: socket.socket, most: int) -> list[int]:
    """Say of a program that was killed while it asked what a fork server can hear: otherwise it would end itself."""
    try:
        return _received(connection, most)
    except EOFError:
        raise ConnectionAbortedError(errno.ECONNABORTED, "it was killed") from None


reduction.recvfds = _receive

try:
    from haulage_ytdlp import process
    from haulage_ytdlp.child import __main__ as child
    from haulage_ytdlp.child import work
except ImportError:
    pass
else:

    def _fork(command: list[str], *, stdin: int, stdout: IO[bytes], env: dict[str, str], **_: object) -> "Forked":
        given = (Streams(stdin, stdout.fileno()), env, "--once" in command)
        forked = _CONTEXT.Process(target=_be_the_child, args=given, daemon=True)
        forked.start()
        return Forked(forked)

    def _be_the_child(streams: tuple[int, int], environ: dict[str, str], once: bool) -> None:
        """Be what `python -m haulage_ytdlp.child` is."""
        end, errors = streams
        os.setsid()
        for number, handle in ((0, end), (1, errors), (2, errors)):
            os.dup2(handle, number)
        os.closerange(3, 1 << 16)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.environ.clear()
        os.environ.update(environ)
        ours = socket.socket(fileno=os.dup(0))
        with Path(os.devnull).open("rb") as nothing:
            os.dup2(nothing.fileno(), 0)
        (child.run if once else child.serve)(ours)
        os._exit(0)

    work.warm()
    process.subprocess = SimpleNamespace(Popen=_fork, TimeoutExpired=subprocess.TimeoutExpired)


class Streams:
    """Two descriptors, which become those of the process that is started with them."""

    def __init__(self, *numbers: int) -> None:
        self._numbers = numbers

    def __reduce__(self) -> Any:
        return _detach, tuple(DupFd(each) for each in self._numbers)


def _detach(*descriptors: Any) -> tuple[int, ...]:
    return tuple(each.detach() for each in descriptors)


class Forked:
    """A process that was forked, with what haulage-ytdlp uses of `subprocess.Popen`; safe to use from many threads."""

    def __init__(self, process: Any) -> None:
        self._process = process
        self._lock = threading.Lock()
        self.pid: int = process.pid

    def poll(self) -> int | None:
        """See Popen."""
        with self._lock:
            code: int | None = self._process.exitcode
        return code

    def wait(self, timeout: float | None = None) -> int:
        """See Popen."""
        with self._lock:
            self._process.join(timeout)
        code = self.poll()
        if code is None:
            raise subprocess.TimeoutExpired("haulage_ytdlp.child", timeout or 0)
        return code

    def kill(self) -> None:
        """See Popen."""
        with self._lock:
            self._process.kill()
