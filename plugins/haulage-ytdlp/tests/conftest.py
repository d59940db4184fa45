"""What the tests of the fetcher share: sites that are asked, work that asks, and the processes that come of it."""

import contextlib
import os
import re
import signal
import socketserver
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from attrs import frozen
from program import WITHIN

from haulage.plugin import BuildContext, FetchResult, Video
from haulage.testing import Call, LoopbackSite, ffmpeg
from haulage_ytdlp.fetcher import YtDlpFetcher
from haulage_ytdlp.options import YtDlpOptions
from haulage_ytdlp.process import Processes

VARIANTS = {"small": YtDlpOptions(max_height=180)}
"""The variants of the fetchers here."""


class Pages:
    """A web site whose pages a test writes itself, at an address of its choice."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.asked: list[str] = []
        self.headers: dict[str, dict[str, str]] = {}
        self.meet: threading.Barrier | None = None  # answers wait for each other there
        self._pages: dict[str, tuple[int, str, bytes]] = {}
        pages = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                pages.asked.append(self.path)
                pages.headers[self.path] = dict(self.headers)
                if pages.meet is not None:
                    pages.meet.wait(15)
                status, media_type, body = pages._pages.get(self.path, (404, "text/plain", b"no"))
                self.send_response(status)
                self.send_header("Content-Type", media_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                with contextlib.suppress(ConnectionError):
                    self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True

        self._server = Server((host, 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def put(self, path: str, media_type: str, body: bytes | str, status: int = 200) -> str:
        """Serve a page from now on, and return its URL."""
        self._pages[path] = (status, media_type, body.encode() if isinstance(body, str) else body)
        return self.url(path)

    def url(self, path: str) -> str:
        """The URL of a path."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}{path}"

    def stop(self) -> None:
        """Serve no more."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _stat(pid: int) -> tuple[str, int, int] | None:
    """State, parent and session of a process, or None where there is none."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (OSError, IndexError):
        return None
    return words[0], int(words[1]), int(words[3])


def _all_pids() -> list[int]:
    return [int(each) for each in os.listdir("/proc") if each.isdecimal()]  # noqa: PTH208 - names, not paths


class Family:
    """The processes that were started with an environment of this test's, as /proc knows them."""

    def __init__(self) -> None:
        self._mark = uuid.uuid4().hex
        # Variables whose names begin so are handed on to fetch processes.
        self.environ = dict(os.environ) | {"LC_HAULAGE_TEST": self._mark}

    def pids(self) -> set[int]:
        """Those that live."""
        found = set()
        for pid in _all_pids():
            with contextlib.suppress(OSError):
                if self._mark.encode() in Path(f"/proc/{pid}/environ").read_bytes():
                    found.add(pid)
        return found

    def children(self) -> set[int]:
        """Those that live and that this process started itself."""
        return {pid for pid in self.pids() if (stat := _stat(pid)) and stat[1] == os.getpid()}

    def workers(self) -> set[int]:
        """Those that live and that were started by others of them."""
        return self.pids() - self.children()

    @staticmethod
    def session(leader: int) -> set[int]:
        """All that live in a session."""
        return {pid for pid in _all_pids() if (stat := _stat(pid)) and stat[2] == leader and stat[0] not in "ZX"}

    @staticmethod
    def zombies(parent: int) -> set[int]:
        """The dead children of a process that it has not asked about."""
        return {pid for pid in _all_pids() if (stat := _stat(pid)) and stat[1] == parent and stat[0] == "Z"}

    @staticmethod
    def state(pid: int) -> str:
        """The letter of a process's state; empty where there is none."""
        stat = _stat(pid)
        return stat[0] if stat else ""


@frozen
class Looked:
    """What the ffmpeg program says of a file."""

    duration: float
    width: int | None
    height: int | None
    video_codec: str | None
    audio_codec: str | None


def _look(path: Path) -> Looked:
    said = subprocess.run([ffmpeg(), "-hide_banner", "-i", str(path)], capture_output=True, text=True).stderr
    hours, minutes, seconds = re.search(r"Duration: (\d+):(\d+):([\d.]+)", said).groups()
    video = re.search(r"Video: (\w+).*?, (\d+)x(\d+)", said)
    audio = re.search(r"Audio: (\w+)", said)
    return Looked(
        int(hours) * 3600 + int(minutes) * 60 + float(seconds),
        int(video[2]) if video else None,
        int(video[3]) if video else None,
        video[1] if video else None,
        audio[1] if audio else None,
    )


