"""The guard at work: what a process that has installed it can reach, and what can be fetched through it."""

import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from haulage.plugin import BuildContext, Failure, FetchError, Kind, Request, Video
from haulage.testing import LoopbackSite, ffmpeg
from haulage_ytdlp.fetcher import YtDlpFetcher
from haulage_ytdlp.options import YtDlpOptions

INSTALLED = """
import json, os, socket, subprocess, sys
from haulage_ytdlp.child import guard
guard.install(tuple(json.loads(sys.argv[1])))
try:
    {deed}
    print("done")
except guard.Refused as refusal:
    print(type(refusal).__name__)
"""


def _try(deed: str, *private_hosts: str, folder: Path | None = None) -> str:
    """Do something in a process of its own under the guard: hooks cannot be taken away again."""
    run = subprocess.run(
        [sys.executable, "-c", INSTALLED.format(deed=deed), json.dumps(private_hosts)],
        capture_output=True,
        text=True,
        timeout=30,
        cwd=folder,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A socket that nobody has ever connected to."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        yield listener


def _untouched(listener: socket.socket) -> bool:
    try:
        listener.accept()[0].close()
    except BlockingIOError:
        return True
    return False


class TestInstalled:
    @pytest.mark.parametrize(
        "deed",
        [
            "socket.create_connection(('127.0.0.1', {port}))",
            "socket.create_connection(('localhost', {port}))",
            "socket.socket().connect(('127.0.0.1', {port}))",
            "socket.socket().connect_ex(('127.0.0.1', {port}))",
            "socket.socket(socket.AF_INET6).connect(('::ffff:127.0.0.1', {port}))",
            "socket.socket().connect(('0.0.0.0', {port}))",
            "socket.socket().connect(('127.1', {port}))",
            "socket.socket().connect(('localhost', {port}))",
            "__import__('http.client').client.HTTPConnection('127.0.0.1', {port}).request('GET', '/')",
            "__import__('_socket').socket().connect(('127.0.0.1', {port}))",
        ],
    )
    def test_connect(self, listener: socket.socket, deed: str) -> None:
        """By none of Python's ways is an internal address connected to."""
        assert _try(deed.format(port=listener.getsockname()[1])) == "AddressRefused"
        assert _untouched(listener)

    def test_connect_let_through(self, listener: socket.socket) -> None:
        """The same way leads to an address that was named: it is the guard that refuses, and nothing else."""
        deed = f"socket.create_connection(('127.0.0.1', {listener.getsockname()[1]}))"
        assert _try(deed, "127.0.0.1") == "done"
        assert not _untouched(listener)

    @pytest.mark.parametrize(
        "deed", ["sendto(b'x', ('127.0.0.1', {port}))", "sendmsg([b'x'], [], 0, ('127.0.0.1', {port}))"]
    )
    def test_datagrams(self, deed: str) -> None:
        """No datagram is sent to an internal address."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
            receiver.bind(("127.0.0.1", 0))
            receiver.setblocking(False)
            deed = f"socket.socket(socket.AF_INET, socket.SOCK_DGRAM).{deed}".format(port=receiver.getsockname()[1])
            assert _try(deed) == "AddressRefused"
            with pytest.raises(BlockingIOError):
                receiver.recv(1)
            assert _try(deed, "127.0.0.1") == "done"
            assert receiver.recv(1) == b"x"

    def test_unix_socket(self, tmp_path: Path) -> None:
        """A socket file of this machine is not connected to."""
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(tmp_path / "s"))
            listener.listen()
            listener.setblocking(False)
            assert _try(f"socket.socket(socket.AF_UNIX).connect({str(tmp_path / 's')!r})") == "AddressRefused"
            assert _untouched(listener)

    @pytest.mark.parametrize(
        "deed",
        [
            "subprocess.run(['touch', {mark}])",
            "subprocess.run('touch ' + {mark}, shell=True)",
            "subprocess.run(['ffmpeg', {mark}], executable='touch')",
            "os.system('touch ' + {mark})",
            "os.popen('touch ' + {mark}).read()",
            "os.posix_spawnp('touch', ['touch', {mark}], os.environ)",
            "os.spawnlp(os.P_WAIT, 'touch', 'touch', {mark}) and sys.exit(0)",
            "os.execlp('touch', 'touch', {mark})",
            "__import__('pty').spawn(['touch', {mark}])",
        ],
    )
    def test_programs(self, tmp_path: Path, deed: str) -> None:
        """By none of Python's ways is a program started that is not needed."""
        _try(deed.format(mark=repr(str(tmp_path / "mark"))))
        assert not (tmp_path / "mark").exists()

    def test_ffmpeg_on_a_file(self, site: LoopbackSite, tmp_path: Path) -> None:
        """FFmpeg may be started on a file of the current folder, and on none elsewhere, whatever leads there."""
        clip = site.file("clip.mp4")
        (tmp_path / "link.mp4").symlink_to(clip)
        deed = f"subprocess.run([{ffmpeg()!r}, '-v', 'error', '-i', {{!r}}, '-f', 'null', '-'], check=True)"
        assert _try(deed.format(str(clip)), folder=clip.parent) == "done"
        assert _try(deed.format("file:clip.mp4"), folder=clip.parent) == "done"
        for path in (str(clip), clip.as_uri(), "file:link.mp4"):
            assert _try(deed.format(path), folder=tmp_path) == "ProgramRefused"

    @pytest.mark.parametrize(
        "url", ["http://127.0.0.1:{port}/x.mp4", "http:127.0.0.1:{port}/x", "tcp:127.0.0.1:{port}"]
    )
    def test_ffmpeg_on_the_network(self, listener: socket.socket, url: str) -> None:
        """FFmpeg may not be started on the network, not even where Python might connect, in any of its writings."""
        url = url.format(port=listener.getsockname()[1])
        assert (
            _try(f"subprocess.run([{ffmpeg()!r}, '-i', {url!r}, '-f', 'null', '-'])", "127.0.0.1") == "ProgramRefused"
        )
        assert _untouched(listener)


def _refused(fetcher: YtDlpFetcher, url: str, folder: Path, work: Any) -> Failure:
    with pytest.raises(FetchError) as caught:
        fetcher.fetch(Video("generic", "clip", "", url), folder, work)
    return caught.value.failure


class TestEndToEnd:
    def test_loopback(self, unprivileged: YtDlpFetcher, listener: socket.socket, work: Any, tmp_path: Path) -> None:
        """An internal address is `unavailable`, said so, and never connected to, neither to expand nor to fetch."""
        base = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(FetchError) as caught:
            list(unprivileged.expand(Request(f"{base}/page"), work))
        for failure in (caught.value.failure, _refused(unprivileged, f"{base}/clip.mp4", tmp_path, work)):
            assert failure.kind is Kind.UNAVAILABLE
            assert failure.message == "127.0.0.1 is an internal address"
            assert "private_hosts" in failure.cure
        assert _untouched(listener)

    @pytest.mark.parametrize(
        "host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f.0.0.1", "[::ffff:127.0.0.1]"]
    )
    def test_writings(
        self, unprivileged: YtDlpFetcher, site: LoopbackSite, work: Any, tmp_path: Path, host: str
    ) -> None:
        """However the host is written, not a single request reaches the site."""
        url = site.url("/clip.mp4").replace("127.0.0.1", host)
        assert _refused(unprivileged, url, tmp_path, work).kind is Kind.UNAVAILABLE
        assert site.requests == ()

    @pytest.mark.parametrize(
        ("private_host", "host"), [("127.0.0.1", "127.0.0.1"), ("127.0.0.0/8", "localhost"), ("LocalHost", "localhost")]
    )
    def test_private_host(
        self,
        new_fetcher: Callable[..., YtDlpFetcher],
        site: LoopbackSite,
        work: Any,
        tmp_path: Path,
        private_host: str,
        host: str,
    ) -> None:
        """A host that was named by its name, its address or its block is fetched from."""
        url = site.url("/clip.mp4").replace("127.0.0.1", host)
        result = new_fetcher((private_host,)).fetch(Video("generic", "clip", "", url), tmp_path, work)
        assert result.files[0].path.read_bytes() == site.file("clip.mp4").read_bytes()

    def test_name_is_not_its_address(
        self, new_fetcher: Callable[..., YtDlpFetcher], site: LoopbackSite, work: Any, tmp_path: Path
    ) -> None:
        """A host that was named by its name may not be reached by its address alone."""
        fetcher = new_fetcher(("localhost",))
        assert _refused(fetcher, site.url("/clip.mp4"), tmp_path, work).kind is Kind.UNAVAILABLE
        assert site.requests == ()

    def test_redirect(
        self, fetcher: YtDlpFetcher, site: LoopbackSite, elsewhere: Any, work: Any, tmp_path: Path
    ) -> None:
        """A redirect from a host that is let through to one that is not is refused, and never followed."""
        target = elsewhere.put("/clip.mp4", "video/mp4", site.file("clip.mp4").read_bytes())
        failure = _refused(fetcher, site.redirect(target), tmp_path, work)
        assert (failure.kind, failure.message) == (Kind.UNAVAILABLE, "127.0.0.2 is an internal address")
        assert [one.status for one in site.requests] == [302]
        assert elsewhere.asked == []

    @pytest.mark.parametrize(
        ("target", "shown"),
        [
            ("http://169.254.169.254/latest/meta-data/clip.mp4", "169.254.169.254"),
            ("http://[::1]/clip.mp4", "::1"),
            ("http://[::ffff:10.0.0.1]/clip.mp4", "::ffff:10.0.0.1"),
            ("http://0.0.0.0/clip.mp4", "0.0.0.0"),
        ],
    )
    def test_redirect_to(
        self, fetcher: YtDlpFetcher, site: LoopbackSite, work: Any, tmp_path: Path, target: str, shown: str
    ) -> None:
        """A redirect into a cloud's metadata service, or to anything else inside, is refused."""
        failure = _refused(fetcher, site.redirect(target), tmp_path, work)
        assert failure.kind is Kind.UNAVAILABLE
        assert failure.message == f"{shown} is an internal address"

    def test_embedded(
        self, fetcher: YtDlpFetcher, site: LoopbackSite, pages: Any, elsewhere: Any, work: Any, tmp_path: Path
    ) -> None:
        """A video that a page embeds from an internal address is not fetched."""
        target = elsewhere.put("/clip.mp4", "video/mp4", site.file("clip.mp4").read_bytes())
        url = pages.put("/watch", "text/html", f'<html><meta property="og:video" content="{target}"></html>')
        assert _refused(fetcher, url, tmp_path, work).kind is Kind.UNAVAILABLE
        assert elsewhere.asked == []

    @pytest.mark.parametrize(
        ("lines", "why"),
        [
            ("", "a live or protected stream"),
            ("#EXT-X-MEDIA-SEQUENCE:7\n", "a live or protected stream"),
            ("#EXT-X-KEY:METHOD=SAMPLE-AES,URI='k'\n#EXT-X-ENDLIST\n", "a live or protected stream"),
            ("#EXT-X-ENDLIST\n", "127.0.0.2 is an internal address"),
        ],
        ids=["live", "live and long", "encrypted", "ended"],
    )
    def test_hls(
        self,
        fetcher: YtDlpFetcher,
        pages: Any,
        elsewhere: Any,
        hls: dict[str, bytes],
        work: Any,
        pool: Any,
        tmp_path: Path,
        lines: str,
        why: str,
    ) -> None:
        """A list whose segments lie inside is `unavailable`, also where yt-dlp would have left it to FFmpeg."""
        segment = elsewhere.put("/list0.ts", "video/mp2t", hls["list0.ts"])
        head = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n"
        url = pages.put("/list.m3u8", "application/vnd.apple.mpegurl", f"{head}{lines}#EXTINF:1.0,\n{segment}\n")
        future = pool.submit(_refused, fetcher, url, tmp_path, work)
        try:
            failure = future.result(timeout=20)
        finally:
            work.cancel.cancel("FFmpeg would go on for ever with a list that never ends")
        assert (failure.kind, failure.message.partition(",")[0]) == (Kind.UNAVAILABLE, why)
        assert elsewhere.asked == []

    @pytest.mark.parametrize(
        "url", ["file:///etc/passwd", "file:/etc/passwd", "FILE:///etc/hostname", "file://localhost/a"]
    )
    def test_local_files(self, fetcher: YtDlpFetcher, work: Any, tmp_path: Path, url: str) -> None:
        """Files of this machine are no videos, neither to expand nor to fetch."""
        with pytest.raises(FetchError) as caught:
            list(fetcher.expand(Request(url), work))
        assert caught.value.failure.kind is Kind.UNAVAILABLE
        assert _refused(fetcher, url, tmp_path, work).kind is Kind.UNAVAILABLE

    def test_local_media_file(self, fetcher: YtDlpFetcher, site: LoopbackSite, work: Any, tmp_path: Path) -> None:
        """A medium of this machine is not fetched, and neither is one that a page redirects to."""
        url = site.file("clip.mp4").as_uri()
        for each in (url, site.redirect(url)):
            folder = tmp_path / str(len(each))
            folder.mkdir()
            _refused(fetcher, each, folder, work)
            assert not any(found.is_file() for found in folder.rglob("*"))

    def test_another_program(self, fetcher: YtDlpFetcher, work: Any, tmp_path: Path) -> None:
        """A stream that yt-dlp would hand to another program is `unavailable`."""
        failure = _refused(fetcher, "rtmp://127.0.0.2/live", tmp_path, work)
        assert failure.kind is Kind.UNAVAILABLE
        assert failure.message == "the page leads to a URL of the scheme 'rtmp'; only http and https are fetched"


@pytest.fixture(scope="module")
def unprivileged() -> Iterator[YtDlpFetcher]:
    """A fetcher that may reach the public internet only."""
    fetcher = YtDlpFetcher(YtDlpOptions(), BuildContext("fetcher", Path(), {"PATH": "/usr/bin:/bin"}))
    yield fetcher
    fetcher.close()
