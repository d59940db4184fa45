"""What haulage makes of the words of a fetch process, whatever they are."""

import json
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from haulage.cancel import CancelToken
from haulage.plugin import Failure, FetchError, Kind, Request
from haulage_ytdlp import wire
from haulage_ytdlp.process import Process


class TestWords:
    """What a fetch process says, played by the test at the other end of a real socket."""

    def test_too_long(self) -> None:
        """A line that is too long is not believed, and the process that wrote it is killed."""
        kind, ended = _say(json.dumps(["FoundRequest", {"request": {"url": "x" * (1 << 20), "variant": ""}}]).encode())
        assert kind is Kind.CRASHED
        assert ended == -signal.SIGKILL

    def test_long(self) -> None:
        """A line that is long but not too long is."""
        title = "x" * ((1 << 20) - 1000)
        assert _say(json.dumps(["FoundRequest", {"request": {"url": title, "variant": ""}}]).encode())[0] == title

    @pytest.mark.parametrize("words", [b"Traceback", b"[]", b'["Nonsense", {}]', b'["Progress", {"done": "much"}]'])
    def test_nonsense(self, words: bytes) -> None:
        """Anything that is no message is a bug, and the process that wrote it is killed."""
        kind, ended = _say(words)
        assert kind is Kind.BUG
        assert ended == -signal.SIGKILL

    def test_not_begun(self) -> None:
        """A process that reports before it has said its number is a bug."""
        kind, _ = _say(wire.line(wire.FoundRequest(Request("x"))), begin=False)
        assert kind is Kind.BUG

    @pytest.mark.parametrize("own", [False, True], ids=["server", "once"])
    def test_another_number(self, bystander: "subprocess.Popen[bytes]", own: bool) -> None:
        """A process that later says another's number is killed itself, and the other one is not."""
        kind, ended = _say(wire.line(wire.Began(bystander.pid)), own=own)
        assert kind is Kind.BUG
        assert ended == -signal.SIGKILL
        assert bystander.poll() is None

    def test_another_number_at_first(self, bystander: "subprocess.Popen[bytes]") -> None:
        """A process that haulage has started itself is known by haulage's own knowledge, whatever it says."""
        words = wire.line(wire.Began(bystander.pid)) + wire.line(wire.FoundRequest(Request("x")))
        found, ended = _say(words, begin=False, own=True)
        assert found == "x"
        assert ended == -signal.SIGKILL
        assert bystander.poll() is None


@pytest.fixture
def bystander() -> Iterator["subprocess.Popen[bytes]"]:
    """A process that leads a group of its own, and has nothing to do with anything."""
    process = subprocess.Popen(["sleep", "600"], start_new_session=True)
    yield process
    process.kill()
    process.wait()


def _say(words: bytes, *, begin: bool = True, own: bool = False) -> tuple[Any, int]:
    """What comes of a process that says this after its beginning: a URL or a kind, and how the process ended."""
    ours, theirs = socket.socketpair()
    sleeper = subprocess.Popen(["sleep", "600"], start_new_session=True)
    beginning = wire.line(wire.Began(sleeper.pid)) if begin else b""
    speaker = threading.Thread(target=_speak, args=(theirs, beginning + words.removesuffix(b"\n") + b"\n"))
    speaker.start()
    process = Process(ours, lambda: Failure(Kind.ENVIRONMENT, "it has not begun"), sleeper if own else None)
    if not begin and not own:
        sleeper.kill()  # nobody else would know of it
    try:
        reports = process.reports(CancelToken())
        try:
            outcome = next(reports).request.url
        except FetchError as error:
            outcome = error.failure.kind
        finally:
            reports.close()
        return outcome, sleeper.wait(timeout=5)
    finally:
        sleeper.kill()
        sleeper.wait()
        speaker.join()


def _speak(end: socket.socket, words: bytes) -> None:
    with end:
        try:
            end.sendall(words)
            end.recv(1 << 16)
        except ConnectionError:
            pass
