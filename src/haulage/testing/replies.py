"""What the loopback site is asked and what it replies: a medium, whole or one range of it, or a refusal.

A request is an Ask and its answer a Reply, without a socket and without a clock.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from attrs import evolve, frozen

_RANGE: Final = re.compile(r"bytes=\s*(\d*)-(\d*)\s*")


@frozen
class Medium:
    """A file that the site serves, with what HTTP says of it."""

    path: Path
    size: int
    sha256: str
    media_type: str
    modified: str

    @property
    def etag(self) -> str:
        """The ETag, which tells contents apart."""
        return f'"{self.sha256[:32]}"'


class NotServed(Exception):
    """The site has nothing under this path: a 404."""


@frozen
class Ask:
    """One request, as a behaviour sees it.

    Attributes:
        method: "GET" or "HEAD".
        rest: What follows the behaviour's part of the path, as it was sent.
        headers: Their names are in lower case.
        earlier: How many requests for this very path came before.
        age: Seconds since the first of them.
        media: Finds the medium of a file's name, or raises NotServed.
    """

    method: str
    rest: str
    headers: Mapping[str, str]
    earlier: int
    age: float
    media: Callable[[str], Medium]

    def medium(self) -> Medium:
        """The medium that the path ends with, or NotServed."""
        return self.media(unquote(self.rest.rpartition("/")[2]))

    def number(self) -> int:
        """The positive number that the rest of the path begins with, or NotServed."""
        number, slash, _ = self.rest.partition("/")
        if not (slash and number.isascii() and number.isdecimal() and int(number)):
            raise NotServed
        return int(number)


@frozen
class Reply:
    """What is sent, and how.

    Attributes:
        status: Of HTTP.
        media_type: The Content-Type.
        body: The whole body, or the file that holds it.
        stop: Behind the last byte of it that is sent.
        start: The first byte of it that is sent.
        announced: The Content-Length; with None the end of the connection is the end of the body.
        headers: More of them.
        rate: Bytes a second; None is as fast as they are taken.
        silent: Whether the connection stays open, without a word, after the last byte.
    """

    status: int
    media_type: str
    body: bytes | Path
    stop: int
    start: int = 0
    announced: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    rate: int | None = None
    silent: bool = False


def refusal(status: int, reason: str = "no", headers: tuple[tuple[str, str], ...] = ()) -> Reply:
    """Refuse in one line of text."""
    return text(f"{reason}\n".encode(), "text/plain; charset=utf-8", status, headers)


def direct(ask: Ask) -> Reply:
    """Serve the medium: whole, or the one range that is asked for."""
    medium = ask.medium()
    reply = whole(medium)
    reply = evolve(reply, headers=(*reply.headers, ("Accept-Ranges", "bytes")))
    wanted = ask.headers.get("range") if ask.method == "GET" else None
    if wanted is None or ask.headers.get("if-range", medium.etag) not in (medium.etag, medium.modified):
        return reply
    # A range that cannot be understood, several at once among them, is to be ignored.
    if not (match := _RANGE.fullmatch(wanted)) or match.groups() == ("", ""):
        return reply
    first, last = match.groups()
    if first and last and int(first) > int(last):
        return reply
    start = int(first) if first else max(medium.size - int(last), 0)
    stop = min(int(last) + 1, medium.size) if first and last else medium.size
    if start >= medium.size:
        return refusal(416, headers=(("Content-Range", f"bytes */{medium.size}"),))
    content_range = ("Content-Range", f"bytes {start}-{stop - 1}/{medium.size}")
    headers = (*reply.headers, content_range)
    return evolve(reply, status=206, start=start, stop=stop, announced=stop - start, headers=headers)


def whole(medium: Medium) -> Reply:
    """Serve the whole medium, whatever is asked for."""
    headers = (("ETag", medium.etag), ("Last-Modified", medium.modified))
    return Reply(200, medium.media_type, medium.path, medium.size, announced=medium.size, headers=headers)


def text(body: bytes, media_type: str, status: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> Reply:
    """Serve what is said here."""
    return Reply(status, media_type, body, len(body), announced=len(body), headers=headers)
