"""Fetch processes, seen from haulage: start one, listen to it, end it.

On Linux one server is started, which imports yt-dlp once and forks a process a job; elsewhere, where forking a
process that has imported much is not safe, each job starts afresh. Either way the process holds one end of a socket
whose other end is ours: when ours closes, for whatever reason, it ends with everything it started.
"""

import contextlib
import functools
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import IO, Any

from haulage.plugin import Cancel, Failure, FetchError, Kind, redact
from haulage_ytdlp import wire
from haulage_ytdlp.pace import Pace

GRACE = 2.0
"""Seconds from SIGTERM to SIGKILL."""

_PASSED_ON = ("LANG", "LANGUAGE", "PATH", "TMPDIR", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR", "VIRTUAL_ENV")
_PASSED_ON_PREFIXES = ("LC_", "PYTHON", "COV_", "COVERAGE_")


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    """What a fetch process may know: nothing that is secret, and no settings of yt-dlp."""
    kept = {
        name: value for name, value in environ.items() if name in _PASSED_ON or name.startswith(_PASSED_ON_PREFIXES)
    }
    return kept | {"HOME": os.devnull, "YTDLP_NO_PLUGINS": "1"}


class Processes:
    """Starts fetch processes; safe to use from many threads.

    Args:
        environ: The environment variables; only harmless ones are passed on.
        warm: Whether to keep a server that forks; by default where that is safe.
    """

    def __init__(self, environ: Mapping[str, str], *, warm: bool = sys.platform == "linux") -> None:
        self._environment = _environment(environ)
        self._warm = warm
        self._lock = threading.Lock()
        self._server: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._errors: IO[bytes] | None = None
        self._closed = False

    def start(self, order: wire.Order) -> "Process":
        """Start a process and give it its order.

        Raises:
            FetchError: It could not be started (kind `environment`).
        """
        ours, theirs = socket.socketpair()
        try:
            with theirs, self._lock:
                if self._closed:
                    raise OSError("the fetcher is closed")
                starter = self._hand_over(theirs) if self._warm else self._spawn(theirs, "--once")
            with contextlib.suppress(ConnectionError):  # it is dead already, and who listens to it finds out why
                ours.sendall(wire.line(order))
        except OSError as error:
            ours.close()
            raise FetchError(Failure(Kind.ENVIRONMENT, f"a fetch process could not be started: {error}")) from error
        return Process(ours, functools.partial(self._why_not_begun, starter), None if self._warm else starter)

    def _hand_over(self, theirs: socket.socket) -> subprocess.Popen[bytes]:
        if self._control is None or self._server is None or self._server.poll() is not None:
            self._stop()
            self._control, inner = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with inner:
                self._server = self._spawn(inner)
        with contextlib.suppress(ConnectionError):  # as above
            socket.send_fds(self._control, [b"job"], [theirs.fileno()])
        return self._server

    def _spawn(self, end: socket.socket, *arguments: str) -> subprocess.Popen[bytes]:
        errors = self._errors
        if errors is None:
            errors = self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the fetcher
        # -P: a yt_dlp.py that lies in the current folder is not ours. A session of its own: Ctrl-C is for us.
        return subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-P", "-m", "haulage_ytdlp.child", *arguments],
            stdin=end.fileno(),
            stdout=errors,
            stderr=errors,
            env=self._environment,
            start_new_session=True,
        )

    def _why_not_begun(self, starter: subprocess.Popen[bytes]) -> Failure:
        """Tell a program that cannot run on this machine from one that was killed."""
        try:
            code = starter.wait(GRACE)
        except subprocess.TimeoutExpired:
            code = None
        if code is None or code < 0:
            return Failure(Kind.CRASHED, "the fetch process was killed or died before it had begun")
        words = self._last_words()
        return Failure(Kind.ENVIRONMENT, f"a fetch process could not be started{words and ': ' + words}")

    def _last_words(self) -> str:
        if self._errors is None:
            return ""
        written = os.pread(self._errors.fileno(), 1 << 16, max(os.fstat(self._errors.fileno()).st_size - (1 << 16), 0))
        lines = written.decode(errors="replace").split("\n")
        return redact(next((each for each in reversed(lines) if each.strip()), ""))

    def _stop(self) -> None:
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._server is not None:
            with contextlib.suppress(ProcessLookupError):
                self._server.kill()
            self._server.wait()
            self._server = None

    def close(self) -> None:
        """End the server. Processes that still run end when their `Process` is closed."""
        with self._lock:
            self._closed = True
            self._stop()
            if self._errors is not None:
                self._errors.close()
                self._errors = None


