"""Fetch processes: how they end, what is left of them, and what they may know."""

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from haulage.cancel import Cancelled, CancelToken
from haulage.plugin import Failure, FetchError, Kind, Request, Video
from haulage.testing import LoopbackSite
from haulage_ytdlp import wire
from haulage_ytdlp.fetcher import YtDlpFetcher
from haulage_ytdlp.process import Process, Processes

DRIP = "/drip/20/clip.mp4"
"""Takes half a day; a byte a second would have the tests wait a second for each first byte."""

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


def _under_way(site: LoopbackSite, path: str = DRIP) -> None:
    """Wait until a download has sent its first byte: the first request is a look at the headers."""
    site.wait_for(lambda requests: any(one.body_bytes and not one.ended for one in requests if one.path == path))


def _video(url: str) -> Video:
    return Video("generic", "clip", "", url)


def _parent(site: LoopbackSite, family: Any, folder: Path, how: str) -> "subprocess.Popen[bytes]":
    """Another process that is haulage and fetches."""
    return subprocess.Popen([sys.executable, "-c", PARENT, site.url(DRIP), str(folder), how], env=family.environ)


class TestCancel:
    def test_download(
        self, begin: Callable[..., Any], lasting_family: Any, work: Any, eventually: Callable[..., None]
    ) -> None:
        """A cancel ends a download that would take hours, and every process of it, within 5 seconds."""
        future = begin(DRIP, work)
        (worker,) = lasting_family.workers()
        assert lasting_family.session(worker) == {worker}
        began = time.monotonic()
        work.cancel.cancel("enough")
        with pytest.raises(Cancelled, match="enough"):
            future.result(timeout=10)
        assert time.monotonic() - began < 5
        eventually(
            lambda: not lasting_family.session(worker) and not lasting_family.workers(), 5 - (time.monotonic() - began)
        )

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
        future = pool.submit(fetcher.fetch, _video(pages.url("/list.m3u8")), tmp_path / "folder", work)
        eventually(lambda: len(family.workers()) == 2)
        (worker,) = [pid for pid in family.workers() if family.session(pid)]
        assert family.session(worker) == family.workers()
        if stopped:
            os.kill(worker, signal.SIGSTOP)
        began = time.monotonic()
        work.cancel.cancel("enough")
        with pytest.raises(Cancelled):
            future.result(timeout=10)
        eventually(lambda: not family.workers(), 5 - (time.monotonic() - began))

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
        fetcher = new_fetcher()
        future = pool.submit(fetcher.fetch, _video(site.url(DRIP)), tmp_path, work)
        eventually(family.children)
        (server,) = family.children()
        os.kill(server, signal.SIGSTOP)
        try:
            assert not site.requests
            began = time.monotonic()
            work.cancel.cancel("enough")
            with pytest.raises(Cancelled):
                future.result(timeout=10)
            assert time.monotonic() - began < 1
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
            fetcher.fetch(_video(site.url("/clip.mp4")), tmp_path, work)
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
            silent.settimeout(10)
            with silent.accept()[0]:
                work.cancel.cancel("enough")
                with pytest.raises(Cancelled):
                    future.result(timeout=5)
                eventually(lambda: not lasting_family.workers())

    def test_one_of_two(self, begin: Callable[..., Any], work: Any, new_work: Callable[[], Any]) -> None:
        """A cancel ends the work it is meant for, and no other."""
        other = new_work()
        first, second = begin(DRIP, work), begin("/drip/30/clip.mp4", other)
        work.cancel.cancel("enough")
        with pytest.raises(Cancelled):
            first.result(timeout=10)
        assert not second.done()
        other.cancel.cancel("enough")
        with pytest.raises(Cancelled):
            second.result(timeout=10)


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
    eventually(lambda: not lasting_family.session(worker), 2)


