"""The guard as a unit: which addresses are public, and what it lets through."""

import ipaddress
import socket
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haulage_ytdlp.child import guard

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
            "2a00::5efe:7f00:1",
            "2a00::200:5efe:10.0.0.1",
            "2002:808:808::5efe:127.0.0.1",
            "3fff::5efe:8.8.8.8",
            "fd00::5efe:8.8.8.8",
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
            "2a00::5efe:8.8.8.8",
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
            ["/opt/ffmpeg-linux-x86_64-v7.0.2", "-i", "file:./video.ts", "-map", "0:v", "-c:a", "copy", "o.mp4"],
            ["ffprobe", "-show_streams", "file:video.mp4"],
            ["ffprobe", "-show_streams", f"file://{Path.cwd()}/video.mp4"],
            ["deno", "run", "--ext=js", "-"],
            [b"ffmpeg", b"-version"],
        ],
    )
    def test_program(self, refusals: list[Any], arguments: Any) -> None:
        """The programs that yt-dlp needs may be started on files of this folder."""
        guard.Guard(()).program(None, arguments)
        assert refusals == []

    @pytest.mark.parametrize(
        "arguments",
        [
            ["/bin/sh", "-c", "ffmpeg"],
            ["python3"],
            ["rtmpdump", "-r", "x"],
            "curl",
            ["/tmp/x/deno.sh"],
            ["ffmpeg.py"],
            ["ffprobe-all", "file:video.mp4"],
            ["ffmpeg", "-i", "file:///etc/hostname", "file:video.mp4"],
            ["ffmpeg", "-i", "file:/etc/hostname", "file:video.mp4"],
            ["ffmpeg", "-i", "file:../video.mp4", "file:video.mp4"],
            ["ffmpeg", "-i", "file:a/../../scan%d.png", "file:video.mp4"],
            ["ffmpeg", "-i", "../video.mp4", "file:video.mp4"],
            ["ffmpeg", "-i", "/etc/hostname", "file:video.mp4"],
            ["ffmpeg", "-i", "file:video.mp4", "file:../video.mkv"],
            ["ffprobe", "-show_streams", "file:../video.mp4"],
            ["ffprobe", "/etc/hostname"],
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
        """Other programs may not be started, nor one that would use the network by itself, or files elsewhere."""
        with pytest.raises(guard.ProgramRefused):
            guard.Guard(("0.0.0.0/0",)).program(None, arguments)
        assert len(refusals) == 1
