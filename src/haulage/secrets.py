"""Keeping secrets out of what is shown, logged and recorded."""

import re
import threading
import traceback
import unicodedata
from collections.abc import Callable
from urllib.parse import quote, unquote_plus, urlsplit, urlunsplit

_SIGNING = re.compile(
    # The query parameters that sign a request: AWS Signature V4 and V2, Google Cloud Storage V4, CloudFront, Akamai.
    r"x-(amz|goog)-.*|awsaccesskeyid|signature|sig|key-pair-id|policy|expires?|hdnea|hdnt[sl]|hmac",
    re.IGNORECASE,
)
_BESIDE_A_SIGNATURE = re.compile(r"s[vepr]|token|.*_token", re.IGNORECASE)  # Azure SAS; elsewhere they may name a video
_SECRET = re.compile(r"session|s[vepr]|code", re.IGNORECASE)
_CALLED_SECRET = re.compile(
    # Words of a name: auth_key, X-Plex-Token, wsSecret, PHPSESSID. Not `key` or `id` alone, which name videos.
    r"(?<![a-z0-9])(?:[a-z]*(?:token|secret|signature|hmac|passwd|password|passphrase)|l?sig|sign|o?auth|authorization"
    r"|pass|pwd|jwt|ticket|cred(?:ential)?s?|sess|[a-z]*sess(?:ion)?[^a-z0-9]?id|access[^a-z0-9]?id"
    r"|(?:access|account|api|app|auth|client|private|secret|session|sign|signing)[^a-z0-9]?key)(?![a-z0-9])",
    re.IGNORECASE | re.ASCII,
)
_DIGEST = re.compile(
    r"md5|hash|key", re.IGNORECASE
)  # beside a signature, or of a medium; elsewhere it may name a video
_SIGNED_PATH = re.compile(r"(?<![^/])[^/]*(?:~hmac=|hdn(?:ea|t[sl])=)[^/]*|;jsessionid=[^/;]*", re.IGNORECASE)
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_FILE = re.compile(r"\.[A-Za-z0-9]{2,5}$")
_MEDIUM = re.compile(r"\.(?:mp4|m4[asv]|mkv|webm|mov|flv|avi|ts|mp3|aac|ogg|opus|wav|m3u8|mpd)$", re.IGNORECASE)
_AT = re.compile(r"@|%(?:25)*40")
_CUT_SHORT = re.compile(r"\s*([a-z][a-z0-9+.-]*)://[^:/?#@\[\]]*:([^/?#@]*)[/?#].*@", re.IGNORECASE | re.DOTALL)
_WITHIN = r"(?:[^\s'\"<>]|['\"<>](?=[\w%&=/+~-]))"  # a quote within a word ends no URL
_URL = re.compile(rf"[a-zA-Z][a-zA-Z0-9+.-]{{0,30}}://{_WITHIN}+")
_QUOTED_URL = re.compile(rf"[a-zA-Z][a-zA-Z0-9+.-]{{0,30}}%(?:25)*3a%(?:25)*2f%(?:25)*2f{_WITHIN}*", re.IGNORECASE)
_PARAMETER = re.compile(r"([?&](?:amp;)?([^=&?;\s'\"<>]{1,100})=)(?:[^&\s'\"<>]|['\"<>](?=\w))+")
_HEADER = r"\b(?:(?:proxy-)?authorization|(?:set-)?cookie)"
_SAID = re.compile(
    # What programs say of headers: `{'Cookie': b'...'}`, `'Cookie: ...'`, `Authorization: Bearer ...`.
    rf"(?P<pair>['\"]{_HEADER}['\"]\s*[:=,]\s*b?(?P<inner>['\"]))(?:\\.|(?!(?P=inner))[^\\\r\n])+"
    rf"|(?P<line>(?P<outer>['\"])?{_HEADER}['\"]?\s*[:=]\s*)(?(outer)(?:\\.|(?!(?P=outer))[^\\\r\n])+|[^\r\n]+)"
    r"|(?P<word>\bbearer\s+)[\w.~+/=-]{8,}",
    re.IGNORECASE,
)
_OPTION = re.compile(
    # And of options, up to their values: `password=...`, `"password": "..."`, `X-Api-Key: ...`.
    r"(?<![\w-])(?P<name>[\w-]++)(?:['\"]?[ \t]?=(?!=)[ \t]?|['\"][ \t]?:[ \t]?(?=b?['\"])|(?P<header>:[ \t]?))"
)
_VALUE = re.compile(r"b?(?P<quote>['\"])(?:\\.|(?!(?P=quote))[^\\\r\n])+|[^\s'\",]+")
_KEY = re.compile(r"\w+_key", re.IGNORECASE)
_DEEPEST = 5
"""How many times over a URL may be quoted, and how many may stand within one another."""