class TestDeath:
    @pytest.mark.parametrize("warm", [True, False], ids=["server", "once"])
    def test_of_haulage(
        self, family: Any, site: LoopbackSite, tmp_path: Path, eventually: Callable[..., None], warm: bool
    ) -> None:
        """When haulage is killed, everything that it has started is gone within 2 seconds."""
        parent = _parent(site, family, tmp_path, "warm" if warm else "once")
        _under_way(site)
        assert len(family.pids()) == (3 if warm else 2)
        parent.kill()
        parent.wait()
        eventually(lambda: not family.pids(), 2)

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

    def test_of_the_process(self, begin: Callable[..., Any], lasting_family: Any, work: Any) -> None:
        """A fetch process that is killed from outside is `crashed`."""
        future = begin(DRIP, work)
        (worker,) = lasting_family.workers()
        os.kill(worker, signal.SIGKILL)
        with pytest.raises(FetchError) as caught:
            future.result(timeout=10)
        assert caught.value.failure.kind is Kind.CRASHED
        assert caught.value.failure.message.endswith("before it had finished")
        (server,) = lasting_family.children()
        assert not lasting_family.zombies(server)

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
        result = fetcher.fetch(_video(site.url("/clip.mp4")), tmp_path, work)
        assert result.files[0].sha256 == hashlib.sha256(site.file("clip.mp4").read_bytes()).hexdigest()
        assert lasting_family.children() != {server}
        assert not lasting_family.zombies(os.getpid())

    def test_of_the_server_with_orders(
        self, family: Any, site: LoopbackSite, tmp_path: Path, pool: Any, new_processes: Callable[..., Processes]
    ) -> None:
        """An order that the server had not begun when it was killed is `crashed`, at once; one that runs goes on."""
        processes, cancel = new_processes(), CancelToken()
        order = wire.Fetch(_video(site.url(DRIP)), tmp_path, ("127.0.0.1",))
        running = pool.submit(list, processes.start(order).reports(cancel))
        _under_way(site)
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
        order = wire.Fetch(_video(site.url("/clip.mp4")), tmp_path, ("127.0.0.1",))
        *_, last = processes.start(order).reports(CancelToken())
        assert last.result.files[0].sha256 == hashlib.sha256(site.file("clip.mp4").read_bytes()).hexdigest()
        assert not family.pids()
        assert not family.zombies(os.getpid())

    def test_cancel(
        self, family: Any, site: LoopbackSite, tmp_path: Path, pool: Any, new_processes: Callable[..., Processes]
    ) -> None:
        """A cancel ends it within 5 seconds, without a zombie."""
        processes, cancel = new_processes(warm=False), CancelToken()
        order = wire.Fetch(_video(site.url(DRIP)), tmp_path, ("127.0.0.1",))
        future = pool.submit(list, processes.start(order).reports(cancel))
        _under_way(site)
        (worker,) = family.children()
        began = time.monotonic()
        cancel.cancel("enough")
        with pytest.raises(Cancelled):
            future.result(timeout=10)
        assert time.monotonic() - began < 5
        assert not family.session(worker)
        assert not family.zombies(os.getpid())

    def test_cancel_before_it_began(
        self, family: Any, site: LoopbackSite, tmp_path: Path, new_processes: Callable[..., Processes]
    ) -> None:
        """A cancel that comes before the process has said a word ends it too."""
        processes, cancel = new_processes(warm=False), CancelToken()
        process = processes.start(wire.Fetch(_video(site.url(DRIP)), tmp_path, ("127.0.0.1",)))
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
        order = wire.Fetch(_video(site.url(DRIP)), tmp_path, ("127.0.0.1",))
        future = pool.submit(list, processes.start(order).reports(CancelToken()))
        _under_way(site)
        (worker,) = family.children()
        os.kill(worker, signal.SIGKILL)
        with pytest.raises(FetchError) as caught:
            future.result(timeout=10)
        assert caught.value.failure.kind is Kind.CRASHED
        assert not family.zombies(os.getpid())


