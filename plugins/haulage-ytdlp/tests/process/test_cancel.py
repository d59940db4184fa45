"""Fetch processes that are not needed any more: a cancel ends them, whatever they are about."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from program import WITHIN
from slow_video import DRIP, video

from haulage.cancel import Cancelled
from haulage.plugin import Request
from haulage.testing import LoopbackSite
from haulage_ytdlp.fetcher import YtDlpFetcher

WHILE_SOMETHING_IS_DESTROYED = """
import io, os, signal, sys, time
from haulage_ytdlp.child.leaving import heard, heed_sigterm

def end():
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(0)  # the handler has run by then

class Thing:
    def __del__(self):
        end()

class Stream(io.IOBase):
    @property
    def closed(self):
        end()

heed_sigterm()
try:
    globals()[sys.argv[1]]()
    time.sleep(20)
except SystemExit:
    time.sleep(0.3)  # as on a machine that is busy: it does not come again while it is under way
    heard()
    print("heard")
time.sleep(0.3)
print("and no more")
"""


class TestCancel:
    @pytest.mark.parametrize("what", ["Thing", "Stream"])
    def test_a_cancel_that_python_ignores_comes_again(self, what: str) -> None:
        """What a handler raises while an object is destroyed goes nowhere; the order ends all the same, and tidily."""
        command = [sys.executable, "-c", WHILE_SOMETHING_IS_DESTROYED, what]
        ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert (ran.stdout, ran.stderr) == ("heard\nand no more\n", ""), (
            "a cancel was not heard, and nothing is kept to go on with"
        )

    def test_download(
        self, begin: Callable[..., Any], lasting_family: Any, work: Any, eventually: Callable[..., None]
    ) -> None:
        """A cancel ends a download that would take hours, and every process of it, within seconds."""
        future = begin(DRIP, work)
        (worker,) = lasting_family.workers()
        assert lasting_family.session(worker) == {worker}
        work.cancel.cancel("enough")
        with pytest.raises(Cancelled, match="enough"):
            future.result(timeout=WITHIN)
        eventually(lambda: not lasting_family.session(worker) and not lasting_family.workers(), WITHIN)

    @pytest.mark.parametrize("stopped", [False, True], ids=["running", "stopped"])
    def test_program_that_hangs(
        self,
        pages: Any,
        hls: dict[str, bytes],
        family: Any,
        work: Any,
        tmp_path: Path,
        pool: Any,
        eventually: Callable[..., None],
        new_fetcher: Callable[..., YtDlpFetcher],
        stopped: bool,
    ) -> None:
        """A cancel ends a program that the process has started and that heeds no SIGTERM, whatever its parent does."""
        (tmp_path / "bin").mkdir()
        program = tmp_path / "bin" / "ffmpeg"
        program.write_text("#!/bin/sh\ntrap '' TERM\nexec sleep 600\n")
        program.chmod(0o755)
        (tmp_path / "folder").mkdir()
        for name, body in hls.items():
            pages.put(f"/{name}", "application/x-mpegurl" if name.endswith("m3u8") else "video/mp2t", body)
        fetcher = new_fetcher(PATH=f"{program.parent}:{os.environ['PATH']}")
        future = pool.submit(fetcher.fetch, video(pages.url("/list.m3u8")), tmp_path / "folder", work)
        eventually(lambda: len(family.workers()) == 2)
        (worker,) = [pid for pid in family.workers() if family.session(pid)]
        assert family.session(worker) == family.workers()
        if stopped:
            os.kill(worker, signal.SIGSTOP)
        work.cancel.cancel("enough")
        with pytest.raises(Cancelled):
            future.result(timeout=WITHIN)
        eventually(lambda: not family.workers(), WITHIN)

    def test_while_the_server_starts(
        self,
        new_fetcher: Callable[..., YtDlpFetcher],
        family: Any,
        site: LoopbackSite,
        work: Any,
        new_work: Callable[[], Any],
        tmp_path: Path,
        pool: Any,
        eventually: Callable[..., None],
    ) -> None:
        """A cancel does not wait for the server to be ready, and what was cancelled is not done once it is."""
        (tmp_path / "sitecustomize.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)\n")
        fetcher = new_fetcher(PYTHONPATH=str(tmp_path))
        (tmp_path / "folder").mkdir()
        future = pool.submit(fetcher.fetch, video(site.url(DRIP)), tmp_path / "folder", work)
        eventually(lambda: [family.state(each) for each in family.children()] == ["T"], 60)
        (server,) = family.children()
        try:
            assert not site.requests
            work.cancel.cancel("enough")
            with pytest.raises(Cancelled):
                future.result(timeout=WITHIN)  # a server that is stopped is never ready
        finally:
            os.kill(server, signal.SIGCONT)
        list(fetcher.expand(Request(site.url("/clip.mp4")), new_work()))
        eventually(lambda: not family.workers())
        assert site.requests == ()
        assert family.children() == {server}

    def test_before(self, fetcher: YtDlpFetcher, site: LoopbackSite, work: Any, tmp_path: Path) -> None:
        """Work that was cancelled before it began does not begin."""
        work.cancel.cancel("never mind")
        with pytest.raises(Cancelled):
            fetcher.fetch(video(site.url("/clip.mp4")), tmp_path, work)
        with pytest.raises(Cancelled):
            list(fetcher.expand(Request(site.url("/page")), work))
        assert site.requests == ()

    def test_expand(
        self, fetcher: YtDlpFetcher, lasting_family: Any, work: Any, pool: Any, eventually: Callable[..., None]
    ) -> None:
        """A cancel ends a look at a page that does not answer."""
        with socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"http://127.0.0.1:{silent.getsockname()[1]}/page"
            future = pool.submit(list, fetcher.expand(Request(url), work))
            silent.settimeout(60)
            with silent.accept()[0]:
                work.cancel.cancel("enough")
                with pytest.raises(Cancelled):
                    future.result(timeout=WITHIN)
                eventually(lambda: not lasting_family.workers())

    def test_one_of_two(self, begin: Callable[..., Any], work: Any, new_work: Callable[[], Any]) -> None:
        """A cancel ends the work it is meant for, and no other."""
        other = new_work()
        first, second = begin(DRIP, work), begin("/drip/30/clip.mp4", other)
        work.cancel.cancel("enough")
        with pytest.raises(Cancelled):
            first.result(timeout=WITHIN)
        assert not second.done()
        other.cancel.cancel("enough")
        with pytest.raises(Cancelled):
            second.result(timeout=WITHIN)


def test_closing_the_iterator(
    fetcher: YtDlpFetcher, lasting_family: Any, pages: Any, work: Any, eventually: Callable[..., None]
) -> None:
    """Closing the iterator of a long list early ends the process that reads it."""
    items = "".join(f"<item><link>{pages.url(f'/{number}')}</link></item>" for number in range(3000))
    url = pages.put("/feed", "application/rss+xml", f"<rss version='2.0'><channel>{items}</channel></rss>")
    found = fetcher.expand(Request(url), work)
    assert next(found) == Request(pages.url("/0"))
    (worker,) = lasting_family.workers()
    found.close()
    eventually(lambda: not lasting_family.session(worker), WITHIN)
