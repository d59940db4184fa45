"""The guard: what a page says cannot make this process reach internal addresses or start programs.

It sits in CPython's audit hooks, which run in the interpreter itself right before an address is connected to or a
program is started, and which nothing can take away again. What is connected to is an address, not a name, so a name
that changes its answer in between gains nothing.
"""

import ipaddress
import itertools
import os
import re
import socket
import sys
from typing import Any

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Found = tuple[Any, ...]
"""What getaddrinfo gives: family, type, protocol, canonical name, and an address that begins with the host's."""

_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052
_ISATAP = 0x5EFE  # what is before the IPv4 address in those of RFC 5214, whatever network they begin with
_ASSIGNED = ipaddress.ip_network("2000::/3")  # all of IPv6 that IANA gives to the public internet, RFC 4291
_SERVICES = tuple(
    # What the standard library calls global, in some of its releases, and what is none of the public internet's.
    ipaddress.ip_network(each)
    for each in (
        "168.63.129.16/32",  # Azure's host, reached from inside its virtual machines
        "192.0.0.0/24",  # RFC 6890; Oracle's older cloud has its metadata there
        "192.88.99.0/24",  # what is left of 6to4's relays, RFC 7526
        "2001::/23",  # RFC 2928, Teredo among it
        "3fff::/20",  # examples, RFC 9637
    )
)
_BY_ITSELF = re.compile(r"(?!file:)[a-z][a-z0-9+.,-]*:", re.IGNORECASE)  # FFmpeg takes http:host as well as http://host

_FILE = re.compile(r"\A(file:|(?=/))", re.IGNORECASE)

PROGRAMS = re.compile(r"ffmpeg(-(linux|macos)-\w+-v[\d.]+)?|ffprobe|deno")
"""The programs that may be started, by their file's name; imageio-ffmpeg's tells its system and its version."""


class Refused(PermissionError):
    """The guard refused something."""


class AddressRefused(Refused):
    """An internal address."""


class ProgramRefused(Refused):
    """A program, or an input that it would have fetched by itself."""


refusals: list[Refused] = []
"""What was refused in this process, oldest first: libraries lose the cause of their errors on the way."""


def _refuse(refusal: Refused) -> None:
    refusals.append(refusal)
    raise refusal


def is_public(text: str) -> bool:
    """Whether an address belongs to the public internet, looking through the ways to write an IPv4 address as IPv6."""
    try:
        address: _Address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        inner, last = address.ipv4_mapped or address.sixtofour, ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if (int(address) >> 32) & 0xFDFFFFFF == _ISATAP and not is_public(str(last)):
            return False
        if address in _NAT64:
            inner = last
        if inner is not None:
            address = inner
        elif address not in _ASSIGNED:
            return False
    return address.is_global and not address.is_multicast and not any(address in each for each in _SERVICES)


def _lies_here(path: str) -> bool:
    here = os.path.realpath(os.curdir)
    return os.path.commonpath((here, os.path.realpath(path))) == here


class Guard:
    """Decides about addresses and programs.

    Args:
        private_hosts: Host names, addresses and CIDR blocks that may be reached all the same.
    """

    def __init__(self, private_hosts: tuple[str, ...]) -> None:
        self._names: set[str] = set()
        self._networks: list[ipaddress.IPv4Network | ipaddress.IPv6Network] = []
        self._resolved: set[str] = set()
        for host in private_hosts:
            try:
                self._networks.append(ipaddress.ip_network(host, strict=False))
            except ValueError:
                self._names.add(host.lower().rstrip("."))

    def resolved(self, host: object, found: list[_Found]) -> list[_Found]:
        """Take note of what a name stands for, and choose what is tried of that.

        The addresses of a name that is let through may be connected to. Where some may be connected to and others
        not, only those are tried, so that nothing is refused that could have been had; where none may, all are, for
        the refusal to be seen.
        """
        name = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)
        if name.lower().rstrip(".") in self._names:
            self._resolved.update(str(entry[4][0]) for entry in found)
        return [entry for entry in found if self.lets_through(str(entry[4][0]))] or found

    def lets_through(self, text: str) -> bool:
        """Whether an address may be connected to."""
        if is_public(text) or text in self._resolved:
            return True
        try:
            address: _Address = ipaddress.ip_address(text)
        except ValueError:
            return False
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        return any(address in network for network in self._networks)

    def connect(self, address: Any) -> None:
        """Refuse an address that is internal, no IP address at all, or not written as one."""
        host = address[0] if isinstance(address, tuple) and address else None
        if not isinstance(host, str) or not self.lets_through(host):
            shown = host if isinstance(host, str) else address
            _refuse(AddressRefused(f"{shown} is an internal address"))

    def program(self, executable: Any, arguments: Any) -> None:
        """Refuse a program that is not needed, inputs that it would fetch by itself, and files outside this folder."""
        words = [os.fsdecode(word) for word in (arguments if isinstance(arguments, list | tuple) else [arguments])]
        name = os.path.basename(os.fsdecode(executable or words[0]))  # noqa: PTH119 - bytes, or a path
        if not PROGRAMS.fullmatch(name):
            _refuse(ProgramRefused(f"{name} may not be started"))
        for before, word in itertools.pairwise(words):
            if "://" in word.replace("file://", "") or _BY_ITSELF.match(word):
                _refuse(ProgramRefused(f"{name} would have fetched by itself"))
            if (before == "-i" or _FILE.match(word)) and not _lies_here(_FILE.sub("", word)):
                _refuse(ProgramRefused(f"{name} would have used a file of this machine"))

    def audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Be an audit hook."""
        if event == "socket.connect":
            self.connect(arguments[1])
        elif event in ("socket.sendto", "socket.sendmsg"):
            if arguments[1] is not None:
                self.connect(arguments[1])
        elif event == "subprocess.Popen":
            self.program(arguments[0], arguments[1])
        elif event in ("os.system", "os.exec", "os.posix_spawn", "os.spawn", "pty.spawn"):
            _refuse(ProgramRefused(f"{event} may not be used"))


def install(private_hosts: tuple[str, ...]) -> None:
    """Guard this process until it ends."""
    guard = Guard(private_hosts)
    resolve = socket.getaddrinfo

    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        return guard.resolved(host, resolve(host, *args, **kwargs))

    socket.getaddrinfo = getaddrinfo
    sys.addaudithook(guard.audit)
