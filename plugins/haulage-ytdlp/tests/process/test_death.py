"""Fetch processes that die, whose haulage or whose server dies, or that are closed: nothing is left of them."""

import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from program import WITHIN
from slow_video import DRIP, under_way, video

from haulage.cancel import Cancelled, CancelToken
from haulage.plugin import FetchError, Kind, Request
from haulage.testing import LoopbackSite
from haulage_ytdlp import wire
from haulage_ytdlp.fetcher import YtDlpFetcher
from haulage_ytdlp.process import Processes

PARENT = """
import os, sys
from pathlib import Path
from haulage.cancel import CancelToken
from haulage.plugin import Video
from haulage_ytdlp import wire
from haulage_ytdlp.process import Processes

url, folder, how = sys.argv[1:]
order = wire.Fetch(Video("generic", "clip", "", url), Path(folder), ("127.0.0.1",))
list(Processes(os.environ, warm=how == "warm").start(order).reports(CancelToken()))
"""


def _parent(site: LoopbackSite, family: Any, folder: Path, how: str) -> "subprocess.Popen[bytes]":
    """Another process that is haulage and fetches."""
    return subprocess.Popen([sys.executable, "-c", PARENT, site.url(DRIP), str(folder), how], env=family.environ)


class TestDeath:
    @pytest.mark.parametrize("warm", [True, False], ids=["server", "once"])
    def test_of_haulage(
        self, family: Any, site: LoopbackSite, tmp_path: Path, eventually: Callable[..., None], warm: bool
    ) -> None:
        """When haulage is killed, everything that it has started is gone within seconds."""
        parent = _parent(site, family, tmp_path, "warm" if warm else "once")
        under_way(site)
        assert len(family.pids()) == (3 if warm else 2)
        parent.kill()
        parent.wait()
        eventually(lambda: not family.pids(), WITHIN)

    def test_of_haulage_while_the_server_starts(
        self, family: Any, site: LoopbackSite, tmp_path: Path, eventually: Callable[..., None]
    ) -> None:
        """A server whose haulage died before it was ready does not stay, and does nothing."""
        parent = _parent(site, family, tmp_path, "warm")
        eventually(lambda: family.pids() - {parent.pid})
        parent.kill()
        parent.wait()
        eventually(lambda: not family.pids(), 30)  # it has all of yt-dlp to import first, on a machine that is busy
        assert site.requests == ()

    def test_of_the_process(
        self, begin: Callable[..., Any], lasting_family: Any, work: Any, eventually: Callable[..., None]
    ) -> None:
        """A fetch process that is killed from outside is `crashed`, and the server does not keep its zombie."""
        future = begin(DRIP, work)
        (worker,) = lasting_family.workers()
        os.kill(worker, signal.SIGKILL)
        with pytest.raises(FetchError) as caught:
            future.result(timeout=10)
        assert caught.value.failure.kind is Kind.CRASHED
        assert caught.value.failure.message.endswith("before it had finished")
        (server,) = lasting_family.children()
        eventually(lambda: not lasting_family.zombies(server), WITHIN)

    def test_of_the_server(
        self,
        fetcher: YtDlpFetcher,
        lasting_family: Any,
        site: LoopbackSite,
        work: Any,
        tmp_path: Path,
        eventually: Callable[..., None],
    ) -> None:
        """After the server was killed from outside, the next order finds a new one."""
        list(fetcher.expand(Request(site.url("/clip.mp4")), work))
        (server,) = lasting_family.children()
        os.kill(server, signal.SIGKILL)
        eventually(lambda: lasting_family.state(server) in ("Z", ""))
        result = fetcher.fetch(video(site.url("/clip.mp4")), tmp_path, work)
        assert result.files[0].sha256 == hashlib.sha256(site.file("clip.mp4").read_bytes()).hexdigest()
        assert lasting_family.children() != {server}
        assert not lasting_family.zombies(os.getpid())

    def test_of_the_server_with_orders(
        self, family: Any, site: LoopbackSite, tmp_path: Path, pool: Any, new_processes: Callable[..., Processes]
    ) -> None:
        """An order that the server had not begun when it was killed is `crashed`, at once; one that runs goes on."""
        processes, cancel = new_processes(), CancelToken()
        order = wire.Fetch(video(site.url(DRIP)), tmp_path, ("127.0.0.1",))
        running = pool.submit(list, processes.start(order).reports(cancel))
        under_way(site)
        (server,) = family.children()
        os.kill(server, signal.SIGSTOP)
        waiting = processes.start(wire.Expand(Request(site.url("/clip.mp4")), ())).reports(CancelToken())
        os.kill(server, signal.SIGKILL)
        with pytest.raises(FetchError) as caught:
            pool.submit(list, waiting).result(timeout=3)
        assert caught.value.failure.kind is Kind.CRASHED
        assert not running.done()
        cancel.cancel("enough")
        with pytest.raises(Cancelled):
            running.result(timeout=10)


class TestClose:
    def test_leaves_nothing(
        self, new_fetcher: Callable[..., YtDlpFetcher], family: Any, site: LoopbackSite, work: Any, tmp_path: Path
    ) -> None:
        """After close no process is left, and no zombie; closing a second time is harmless."""
        fetcher = new_fetcher()
        fetcher.fetch(video(site.url("/clip.mp4")), tmp_path, work)
        assert family.pids()
        fetcher.close()
        fetcher.close()
        assert not family.pids()
        assert not family.zombies(os.getpid())

    def test_server_that_hears_nothing(
        self, new_fetcher: Callable[..., YtDlpFetcher], family: Any, site: LoopbackSite, work: Any, pool: Any
    ) -> None:
        """A server that is stopped and could not end itself does not hold up the close."""
        fetcher = new_fetcher()
        list(fetcher.expand(Request(site.url("/clip.mp4")), work))
        (server,) = family.children()
        os.kill(server, signal.SIGSTOP)
        pool.submit(fetcher.close).result(timeout=5)
        assert not family.pids()

    def test_descriptors(
        self,
        fetcher: YtDlpFetcher,
        site: LoopbackSite,
        work: Any,
        new_work: Callable[[], Any],
        eventually: Callable[..., None],
    ) -> None:
        """Work leaves no open file or socket behind."""
        url = site.url("/clip.mp4")
        list(fetcher.expand(Request(url), work))
        before = os.listdir("/proc/self/fd")  # noqa: PTH208 - names, not paths
        for _ in range(5):
            list(fetcher.expand(Request(url), new_work()))
        # The site is in this process too, and closes its ends when its threads have the time.
        eventually(lambda: len(os.listdir("/proc/self/fd")) <= len(before))  # noqa: PTH208