class Process:
    """One fetch process; used by one thread, but for `cancel`."""

    def __init__(
        self, connection: socket.socket, why_not_begun: Callable[[], Failure], own: subprocess.Popen[bytes] | None
    ) -> None:
        self._connection = connection
        self._why_not_begun = why_not_begun
        self._own = own
        self._pid = own.pid if own is not None else None
        self._begun = False
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        self._ended = False

    def reports(self, cancel: Cancel, pace: Pace | None = None) -> Iterator[Any]:
        """Yield what the process says, until it has ended.

        Closing the iterator early kills the process.

        Args:
            cancel: Ends it.
            pace: How long it may go on without getting anywhere; one of its own unless it is given.

        Raises:
            Cancelled: The work was cancelled; the process has ended.
            FetchError: The process failed, got nowhere, or ended without a word (kind `crashed`).
        """
        outcome: Any = None
        pace = pace or Pace()
        try:
            with cancel.on_cancel(self._terminate), self._connection.makefile("rb") as lines:
                for report in self._read(lines, pace):
                    self._in_turn(report)
                    pace.heard(report)
                    if isinstance(report, wire.Began):
                        cancel.raise_if_cancelled()
                    elif isinstance(
                        report, wire.Failed | wire.Expanded | wire.Fetched | wire.Estimated | wire.Measured
                    ):
                        outcome = report
                    else:
                        yield report
            cancel.raise_if_cancelled()
        finally:
            self._kill()
        if outcome is None:
            raise FetchError(self._silence())
        if isinstance(outcome, wire.Failed):
            raise FetchError(outcome.failure)
        yield outcome

    def _silence(self) -> Failure:
        if not self._begun:
            return self._why_not_begun()
        return Failure(Kind.CRASHED, "the fetch process was killed or died before it had finished")

    def _read(self, lines: IO[bytes], pace: Pace) -> Iterator[Any]:
        while True:
            try:
                self._connection.settimeout(max(pace.left, 0.001))
                read = lines.readline(wire.LONGEST_LINE)
            except TimeoutError:
                raise FetchError(pace.failure()) from None
            except OSError:  # it ended, or was ended by `cancel`
                return
            if pace.left < 0:  # what it says keeps nobody waiting, and is no step either
                raise FetchError(pace.failure())
            if not read.endswith(b"\n"):
                return
            try:
                yield wire.message(read)
            except ValueError as error:
                raise FetchError(Failure(Kind.BUG, redact(str(error)))) from error

    def _in_turn(self, report: Any) -> None:
        """Hear the process's number as its very first word, and never again.

        That word is our own program's: nothing from outside has been read yet. Whatever comes later may be said by
        somebody who has taken the process over, and who would have others killed in its stead.
        """
        if isinstance(report, wire.Began) is self._begun:
            raise FetchError(Failure(Kind.BUG, f"the fetch process said {type(report).__name__} out of turn"))
        if isinstance(report, wire.Began):
            with self._lock:
                self._begun = True
                if self._own is None:
                    self._pid = report.pid

    def _terminate(self) -> None:
        with self._lock:
            if self._ended:
                return
            if self._pid is None:
                self._connection.shutdown(socket.SHUT_RDWR)  # it ends itself when it sees that
                return
            self._signal(signal.SIGTERM)
            self._timer = threading.Timer(GRACE, self._kill)
            self._timer.daemon = True
            self._timer.start()

    def _kill(self) -> None:
        with self._lock:
            if not self._ended:
                self._ended = True
                self._signal(signal.SIGKILL)
                with contextlib.suppress(OSError):
                    self._connection.shutdown(socket.SHUT_RDWR)
                self._connection.close()
            if self._timer is not None:
                self._timer.cancel()
            if self._own is not None:
                self._own.wait()

    def _signal(self, number: signal.Signals) -> None:
        # The process may have ended by itself; its number is not given away before our end of the socket says so
        # unless numbers wrapped around within that moment.
        if self._pid is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._pid, number)
