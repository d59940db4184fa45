"""A pipeline of the core alone, with plugins of the tests, and processes that use its folders."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from haulage import Pipeline
from haulage.testing import LoopbackSite

HOLD = """
import sys
from pathlib import Path
from haulage.locks import Lock
lock = Lock.shared(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="session")
def site() -> Iterator[LoopbackSite]:
    """One site for all tests."""
    with LoopbackSite() as running:
        yield running


@pytest.fixture
def pipeline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Pipeline]:
    """Make pipelines in a folder of their own; keywords change the config."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path, str(Path(__file__).parent / "plugins")])

    def make(watching: Any = (), **config: Any) -> Pipeline:
        config = {"fetcher": {"type": "plain"}, "retry": {"initial": 0.05}, **config}
        modules = ["plain_fetcher", "odd_storage", "odd_observer", "odd_policy"]
        return Pipeline.from_config(config, modules=modules, observers=watching)

    return make


@pytest.fixture
def odd(pipeline: Callable[..., Pipeline]) -> ModuleType:
    """The odd storages: what they hold and shall refuse, empty at the beginning of each test."""
    with pipeline():
        pass
    odd_storage = sys.modules["odd_storage"]
    for each in ("OBJECTS", "RECORDS", "REFUSALS", "OPEN", "BEGAN", "SENT"):
        getattr(odd_storage, each).clear()
    return odd_storage


@pytest.fixture
def serve() -> Iterator[Callable[[str, str | None], str]]:
    """Serve a text under a name; the text can be changed, and None answers one request with 503 before the text."""
    import threading
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    texts: dict[str, str] = {}
    failing: set[str] = set()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = texts[self.path].encode()
            self.send_response(503 if self.path in failing else 200)
            failing.discard(self.path)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()

    def put(name: str, text: str | None) -> str:
        if text is None:
            failing.add(f"/{name}")
        else:
            texts[f"/{name}"] = text
        return f"http://127.0.0.1:{server.server_port}/{name}"

    yield put
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def holder() -> Iterator[Callable[[Path], "subprocess.Popen[str]"]]:
    """Has another process use a folder, as a fetch process does, until it is killed."""
    started = []

    def start(folder: Path) -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", HOLD, str(folder)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