class TestKnowledge:
    def test_secrets(
        self,
        family: Any,
        site: LoopbackSite,
        work: Any,
        tmp_path: Path,
        pool: Any,
        new_fetcher: Callable[..., YtDlpFetcher],
    ) -> None:
        """Neither the server nor a fetch process is told the secrets of the environment."""
        secret = {"AWS_SECRET_ACCESS_KEY": "geheim", "HAULAGE_TOKEN": "geheim", "HTTP_PROXY": "http://u:geheim@p"}
        fetcher = new_fetcher(TZ="Asia/Tokyo", **secret)
        future = pool.submit(fetcher.fetch, _video(site.url(DRIP)), tmp_path, work)
        _under_way(site)
        assert len(family.pids()) == 2
        for pid in family.pids():
            told = Path(f"/proc/{pid}/environ").read_bytes()
            assert b"geheim" not in told
            assert b"TZ=Asia/Tokyo" in told
        work.cancel.cancel("enough")
        with pytest.raises(Cancelled):
            future.result(timeout=10)

    def test_proxy(
        self, site: LoopbackSite, work: Any, tmp_path: Path, new_fetcher: Callable[..., YtDlpFetcher]
    ) -> None:
        """A proxy of the environment is not used: the guard would watch the proxy's address only."""
        fetcher = new_fetcher(http_proxy="http://127.0.0.1:9")
        fetcher.fetch(_video(site.url("/clip.mp4")), tmp_path, work)

    def test_modules_of_the_current_folder(
        self,
        new_fetcher: Callable[..., YtDlpFetcher],
        site: LoopbackSite,
        work: Any,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Modules that lie in the current folder are not imported."""
        for name in ("yt_dlp", "json", "haulage", "haulage_ytdlp", "curl_cffi", "sitecustomize"):
            mark = "import pathlib\npathlib.Path(__file__).with_suffix('.read').touch()\n"
            (tmp_path / f"{name}.py").write_text(mark)
        monkeypatch.chdir(tmp_path)
        assert len(list(new_fetcher().expand(Request(site.url("/clip.mp4")), work))) == 1
        assert list(tmp_path.glob("*.read")) == []

    def test_plugins_of_yt_dlp(
        self, new_fetcher: Callable[..., YtDlpFetcher], site: LoopbackSite, work: Any, tmp_path: Path
    ) -> None:
        """Plugins of yt-dlp that are installed are not loaded."""
        plugin = tmp_path / "yt_dlp_plugins" / "extractor"
        plugin.mkdir(parents=True)
        (plugin / "mine.py").write_text(f"import pathlib\npathlib.Path({str(tmp_path / 'read')!r}).touch()\n")
        fetcher = new_fetcher(PYTHONPATH=f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}".rstrip(":"))
        assert len(list(fetcher.expand(Request(site.url("/clip.mp4")), work))) == 1
        assert not (tmp_path / "read").exists()

    def test_standard_input(self, begin: Callable[..., Any], lasting_family: Any, work: Any) -> None:
        """A fetch process has no hand in the server's socket, nor has what it starts."""
        future = begin(DRIP, work)
        (worker,) = lasting_family.workers()
        assert os.readlink(f"/proc/{worker}/fd/0") == os.devnull  # noqa: PTH115 - as the kernel writes it
        work.cancel.cancel("enough")
        with pytest.raises(Cancelled):
            future.result(timeout=10)


class TestClose:
    def test_leaves_nothing(
        self, new_fetcher: Callable[..., YtDlpFetcher], family: Any, site: LoopbackSite, work: Any, tmp_path: Path
    ) -> None:
        """After close no process is left, and no zombie; closing a second time is harmless."""
        fetcher = new_fetcher()
        fetcher.fetch(_video(site.url("/clip.mp4")), tmp_path, work)
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
        self, fetcher: YtDlpFetcher, site: LoopbackSite, work: Any, new_work: Callable[[], Any]
    ) -> None:
        """Work leaves no open file or socket behind."""
        url = site.url("/clip.mp4")
        list(fetcher.expand(Request(url), work))
        before = os.listdir("/proc/self/fd")  # noqa: PTH208 - names, not paths
        for _ in range(5):
            list(fetcher.expand(Request(url), new_work()))
        assert len(os.listdir("/proc/self/fd")) == len(before)  # noqa: PTH208


def test_two_at_once(
    fetcher: YtDlpFetcher, site: LoopbackSite, new_work: Callable[[], Any], tmp_path: Path, pool: Any
) -> None:
    """Two threads fetch at the same time, and each gets its own video."""
    names = ("second.mp4", "third.mp4")
    futures = []
    for name in names:
        folder = tmp_path / name
        folder.mkdir()
        path = f"/drip/{site.file(name).stat().st_size}/{name}"
        futures.append(pool.submit(fetcher.fetch, _video(site.url(path)), folder, new_work()))
    results = [future.result(timeout=20) for future in futures]
    for name, result in zip(names, results, strict=True):
        assert result.files[0].sha256 == hashlib.sha256(site.file(name).read_bytes()).hexdigest()
        assert result.files[0].path.parent == tmp_path / name
    one, other = (
        max((each for each in site.requests if name in each.path), key=lambda each: each.body_bytes) for name in names
    )
    assert max(one.at, other.at) < min(one.ended, other.ended)


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


def _failure(processes: Processes) -> Failure:
    with pytest.raises(FetchError) as caught:
        list(processes.start(wire.Expand(Request("http://127.0.0.1:9/clip.mp4"), ())).reports(CancelToken()))
    return caught.value.failure
