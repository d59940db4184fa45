"""The guard: which addresses and programs a fetch process can reach, as a unit and from one end to the other."""

import ipaddress
import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haulage.plugin import BuildContext, Failure, FetchError, Kind, Request, Video
from haulage.testing import LoopbackSite, ffmpeg
from haulage_ytdlp.child import guard
from haulage_ytdlp.fetcher import YtDlpFetcher
from haulage_ytdlp.options import YtDlpOptions

INTERNAL = (
    # The IANA special-purpose address registries, as far as they are not globally reachable.
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "168.63.129.16/32",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
)
PUBLIC = ("1.1.1.0/24", "8.8.8.0/24", "93.184.216.0/24", "151.101.0.0/16", "172.32.0.0/12", "192.169.0.0/16")


def _as_ipv6(address: ipaddress.IPv4Address) -> tuple[str, ...]:
    """All ways to write an IPv4 address as an IPv6 address that some network translates back."""
    number = int(address)
    return (
        str(ipaddress.IPv6Address((0xFFFF << 32) | number)),  # mapped, RFC 4291
        str(ipaddress.IPv6Address((0x64FF9B << 96) | number)),  # NAT64, RFC 6052
        str(ipaddress.IPv6Address((0x2002 << 112) | (number << 80) | 1)),  # 6to4, RFC 3056
    )


class TestIsPublic:
    @pytest.mark.parametrize(
        "address",
        [
            "0.0.0.0",
            "127.0.0.1",
            "127.255.255.254",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "100.64.0.1",
            "100.127.255.255",
            "100.100.100.200",
            "169.254.169.254",
            "192.0.0.8",
            "192.0.0.9",
            "192.0.0.192",
            "168.63.129.16",
            "::ffff:168.63.129.16",
            "198.18.0.1",
            "224.0.0.1",
            "239.255.255.250",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::ffff:0:127.0.0.1",
            "64:ff9b::127.0.0.1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::10.0.0.1",
            "2002:7f00:1::1",
            "2002:a9fe:a9fe::",
            "2001:0:7f00:1::",
            "2001:db8::1",
            "2001:1::1",
            "3fff::1",
            "fe80::1",
            "fe80::1%eth0",
            "fec0::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "ff0e::1",
            "100::1",
        ],
    )
    def test_internal(self, address: str) -> None:
        """Addresses of machines, of networks, of clouds and of groups are not public, however they are written."""
        assert not guard.is_public(address)

    @pytest.mark.parametrize(
        "address",
        [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "169.253.0.1",
            "168.63.129.15",
            "192.0.1.1",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
            "2002:808:808::1",
            "2606:4700:4700::1111",
            "2a00:1450:4001:810::200e",
        ],
    )
    def test_public(self, address: str) -> None:
        """Those of the internet are."""
        assert guard.is_public(address)

    @pytest.mark.parametrize(
        "text", ["", "localhost", "example.org", "127.1", "2130706433", "0x7f.1", "0177.0.0.1", "[::1]", "1.1.1.1:80"]
    )
    def test_no_address(self, text: str) -> None:
        """What is no address in full is not public: it might stand for anything."""
        assert not guard.is_public(text)

    @given(st.one_of([st.ip_addresses(network=network) for network in INTERNAL]))
    def test_internal_in_every_writing(self, address: ipaddress.IPv4Address) -> None:
        """No way to write an internal IPv4 address makes it public."""
        assert not any(guard.is_public(written) for written in (str(address), *_as_ipv6(address)))

    @given(st.one_of([st.ip_addresses(network=network) for network in PUBLIC]))
    def test_public_in_every_writing(self, address: ipaddress.IPv4Address) -> None:
        """Every way to write a public IPv4 address is public."""
        assert all(guard.is_public(written) for written in (str(address), *_as_ipv6(address)))

    @given(st.ip_addresses(v=6).filter(lambda address: address not in ipaddress.ip_network("2000::/3")))
    def test_unassigned(self, address: ipaddress.IPv6Address) -> None:
        """Of IPv6 only 2000::/3 is public, and what stands for an IPv4 address."""
        standing_for = address.ipv4_mapped or address in ipaddress.ip_network("64:ff9b::/96")
        assert standing_for or not guard.is_public(str(address))

    @given(st.text())
    def test_any_text(self, text: str) -> None:
        """No text makes it fail, and none that is no address is public."""
        try:
            ipaddress.ip_address(text)
        except ValueError:
            assert not guard.is_public(text)
        else:
            guard.is_public(text)


