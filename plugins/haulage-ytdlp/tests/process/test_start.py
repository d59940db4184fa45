"""Fetch processes that cannot start, that are started one for each order, and that run at the same time."""

import hashlib
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from program import WITHIN
from slow_video import DRIP, under_way, video

from haulage.cancel import Cancelled, CancelToken
from haulage.plugin import Failure, FetchError, Kind, Request
from haulage.testing import LoopbackSite
from haulage_ytdlp import wire
from haulage_ytdlp.fetcher import YtDlpFetcher
from haulage_ytdlp.process import Processes


class TestStart:
    @pytest.mark.parametrize("warm", [True, False], ids=["server", "once"])
    def test_cannot_import(self, tmp_path: Path, warm: bool, new_processes: Callable[..., Processes]) -> None:
        """A process that cannot start is `environment`, with the reason and without a traceback."""
        (tmp_path / "yt_dlp.py").write_text("raise ImportError('this yt-dlp is broken')\n")
        processes = new_processes(warm=warm, PYTHONPATH=str(tmp_path))
        for _ in range(2):  # the second time the server is known to be dead
            failure = _failure(processes)
            assert failure.kind is Kind.ENVIRONMENT
            assert failure.message == "a fetch process could not be started: ImportError: this yt-dlp is broken"

    def test_broken_python(self, tmp_path: Path, new_processes: Callable[..., Processes]) -> None:
        """A Python that cannot even begin is `environment`."""
        processes = new_processes(PYTHONHOME=str(tmp_path))
        failure = _failure(processes)
        assert failure.kind is Kind.ENVIRONMENT
        assert "\n" not in failure.message

    def test_no_python(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, new_processes: Callable[..., Processes]
    ) -> None:
        """A Python that is gone is `environment`, and is named."""
        monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
        processes = new_processes()
        failure = _failure(processes)
        assert failure.kind is Kind.ENVIRONMENT
        assert str(tmp_path / "python") in failure.message

    @pytest.mark.parametrize("warm", [True, False], ids=["server", "once"])
    def test_after_close(self, family: Any, warm: bool, new_processes: Callable[..., Processes]) -> None:
        """A closed fetcher starts nothing any more."""
        processes = new_processes(warm=warm)
        processes.close()
        assert _failure(processes).kind is Kind.ENVIRONMENT
        assert not family.pids()


class TestOnce:
    """One process an order, as on systems where forking is not safe."""

    def test_fetch(
        self, family: Any, site: LoopbackSite, tmp_path: Path, new_processes: Callable[..., Processes]
    ) -> None:
        """It fetches as the server's processes do, and leaves neither a process nor a zombie."""
        processes = new_processes(warm=False)
        order = wire.Fetch(video(site.url("/clip.mp4")), tmp_path, ("127.0.0.1",))
        *_, last = processes.start(order).reports(CancelToken())
        assert last.result.files[0].sha256 == hashlib.sha256(site.file("clip.mp4").read_bytes()).hexdigest()
        assert not family.pids()
        assert not family.zombies(os.getpid())

    def test_cancel(
        self, family: Any, site: LoopbackSite, tmp_path: Path, pool: Any, new_processes: Callable[..., Processes]
    ) -> None:
        """A cancel ends it within seconds, without a zombie."""
        processes, cancel = new_processes(warm=False), CancelToken()
        order = wire.Fetch(video(site.url(DRIP)), tmp_path, ("127.0.0.1",))
        future = pool.submit(list, processes.start(order).reports(cancel))
        under_way(site)
        (worker,) = family.children()
        cancel.cancel("enough")
        with pytest.raises(Cancelled):
            future.result(timeout=WITHIN)
        assert not family.session(worker)
        assert not family.zombies(os.getpid())

    def test_cancel_before_it_began(
        self, family: Any, site: LoopbackSite, tmp_path: Path, new_processes: Callable[..., Processes]
    ) -> None:
        """A cancel that comes before the process has said a word ends it too."""
        processes, cancel = new_processes(warm=False), CancelToken()
        process = processes.start(wire.Fetch(video(site.url(DRIP)), tmp_path, ("127.0.0.1",)))
        cancel.cancel("enough")
        with pytest.raises(Cancelled):
            list(process.reports(cancel))
        assert not family.pids()
        assert not family.zombies(os.getpid())
        assert site.requests == ()

    def test_killed(
        self, family: Any, site: LoopbackSite, tmp_path: Path, pool: Any, new_processes: Callable[..., Processes]
    ) -> None:
        """Killed from outside it is `crashed`."""
        processes = new_processes(warm=False)
        order = wire.Fetch(video(site.url(DRIP)), tmp_path, ("127.0.0.1",))
        future = pool.submit(list, processes.start(order).reports(CancelToken()))
        under_way(site)
        (worker,) = family.children()
        os.kill(worker, signal.SIGKILL)
        with pytest.raises(FetchError) as caught:
            future.result(timeout=10)
        assert caught.value.failure.kind is Kind.CRASHED
        assert not family.zombies(os.getpid())


def test_two_at_once(
    fetcher: YtDlpFetcher, site: LoopbackSite, pages: Any, new_work: Callable[[], Any], tmp_path: Path, pool: Any
) -> None:
    """Two threads fetch at the same time, and each gets its own video."""
    names = ("second.mp4", "third.mp4")
    pages.meet = threading.Barrier(2)  # neither is served until the other one is asked for
    futures = []
    for name in names:
        folder = tmp_path / name
        folder.mkdir()
        url = pages.put(f"/{name}", "video/mp4", site.file(name).read_bytes())
        futures.append(pool.submit(fetcher.fetch, video(url), folder, new_work()))
    results = [future.result(timeout=60) for future in futures]
    for name, result in zip(names, results, strict=True):
        assert result.files[0].sha256 == hashlib.sha256(site.file(name).read_bytes()).hexdigest()
        assert result.files[0].path.parent == tmp_path / name


def _failure(processes: Processes) -> Failure:
    with pytest.raises(FetchError) as caught:
        list(processes.start(wire.Expand(Request("http://127.0.0.1:9/clip.mp4"), ())).reports(CancelToken()))
    return caught.value.failure
