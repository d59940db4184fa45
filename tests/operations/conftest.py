"""Archives to look at, and a database that is read with nothing in between."""

import hashlib
import sqlite3
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from haulage import Pipeline
from haulage.contracts.storage import ObjectInfo
from haulage.operations.fsck.audit import audit
from haulage.operations.fsck.troubles import Trouble
from haulage.values import AttemptId

PLUGINS = Path(__file__).parents[1] / "pipeline" / "plugins"


class Source:
    """A site of small files, which counts what it serves; without a text there is nothing."""

    def __init__(self) -> None:
        self.texts: dict[str, bytes] = {}
        self.served: Counter[str] = Counter()
        source = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = source.texts.get(self.path)
                source.served[self.path] += 1
                self.send_response(404 if body is None else 200)
                self.send_header("Content-Length", str(len(body or b"")))
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def url(self, path: str, body: bytes) -> str:
        self.texts[path] = body
        return f"http://127.0.0.1:{self.server.server_port}{path}"


@pytest.fixture
def source() -> Iterator[Source]:
    """A site."""
    source = Source()
    thread = threading.Thread(target=source.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield source
    source.server.shutdown()
    source.server.server_close()
    thread.join()


class Kept:
    """An archive in a folder: the storage "library" there, and a mirror.

    Attributes:
        pipeline: Its pipeline, open.
        folder: Where its config would be.
    """

    def __init__(self, folder: Path, pipeline: Pipeline, source: Source) -> None:
        self.folder, self.pipeline, self.source = folder, pipeline, source

    def haul(self, *names: str) -> None:
        urls = [self.source.url(f"/UC/{name}", body(name)) for name in names]
        assert {job.status for job in self.pipeline.run(urls)} == {"downloaded"}
        self.source.served.clear()

    def work(self) -> None:
        """Do what is due."""
        for _ in self.pipeline.run():
            pass

    def fsck(self, **options: Any) -> list[Trouble]:
        return list(audit(self.pipeline.assembly, **options))

    def told(self, **options: Any) -> list[tuple[str, str, bool]]:
        """What an audit tells, in short: what, where, and whether it was repaired."""
        return sorted((each.sort.value, self.short(each.name), each.repaired) for each in self.fsck(**options))

    def short(self, name: str) -> str:
        return name.removeprefix("memory:").removeprefix(f"{self.folder}/")

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        connection = sqlite3.connect(self.folder / "haulage.db", isolation_level=None)
        try:
            return connection.execute(query).fetchall()
        finally:
            connection.close()

    def archive(self, *columns: str) -> list[tuple[Any, ...]]:
        """What the database says is stored."""
        chosen = ", ".join(columns or ("storage", "key", "state", "size", "sha256"))
        return sorted(self.rows(f"select {chosen} from stored_objects"))

    def holds(self, storage: str = "library") -> dict[str, bytes]:
        """What a storage of files holds, as the operating system tells."""
        root = self.folder / storage
        return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}

    def overwrite(self, key: str, data: bytes, *, attempt: str | None = None, storage: str = "library") -> None:
        """Put other bytes under a key, as this attempt or as a stranger."""
        place = self.pipeline.assembly.place(storage).storage
        if (path := self.folder / storage / key).parent.is_dir():
            path.write_bytes(data)
        else:
            info = ObjectInfo("video/mp4", AttemptId(attempt or ""), "", hashlib.sha256(data).hexdigest())
            place.publish(key, data, evolve(info, attempt=attempt), place.stat(key))


def body(name: str) -> bytes:
    return f"{name} ".encode() * 100


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: Source) -> Iterator[Callable[..., Kept]]:
    """Make an archive; keywords change its config, and `plugins` names modules."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path, str(PLUGINS)])
    opened = []

    def make(**config: Any) -> Kept:
        config = {"fetcher": {"type": "plain"}, "retry": {"attempts": 1}, "storages": {"library": "library"}, **config}
        modules = ["plain_fetcher", *config.pop("plugins", ())]
        pipeline = Pipeline.from_config(config, modules=modules)
        opened.append(pipeline)
        return Kept(tmp_path, pipeline.__enter__(), source)

    yield make
    for pipeline in reversed(opened):
        pipeline.__exit__(None, None, None)


@pytest.fixture
def local(make: Callable[..., Kept]) -> Kept:
    """An archive of plain files, which keep nothing but their bytes."""
    return make()


@pytest.fixture
def shelf(make: Callable[..., Kept]) -> Kept:
    """An archive in a storage that tells who wrote what."""
    return make(storages={"library": {"type": "memory"}})
