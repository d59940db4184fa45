"""How the loopback site answers: one small function for each behaviour, and the table that names them.

The first part of a path names the behaviour, the last one the medium: `/503-twice/clip.mp4`.
A behaviour turns an Ask into a Reply, without a socket and without a clock.
A new one is one function and one line of the table.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote

from attrs import evolve, frozen

_PAGE: Final = b"<!DOCTYPE html>\n<html><head><title>No video here</title></head><body><p>Sorry.</p></body></html>\n"
_RANGE: Final = re.compile(r"bytes=\s*(\d*)-(\d*)\s*")


@frozen
class Medium:
    """A file that the site serves, with what HTTP says of it."""

    path: Path
    size: int
    media_type: str
    etag: str
    modified: str


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


def answer(ask: Ask) -> Reply:
    """Answer a request whose `rest` is still the whole path."""
    first, slash, rest = ask.rest.removeprefix("/").partition("/")
    try:
        if not slash:
            return direct(ask)
        if behaviour := BEHAVIOURS.get(first):
            return behaviour(evolve(ask, rest=rest))
    except NotServed:
        pass
    return refusal(404)


def refusal(status: int, reason: str = "no", headers: tuple[tuple[str, str], ...] = ()) -> Reply:
    """Refuse in one line of text."""
    return _text(f"{reason}\n".encode(), "text/plain; charset=utf-8", status, headers)


def direct(ask: Ask) -> Reply:
    """Serve the medium: whole, or the one range that is asked for."""
    medium = ask.medium()
    reply = _whole(medium)
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


def unavailable_twice(ask: Ask) -> Reply:
    """Answer 503 to the first two requests for a path, then serve; a tag before the name makes a new path."""
    return refusal(503) if ask.earlier < 2 else direct(ask)


def not_found(_: Ask) -> Reply:
    """Answer 404, always."""
    return refusal(404)


def forbidden(_: Ask) -> Reply:
    """Answer 403, always."""
    return refusal(403)


def rate_limited(ask: Ask) -> Reply:
    """Answer 429, with Retry-After, until the seconds that the path says went by since its first request."""
    seconds = ask.number()
    return direct(ask) if ask.age >= seconds else refusal(429, headers=(("Retry-After", str(seconds)),))


def short(ask: Ask) -> Reply:
    """Announce the whole body, send 60 % of it, and close."""
    medium = ask.medium()
    return evolve(_whole(medium), stop=medium.size * 6 // 10)


def cut(ask: Ask) -> Reply:
    """Send 60 % of the body and close; nothing was announced, so that the end looks clean."""
    return evolve(short(ask), announced=None)


def html(ask: Ask) -> Reply:
    """Serve a page without a video where a medium was asked for."""
    ask.medium()
    return _text(_PAGE, "text/html; charset=utf-8")


def lying_html(ask: Ask) -> Reply:
    """Serve a page and call it a video."""
    return _text(_PAGE, ask.medium().media_type)


def empty(ask: Ask) -> Reply:
    """Serve a video of no bytes."""
    return _text(b"", ask.medium().media_type)


def drip(ask: Ask) -> Reply:
    """Serve the medium at as many bytes a second as the path says; the headers come at once."""
    return evolve(direct(ask), rate=ask.number())


def stall(ask: Ask) -> Reply:
    """Send the first 1024 bytes, then nothing."""
    medium = ask.medium()
    return evolve(_whole(medium), stop=min(1024, medium.size), silent=True)


def redirect(ask: Ask) -> Reply:
    """Redirect to the percent-encoded URL that the rest of the path is."""
    location = quote(unquote(ask.rest), safe="%/:?#[]@!$&'()*+,;=~")
    return refusal(302, "elsewhere", headers=(("Location", location),))


BEHAVIOURS: Final[Mapping[str, Callable[[Ask], Reply]]] = {
    "403": forbidden,
    "404": not_found,
    "429": rate_limited,
    "503-twice": unavailable_twice,
    "cut": cut,
    "drip": drip,
    "empty": empty,
    "html": html,
    "lying-html": lying_html,
    "redirect": redirect,
    "short": short,
    "stall": stall,
}
"""The behaviours by the first part of the path."""


def _whole(medium: Medium) -> Reply:
    headers = (("ETag", medium.etag), ("Last-Modified", medium.modified))
    return Reply(200, medium.media_type, medium.path, medium.size, announced=medium.size, headers=headers)


def _text(text: bytes, media_type: str, status: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> Reply:
    return Reply(status, media_type, text, len(text), announced=len(text), headers=headers)
