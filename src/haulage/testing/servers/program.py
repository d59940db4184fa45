"""What all servers have in common: a program is started on free ports, asked until it serves, and stopped for good."""

import importlib.util
import json
import random
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import ClassVar, Final, Self

from haulage.errors import Failure, HaulageError, Kind
from haulage.testing.servers import keeper

_PORTS: Final = range(10_000, 32_768)  # below those that systems give to connections that go out
_READY_SECONDS: Final = 60
_TIMES: Final = 5
_LOG_LINES: Final = 20


class ServerProgram(ABC):
    """A server that runs inside its `with` block, which is entered once.

    It goes when the block is left or when the process that started it ends, by SIGKILL too, and its folder with it.
    `stop` lets it disappear in between, and `start` brings it back on the same ports with what it had stored.
    Not to be started and stopped from several threads at once; many may use it.

    Attributes:
        name: What messages call it.
        folder: Holds its data and its log. It is made if it is not there, must be empty, and goes with the server.
        ports: Where it listens, on 127.0.0.1; known inside the block.
    """

    name: ClassVar[str]
    port_count: ClassVar[int] = 1
    stop_signal: ClassVar[signal.Signals] = signal.SIGKILL

    def __init__(self, folder: Path | None = None) -> None:
        made_up = f"haulage-{type(self).__name__.lower()}-{uuid.uuid4().hex}"
        self.folder = (folder or Path(tempfile.gettempdir()) / made_up).absolute()
        self.ports: tuple[int, ...] = ()
        self._held = ExitStack()
        self._keeper: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def command(self) -> Sequence[str]:
        """Say what to run, on `ports`, with all its files in `folder`."""

    @abstractmethod
    def ask(self) -> None:
        """Return if the server serves. Raises an OSError or a ValueError while it does not."""

    def leftovers(self) -> Sequence[Path]:
        """Say which files outside `folder` the program leaves behind; none unless a server says otherwise."""
        return ()

    def prepare(self) -> None:
        """Make what the program needs in `folder`, before its first start; nothing unless a server says otherwise."""
        return

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        if any(self.folder.iterdir()):
            raise self._error(f"cannot start in {self.folder}: something is there already")
        try:
            self.prepare()
            for left in reversed(range(_TIMES)):
                self._held.close()
                self.ports = free_ports(self.port_count, self._held)
                try:
                    self.start()
                    break
                except HaulageError:
                    if not left or "already in use" not in self._log():
                        raise
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._end(b"")
        self._held.close()
        keeper.remove(self._files())

    def start(self) -> None:
        """Start it, and return as soon as it serves; nothing happens if it runs.

        Raises:
            HaulageError: It ended, or does not serve within a minute; notes of the error tell the end of its log.
        """
        if self._keeper is not None:
            return
        told = {"stop_signal": self.stop_signal, "files": self._files(), "command": self.command()}
        with (self.folder / "log").open("ab") as log:
            self._keeper = subprocess.Popen(
                [sys.executable, "-I", "-S", keeper.__file__, json.dumps(told)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            self._await()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Kill it, and keep its files; it is gone when this returns. Nothing happens if it does not run."""
        self._end(keeper.KEEP)

    def _await(self) -> None:
        assert self._keeper is not None
        end = time.monotonic() + _READY_SECONDS
        while True:
            problem: Exception | None = None
            try:
                self.ask()
            except (OSError, ValueError) as error:
                problem = error
            # After it was asked: what answered may be somebody else, who was faster in taking its port.
            if self._keeper.poll() is not None:
                raise self._error(f"ended while it started, with code {self._keeper.returncode}")
            if problem is None:
                return
            if time.monotonic() > end:
                raise self._error(f"does not serve after {_READY_SECONDS} s: {problem}")
            time.sleep(0.05)

    def _end(self, word: bytes) -> None:
        if self._keeper is None:
            return
        with suppress(BrokenPipeError):  # it ended by itself
            self._keeper.communicate(word)
        self._keeper.wait()
        self._keeper = None

    def _files(self) -> list[str]:
        return [str(each) for each in (self.folder, *self.leftovers())]

    def _log(self) -> str:
        with suppress(OSError):
            return (self.folder / "log").read_text(encoding="utf-8", errors="replace")
        return ""

    def _error(self, problem: str) -> HaulageError:
        error = HaulageError(Failure(Kind.ENVIRONMENT, f"{self.name} {problem}"))
        if lines := self._log().splitlines()[-_LOG_LINES:]:
            error.add_note("\n".join(["The end of its log:", *lines]))
        return error


def free_ports(count: int, held: ExitStack) -> tuple[int, ...]:
    """Find ports of 127.0.0.1 that nobody listens on, and hold them: who asks here, in any process, gets other ones.

    What is held is the same number for UDP, by which servers do not listen. Who does not ask here may still be faster.
    """
    found: list[int] = []
    with ExitStack() as tried:
        for port in random.sample(_PORTS, 100 + count):
            if len(found) == count:
                break
            taken, ours = tried.enter_context(socket.socket()), socket.socket(type=socket.SOCK_DGRAM)
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                taken.bind(("127.0.0.1", port))
                ours.bind(("127.0.0.1", port))
            except OSError:
                ours.close()
            else:
                held.enter_context(ours)
                found.append(port)
    return tuple(found)


def missing(name: str, package: str) -> HaulageError:
    """The error of a server whose package is not installed."""
    return HaulageError(
        Failure(Kind.ENVIRONMENT, f"{name} is not installed here", cure=f"install it with: pip install '{package}'")
    )


def program(name: str, package: str) -> str:
    """Find a program that a package brings, beside this Python or on the path.

    Raises:
        HaulageError: It is not there.
    """
    found = shutil.which(name, path=sysconfig.get_path("scripts")) or shutil.which(name)
    if found is None:
        raise missing(name, package)
    return found


def package_folder(module: str, package: str) -> Path:
    """Find the folder of a module without importing it.

    Raises:
        HaulageError: It is not there.
    """
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise missing(module, package)
    return Path(spec.origin).parent


def ask(url: str, body: bytes | None = None, **headers: str) -> bytes:
    """Fetch a URL of a server, by POST where there is a body.

    Raises:
        OSError: It did not answer within 5 s, or it refused.
    """
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=5) as answer:  # noqa: S310
            return bytes(answer.read())
    except urllib.error.HTTPError as error:
        error.close()  # it holds the connection
        raise