_SHORTEST = 6
"""Characters; what is shorter may be a part of any word."""

MASK = "***"
"""What is shown instead of a secret."""

_kept: tuple[str, ...] = ()
"""The longest first."""

_keeping = threading.Lock()


def keep_secret(*values: str) -> None:
    """Show none of these values in any message of this process from now on, as far as they have six characters.

    For all of the process, since whoever tells of an error need not know whose secrets stand in it. Safe to use from
    many threads.
    """
    global _kept
    forms = {form for value in values if len(value) >= _SHORTEST for form in (value, quote(value, safe=""))}
    with _keeping:
        _kept = tuple(sorted(forms.union(_kept), key=len, reverse=True))


def has_password(url: str) -> bool:
    """Whether a user name or a password stands in the URL."""
    try:
        return bool(_AT.search(urlsplit(url).netloc))
    except ValueError:
        return bool(_AT.search(url))


def public_url(url: str) -> str:
    """The URL without what gives access: user name and password, signatures, secrets, fragment.

    Of one that cannot be read, nothing is left, nor of URLs that stand too deep within one another.
    """
    return _public(url, 0)


def _public(url: str, depth: int) -> str:
    if user := _cut_short(url):
        url = f"{url.partition('://')[0]}://{url.removeprefix(user)}"
    try:
        parts = urlsplit(url)
    except ValueError:
        return "(unreadable URL)"
    query = _without(parts.query, _SIGNING.fullmatch)
    if query != parts.query or _MEDIUM.search(parts.path):
        query = _without(query, _DIGEST.fullmatch)
    query = "&".join(_inner(each, depth) for each in _without(query, _called_secret, _SECRET.fullmatch).split("&"))
    path = _inner("/".join(_public_step(each) for each in _SIGNED_PATH.sub("", parts.path).split("/")), depth)
    # By hand, since urlunsplit would make vault:/x of vault:///x.
    scheme = f"{parts.scheme}:" if parts.scheme else ""
    slashes = "//" if url.lstrip()[len(scheme) :].startswith("//") else ""
    host = _AT.split(parts.netloc)[-1]
    return f"{scheme}{slashes}{host}{path}{query and f'?{query}'}"


def _cut_short(url: str) -> str:
    """The beginning of a URL whose password has a `/`, `?` or `#` in it, to the last `@`; empty for any other.

    Where what follows the colon may be a port, the URL of a page is taken for one without a password.
    """
    match = _CUT_SHORT.match(url)
    if match is None or (match[1].lower() in ("http", "https") and match[2].isdecimal()) or not match[2]:
        return ""
    return match.group()


def password_in(url: str) -> str:
    """The password in a URL as it is written there; empty where there is none."""
    beginning = _cut_short(url)
    if not beginning:
        try:
            return urlsplit(url).password or ""
        except ValueError:
            beginning = url[: url.rfind("@") + 1]
    return beginning.partition("://")[2][:-1].partition(":")[2]


def _public_step(step: str) -> str:
    """One step of a path, without the parameters in it that give access: `/token=...&expires=.../`."""
    if "=" not in step or "&" not in step:  # one alone may name the video
        return step
    return ";".join(filter(None, (_without(each, _SIGNING.fullmatch, _called_secret) for each in step.split(";"))))


def _inner(text: str, depth: int = 0) -> str:
    """A part of a URL, in which another URL may stand, quoted or not, and in that one another."""
    if depth == _DEEPEST:
        return MASK if "://" in text or "%" in text else text
    plain = text
    for _ in range(_DEEPEST):
        if "://" in plain:
            public = _URL.sub(lambda match: _public(match.group(), depth + 1), plain)
            return text if public == plain else quote(public, safe="/:=?&%~+,")
        if plain == (plain := unquote_plus(plain)):
            return text
    return MASK