def _kill(pids: set[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _must_be_gone(pids: Callable[[], set[int]]) -> None:
    end = time.monotonic() + WITHIN
    while (left := pids()) and time.monotonic() < end:
        time.sleep(0.01)
    _kill(left)  # they would hold up the tests that follow
    assert not left, "the test left processes behind"


@pytest.fixture(scope="session")
def shared_site() -> Iterator[LoopbackSite]:
    """One site for all, so that media are made once."""
    with LoopbackSite() as site:
        for name in site.recipes:
            site.file(name)
        yield site


@pytest.fixture
def site(shared_site: LoopbackSite) -> LoopbackSite:
    """The site with an empty log."""
    shared_site.wait_for(lambda requests: all(one.ended is not None for one in requests))
    shared_site.clear()
    return shared_site


@pytest.fixture(scope="session")
def hls(tmp_path_factory: pytest.TempPathFactory, shared_site: LoopbackSite) -> dict[str, bytes]:
    """A clip of 4 s as an HLS list and its segments, by file name."""
    folder = tmp_path_factory.mktemp("hls")
    clip = str(shared_site.file("clip.mp4"))
    # A key frame each second, for there to be several segments.
    codecs = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-c:a", "copy"]
    cutting = ["-f", "hls", "-hls_time", "1", "-hls_list_size", "0", "-hls_playlist_type", "vod"]
    subprocess.run(
        [ffmpeg(), "-loglevel", "error", "-i", clip, *codecs, *cutting, str(folder / "list.m3u8")],
        check=True,
        timeout=60,
    )
    return {each.name: each.read_bytes() for each in folder.iterdir()}


@pytest.fixture
def pages() -> Iterator[Pages]:
    """A site at 127.0.0.1 for pages of the test's own."""
    pages = Pages()
    yield pages
    pages.stop()


@pytest.fixture
def elsewhere() -> Iterator[Pages]:
    """A site at 127.0.0.2, which no test allows."""
    pages = Pages("127.0.0.2")
    yield pages
    pages.stop()


@pytest.fixture
def work() -> Call:
    """A Context."""
    return Call()


@pytest.fixture
def new_work() -> type[Call]:
    """Makes more of them."""
    return Call


@pytest.fixture
def look() -> Callable[[Path], Looked]:
    """Asks the ffmpeg program about a file."""
    return _look


@pytest.fixture
def eventually() -> Callable[..., None]:
    """Waits for a condition, and fails if it does not come true in time; a server may take 20 s to start."""

    def wait(condition: Callable[[], object], seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"not within {seconds} s"
            time.sleep(0.01)

    return wait


@pytest.fixture
def family() -> Iterator[Family]:
    """The processes of what this test starts for itself; none may be left after it."""
    family = Family()
    yield family
    _must_be_gone(family.pids)


@pytest.fixture
def new_fetcher(family: Family) -> Iterator[Callable[..., YtDlpFetcher]]:
    """Makes fetchers whose processes are the test's family; they may reach 127.0.0.1 unless told otherwise."""
    made = []

    def make(
        private_hosts: tuple[str, ...] = ("127.0.0.1",), options: YtDlpOptions | None = None, **environ: str
    ) -> YtDlpFetcher:
        context = BuildContext("fetcher", Path(), family.environ | environ, private_hosts, VARIANTS)
        made.append(YtDlpFetcher(options or YtDlpOptions(), context))
        return made[-1]

    yield make
    for fetcher in made:
        fetcher.close()


@pytest.fixture
def new_processes(family: Family) -> Iterator[Callable[..., Processes]]:
    """Makes starters of processes, which are the test's family."""
    made = []

    def make(*, warm: bool = True, **environ: str) -> Processes:
        made.append(Processes(family.environ | environ, warm=warm))
        return made[-1]

    yield make
    for processes in made:
        processes.close()


@pytest.fixture(scope="session")
def lasting() -> Iterator[tuple[Family, YtDlpFetcher]]:
    """A fetcher for all tests that do not end or change it, since a server takes its time to start."""
    family = Family()
    fetcher = YtDlpFetcher(YtDlpOptions(), BuildContext("fetcher", Path(), family.environ, ("127.0.0.1",), VARIANTS))
    yield family, fetcher
    fetcher.close()


@pytest.fixture(scope="session")
def fetcher(lasting: tuple[Family, YtDlpFetcher]) -> YtDlpFetcher:
    """The fetcher of all tests; it may reach 127.0.0.1."""
    return lasting[1]


@pytest.fixture
def lasting_family(lasting: tuple[Family, YtDlpFetcher]) -> Iterator[Family]:
    """The processes of the fetcher of all tests; none but its server may be left after a test."""
    family = lasting[0]
    yield family
    _must_be_gone(family.workers)


@pytest.fixture
def pool(family: Family, lasting: tuple[Family, YtDlpFetcher]) -> Iterator[ThreadPoolExecutor]:
    """Threads to fetch in. What a test that failed has left running there is killed, for the others to begin."""
    pool = ThreadPoolExecutor(4)
    yield pool
    rescue = threading.Timer(10, lambda: _kill(family.pids() | lasting[0].workers()))
    rescue.start()
    pool.shutdown()
    rescue.cancel()
    rescue.join()


@pytest.fixture
def begin(
    pool: ThreadPoolExecutor, fetcher: YtDlpFetcher, site: LoopbackSite, tmp_path: Path
) -> Callable[..., "Future[FetchResult]"]:
    """Starts a fetch of a path of the site in a thread, and returns when the first byte of the file was sent."""

    def start(path: str, work: Call) -> "Future[FetchResult]":
        folder = tmp_path / uuid.uuid4().hex
        folder.mkdir()
        earlier = len(site.log(path))
        video = Video("generic", "clip", "", site.url(path))
        future = pool.submit(fetcher.fetch, video, folder, work)
        # The first request is yt-dlp's look at the headers, the second one the download.
        site.wait_for(
            lambda requests: any(one.body_bytes for one in [one for one in requests if one.path == path][earlier + 1 :])
        )
        return future

    return start