@pytest.fixture
def refusals(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What is refused in this test."""
    fresh: list[Any] = []
    monkeypatch.setattr(guard, "refusals", fresh)
    return fresh


def _found(*addresses: str) -> list[Any]:
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, 80)) for each in addresses]


class TestGuard:
    @pytest.mark.parametrize(
        ("private_host", "address"),
        [
            ("127.0.0.1", "127.0.0.1"),
            ("10.0.0.0/8", "10.20.30.40"),
            ("10.1.2.3/8", "10.20.30.40"),
            ("fd00::/8", "fd12::1"),
            ("::1", "::1"),
            ("127.0.0.1", "::ffff:127.0.0.1"),
        ],
    )
    def test_let_through(self, private_host: str, address: str) -> None:
        """An address that was named, alone or in a block, is let through; its neighbour is not."""
        assert guard.Guard((private_host,)).lets_through(address)
        assert not guard.Guard((private_host,)).lets_through("192.168.77.1")
        assert not guard.Guard(()).lets_through(address)

    def test_name(self) -> None:
        """What a name that was named stands for is let through; what another name stands for is not."""
        one = guard.Guard(("Media.Example.",))
        one.resolved("media.example", _found("10.0.0.7"))
        one.resolved(b"media.example", _found("10.0.0.8"))
        one.resolved("other.example", _found("10.0.0.9"))
        assert [one.lets_through(f"10.0.0.{last}") for last in (7, 8, 9)] == [True, True, False]

    def test_addresses_to_try(self) -> None:
        """Of what a name stands for only what is let through is tried; where nothing is, the refusal comes later."""
        one = guard.Guard(("127.0.0.1",))
        assert one.resolved("localhost", _found("::1", "127.0.0.1")) == _found("127.0.0.1")
        assert one.resolved("inside", _found("10.0.0.1", "::1")) == _found("10.0.0.1", "::1")

    @pytest.mark.parametrize(
        "address", ["/run/docker.sock", b"\0abstract", ("localhost", 80), (b"127.0.0.1", 80), ("127.1", 80), (), None]
    )
    def test_no_address(self, refusals: list[Any], address: Any) -> None:
        """Sockets of this machine, names, and other ways not to write an address are refused, and remembered."""
        with pytest.raises(guard.AddressRefused):
            guard.Guard(("localhost",)).connect(address)
        assert len(refusals) == 1

    @pytest.mark.parametrize(
        "arguments",
        [
            ["ffmpeg", "-bsfs"],
            ["/usr/bin/ffmpeg", "-y", "-i", "file:video.f1.mp4", "-i", "file:video.f2.m4a", "-c", "copy", "file:o.mp4"],
            ["/opt/ffmpeg-linux-x86_64-v7.0.2", "-i", "file:///space/video.ts", "-map", "0:v", "-c:a", "copy", "o.mp4"],
            ["ffprobe", "-show_streams", "file:video.mp4"],
            ["deno", "run", "--ext=js", "-"],
            [b"ffmpeg", b"-version"],
        ],
    )
    def test_program(self, refusals: list[Any], arguments: Any) -> None:
        """The programs that yt-dlp needs may be started on local files."""
        guard.Guard(()).program(None, arguments)
        assert refusals == []

    @pytest.mark.parametrize(
        "arguments",
        [
            ["/bin/sh", "-c", "ffmpeg"],
            ["python3"],
            ["rtmpdump", "-r", "x"],
            "curl",
            ["ffmpeg", "-i", "http://93.184.216.34/x.m3u8", "-c", "copy", "file:video.mp4"],
            ["ffmpeg", "-i", "http:93.184.216.34/x.m3u8", "file:video.mp4"],
            ["ffmpeg", "-i", "HTTP:93.184.216.34/x.m3u8", "file:video.mp4"],
            ["ffmpeg", "-i", "tcp:93.184.216.34:80", "file:video.mp4"],
            ["ffmpeg", "-i", "crypto+http:93.184.216.34/x", "file:video.mp4"],
            ["ffmpeg", "-i", "concat:http:93.184.216.34/x|file:y", "file:video.mp4"],
            ["ffmpeg", "-i", "async:http:93.184.216.34/x", "file:video.mp4"],
            ["ffprobe", "rtsp://93.184.216.34/x"],
            ["ffmpeg", "-i", "file:video.mp4", "-f", "flv", "rtmp://93.184.216.34/live"],
        ],
    )
    def test_program_refused(self, refusals: list[Any], arguments: Any) -> None:
        """Other programs may not be started, nor one that would use the network by itself."""
        with pytest.raises(guard.ProgramRefused):
            guard.Guard(("0.0.0.0/0",)).program(None, arguments)
        assert len(refusals) == 1


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


def _try(deed: str, *private_hosts: str) -> str:
    """Do something in a process of its own under the guard: hooks cannot be taken away again."""
    run = subprocess.run(
        [sys.executable, "-c", INSTALLED.format(deed=deed), json.dumps(private_hosts)],
        capture_output=True,
        text=True,
        timeout=30,
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

    def test_ffmpeg_on_a_file(self, site: LoopbackSite) -> None:
        """FFmpeg may be started on a local file."""
        clip = str(site.file("clip.mp4"))
        deed = f"subprocess.run([{ffmpeg()!r}, '-v', 'error', '-i', {clip!r}, '-f', 'null', '-'], check=True)"
        assert _try(deed) == "done"

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
        ("lines", "kind"),
        [
            ("", Kind.ENVIRONMENT),
            ("#EXT-X-MEDIA-SEQUENCE:7\n", Kind.ENVIRONMENT),
            ("#EXT-X-KEY:METHOD=SAMPLE-AES,URI='k'\n#EXT-X-ENDLIST\n", Kind.ENVIRONMENT),
            ("#EXT-X-ENDLIST\n", Kind.UNAVAILABLE),
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
        kind: Kind,
    ) -> None:
        """A list whose segments lie inside is refused, also where yt-dlp would have left it to FFmpeg."""
        segment = elsewhere.put("/list0.ts", "video/mp2t", hls["list0.ts"])
        head = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n"
        url = pages.put("/list.m3u8", "application/vnd.apple.mpegurl", f"{head}{lines}#EXTINF:1.0,\n{segment}\n")
        future = pool.submit(_refused, fetcher, url, tmp_path, work)
        try:
            assert future.result(timeout=20).kind is kind
        finally:
            work.cancel.cancel("FFmpeg would go on for ever with a list that never ends")
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
        """A stream that yt-dlp would hand to another program is `environment`."""
        failure = _refused(fetcher, "rtmp://127.0.0.2/live", tmp_path, work)
        assert failure.kind is Kind.ENVIRONMENT
        assert "rtmpdump" in failure.message


@pytest.fixture(scope="module")
def unprivileged() -> Iterator[YtDlpFetcher]:
    """A fetcher that may reach the public internet only."""
    fetcher = YtDlpFetcher(YtDlpOptions(), BuildContext("fetcher", Path(), {"PATH": "/usr/bin:/bin"}))
    yield fetcher
    fetcher.close()