def unsigned_url(url: str) -> str:
    """The URL without what only signs it: the same for every signature of one file, for telling videos apart.

    What may name another video stays, so this is not fit to be shown. A token is taken for a signature where it stands
    beside one, and where the path names a file.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    query = _without(parts.query, _SIGNING.fullmatch)
    if query != parts.query or _FILE.search(parts.path):
        query = _without(query, _BESIDE_A_SIGNATURE.fullmatch)
    return urlunsplit((parts.scheme, parts.netloc, parts.path, query, parts.fragment))


def _without(query: str, *unwanted: Callable[[str], object]) -> str:
    """A query without the parameters whose names any of these takes."""
    return "&".join(each for each in query.split("&") if not any(_has(each, takes) for takes in unwanted))


def _has(parameter: str, takes: Callable[[str], object]) -> bool:
    # Some servers separate parameters by ";" too, and URLs out of HTML have "&amp;". What has no value and looks like
    # a path names a page, as in `index.php?threads/the-secret-garden`.
    pairs = (each.partition("=") for each in parameter.split(";"))
    return any(takes(unquote_plus(name)) for name, equals, _ in pairs if equals or "/" not in name)


def _called_secret(name: str) -> bool:
    """Whether a name says so, whether its words are told apart by capitals or otherwise."""
    return bool(_CALLED_SECRET.search(name) or _CALLED_SECRET.search(_HUMP.sub("-", name)))


def redact(text: str) -> str:
    """A message with nothing secret in it, on one line, with nothing that a terminal would obey.

    Every URL in it is made public; what is known to be secret (see `keep_secret`) and what is called so is masked.
    """
    text = without_secrets(text)  # before anything else, since a pattern may end within one
    text = _URL.sub(lambda match: public_url(match.group()), text)
    text = _QUOTED_URL.sub(lambda match: _inner(match.group()), text)
    text = _PARAMETER.sub(_masked_parameter, text)
    text = _SAID.sub(lambda match: (match["pair"] or match["line"] or match["word"]) + MASK, text)
    text = _mask_options(text)
    text = without_secrets(text)  # and again, since some were quoted
    return one_line(text)


def _masked_parameter(match: re.Match[str]) -> str:
    name = unquote_plus(match[2])
    secret = _SIGNING.fullmatch(name) or _SECRET.fullmatch(name) or _called_secret(name)
    return match[1] + MASK if secret else match.group()


def _mask_options(text: str) -> str:
    shown, done = "", 0
    for match in _OPTION.finditer(text):
        name = match["name"]
        if match["header"]:
            secret = name[:2].lower() == "x-" and _called_secret(name)
        else:
            secret = _called_secret(name) or bool(_KEY.fullmatch(name))
        if match.start() >= done and secret and (value := _VALUE.match(text, match.end())):
            opened = value.end("quote") if value["quote"] else value.start()
            shown, done = f"{shown}{text[done:opened]}{MASK}", value.end()
    return shown + text[done:]


def without_secrets(text: str) -> str:
    """A text as it is, but for what is known to be secret (see `keep_secret`)."""
    for value in _kept:
        if value in text:
            text = text.replace(value, MASK)
    return text


def one_line(text: str) -> str:
    """A text from outside as it may be shown on a terminal: on one line, and nothing that would move its cursor."""
    return " ".join("".join(" " if _commands(each) else each for each in text).split())


def _commands(character: str) -> bool:
    """Whether a terminal would do something else with it than to show it; the direction of writing included."""
    if character.isprintable():
        return False
    return unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") or character in _DIRECTIONS


_DIRECTIONS = "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def public_traceback(error: BaseException) -> str:
    """The traceback of an exception, line by line with nothing secret in it."""
    return redacted_lines("".join(traceback.format_exception(error)))


def redacted_lines(text: str) -> str:
    """The same, of a text of several lines, which keep how far they are set in."""
    return "\n".join(line[: len(line) - len(line.lstrip(" "))] + redact(line) for line in text.splitlines())
