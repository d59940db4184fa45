"""A site for interrupted downloads, and fetches into one folder, one after the other."""

import hashlib
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from offers import Asked, Offer, Server

from haulage.cancel import Cancelled
from haulage.plugin import FetchError, FetchResult, Kind, Video
from haulage.testing import Recipe, make
from haulage_ytdlp import process
from haulage_ytdlp.fetcher import YtDlpFetcher

SIZE = 2_000_000
HELD = SIZE * 9 // 10
ONE_BUFFER = 256 * 1024


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Media that differ from their first frame on: two of one size, one that is longer and one that is shorter."""
    folder = tmp_path_factory.mktemp("media")
    small = {"duration": 2, "width": 320, "height": 180}
    return {
        name: make(Recipe(name, hue=hue, size=size, **small), folder).read_bytes()
        for name, hue, size in [
            ("old", 0, SIZE),
            ("new", 90, SIZE),
            ("longer", 180, SIZE + 1000),
            ("shorter", 270, SIZE // 2),
        ]
    }


class Rounds:
    """Fetches into one folder, one after the other."""

    def __init__(
        self, server: Server, fetcher: YtDlpFetcher, family: Any, pool: Any, new_work: Any, folder: Path, until: Any
    ) -> None:
        self.folder = folder
        self.part = folder / "video.mp4.part"
        self.note = folder / "video.mp4.content.json"
        self._server, self._fetcher, self._family = server, fetcher, family
        self._pool, self._new_work, self._until = pool, new_work, until

    def interrupt(self, how: str, when: Callable[[], bool], path: str = "/clip.mp4") -> None:
        """Fetch until something is so, and end that from outside."""
        self._server.asked.clear()
        work = self._new_work()
        video = Video("generic", "clip", "", self._server.url(path))
        future = self._pool.submit(self._fetcher.fetch, video, self.folder, work)
        self._until(when)
        (worker,) = self._family.workers()
        if how == "cancel":
            work.cancel.cancel("enough")
            with pytest.raises(Cancelled):
                future.result(timeout=60)
        else:
            os.kill(worker, signal.SIGKILL)
            with pytest.raises(FetchError) as caught:
                future.result(timeout=10)
            assert caught.value.failure.kind is Kind.CRASHED

    def leave_part(self, offer: Offer, how: str = "kill") -> None:
        """Serve nine tenths, and interrupt the fetch when all of that but a buffer lies on the disk."""
        self._server.offers["/clip.mp4"] = offer
        offer.stop = HELD
        self.interrupt(how, lambda: self.part.exists() and self.part.stat().st_size >= HELD - ONE_BUFFER)
        offer.stop = None

    def fetch(self, path: str = "/clip.mp4") -> list[Asked]:
        """Fetch to the end; what was asked for after the look at the headers."""
        self._server.asked.clear()
        video = Video("generic", "clip", "", self._server.url(path))
        result = self._fetcher.fetch(video, self.folder, self._new_work())
        self._check(result)
        return [each for each in self._server.asked if each.path == path][1:]

    def _check(self, result: FetchResult) -> None:
        (file,) = result.files
        self.digest = hashlib.sha256(file.path.read_bytes()).hexdigest()
        assert file.sha256 == self.digest
        assert sorted(each.name for each in self.folder.iterdir()) == [".home", file.path.name]
        assert list((self.folder / ".home").iterdir()) == []


@pytest.fixture
def rounds(
    server: Server,
    fetcher: YtDlpFetcher,
    lasting_family: Any,
    pool: Any,
    new_work: Any,
    tmp_path: Path,
    eventually: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> Rounds:
    # What is killed keeps nothing, and a busy machine may not have kept it all within 2 s.
    monkeypatch.setattr(process, "GRACE", 30)
    return Rounds(server, fetcher, lasting_family, pool, new_work, tmp_path, eventually)
