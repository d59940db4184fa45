"""How the loopback site answers: one small function for each behaviour, and the table that names them.

The first part of a path names the behaviour, the last one the medium: `/503-twice/clip.mp4`.
Some change what lies behind them, and more parts may follow those: `/no-range/cut-once/60/clip.mp4`.
A new one is one function and one line of the table.
"""

from collections.abc import Callable, Container, Mapping
from typing import Final
from urllib.parse import quote, unquote

from attrs import evolve

from haulage.testing.replies import Ask, NotServed, Reply, direct, refusal, text, whole

_PAGE: Final = b"<!DOCTYPE html>\n<html><head><title>No video here</title></head><body><p>Sorry.</p></body></html>\n"
_MISSING: Final = "-001.ts"


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
    return evolve(whole(medium), stop=medium.size * 6 // 10)


def cut(ask: Ask) -> Reply:
    """Send 60 % of the body and close; nothing was announced, so that the end looks clean."""
    return evolve(short(ask), announced=None)


def cut_once(ask: Ask) -> Reply:
    """Cut the first reply for a path after the percentage of its body that the path says; then serve."""
    return _cut_first(1, ask)


def cut_first(ask: Ask) -> Reply:
    """Cut as many first replies as the path says; yt-dlp spends some on looks at the headers."""
    return _cut_first(*_count(ask))


def stall_first(ask: Ask) -> Reply:
    """Fall silent in as many first replies as the path says, after the percentage of the body that it says."""
    return _cut_first(*_count(ask), silent=True)


def html(ask: Ask) -> Reply:
    """Serve a page without a video where a medium was asked for."""
    ask.medium()
    return text(_PAGE, "text/html; charset=utf-8")


def lying_html(ask: Ask) -> Reply:
    """Serve a page and call it a video."""
    return text(_PAGE, ask.medium().media_type)


def empty(ask: Ask) -> Reply:
    """Serve a video of no bytes."""
    return text(b"", ask.medium().media_type)


def drip(ask: Ask) -> Reply:
    """Serve the medium at as many bytes a second as the path says; the headers come at once."""
    return evolve(direct(ask), rate=ask.number())


def stall(ask: Ask) -> Reply:
    """Send the first 1024 bytes, then nothing."""
    medium = ask.medium()
    return evolve(whole(medium), stop=min(1024, medium.size), silent=True)


def redirect(ask: Ask) -> Reply:
    """Redirect to the percent-encoded URL that the rest of the path is."""
    location = quote(unquote(ask.rest), safe="%/:?#[]@!$&'()*+,;=~")
    return refusal(302, "elsewhere", headers=(("Location", location),))


def no_range(ask: Ask) -> Reply:
    """Serve what lies behind as a server that knows no ranges."""
    return _hiding(("accept-ranges",), behind(evolve(ask, headers=_without(("range",), ask.headers))))


def no_validators(ask: Ask) -> Reply:
    """Serve what lies behind without anything that tells one version of it from another."""
    return _hiding(("etag", "last-modified"), behind(ask))


def stealthy(ask: Ask) -> Reply:
    """Serve a range of what lies behind although If-Range asks for one of another version."""
    return behind(evolve(ask, headers=_without(("if-range",), ask.headers)))


def dash(ask: Ask) -> Reply:
    """Serve a file of the DASH presentation, or what lies behind with it."""
    return behind(evolve(ask, media=lambda name: ask.media(f"dash/{name}")))


def hls(ask: Ask) -> Reply:
    """Serve a file of the HLS presentation, or what lies behind with it."""
    return behind(evolve(ask, media=lambda name: ask.media(f"hls/{name}")))


def hls_missing(ask: Ask) -> Reply:
    """Serve the HLS presentation without the second segment of each resolution."""
    return refusal(404) if ask.rest.endswith(_MISSING) else hls(ask)


def behind(ask: Ask) -> Reply:
    """Answer with the behaviour that the rest of the path begins with, else serve the medium."""
    first, _, rest = ask.rest.partition("/")
    behaviour = BEHAVIOURS.get(first)
    return behaviour(evolve(ask, rest=rest)) if behaviour else direct(ask)


BEHAVIOURS: Final[Mapping[str, Callable[[Ask], Reply]]] = {
    "403": forbidden,
    "404": not_found,
    "429": rate_limited,
    "503-twice": unavailable_twice,
    "changing": direct,
    "cut": cut,
    "cut-first": cut_first,
    "cut-once": cut_once,
    "dash": dash,
    "drip": drip,
    "empty": empty,
    "hls": hls,
    "hls-missing": hls_missing,
    "html": html,
    "lying-html": lying_html,
    "no-range": no_range,
    "no-validators": no_validators,
    "redirect": redirect,
    "short": short,
    "stall": stall,
    "stall-first": stall_first,
    "stealthy": stealthy,
}
"""The behaviours by the first part of the path; `changing` is there for paths that a test changes."""


def _count(ask: Ask) -> tuple[int, Ask]:
    return ask.number(), evolve(ask, rest=ask.rest.partition("/")[2])


def _cut_first(count: int, ask: Ask, *, silent: bool = False) -> Reply:
    share = ask.number()
    if share >= 100:
        raise NotServed
    reply = direct(ask)
    if ask.earlier >= count:
        return reply
    return evolve(reply, stop=reply.start + (reply.stop - reply.start) * share // 100, silent=silent)


def _without(names: Container[str], headers: Mapping[str, str]) -> Mapping[str, str]:
    return {name: value for name, value in headers.items() if name not in names}


def _hiding(names: Container[str], reply: Reply) -> Reply:
    return evolve(reply, headers=tuple(each for each in reply.headers if each[0].lower() not in names))
