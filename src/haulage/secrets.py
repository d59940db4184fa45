"""Keeping secrets out of what is shown, logged and recorded."""

import re
import traceback
import unicodedata
from urllib.parse import quote, unquote_plus, urlsplit, urlunsplit

_SIGNING = re.compile(
    # The query parameters that sign a request: AWS Signature V4 and V2, Google Cloud Storage V4, CloudFront, Akamai.
    r"x-(amz|goog)-.*|awsaccesskeyid|signature|sig|key-pair-id|policy|expires?|hdnea|hdnt[sl]|hmac",
    re.IGNORECASE,
)
_BESIDE_A_SIGNATURE = re.compile(r"s[vepr]|token|.*_token", re.IGNORECASE)  # Azure SAS; elsewhere they may name a video
_SECRET = re.compile(
    r"token|.*_token|auth|authorization|api_?key|password|passwd|pwd|secret|session(id)?|s[vepr]|jwt|code",
    re.IGNORECASE,
)
_SIGNED_PATH = re.compile(r"[^/]*(?:~hmac=|hdn(?:ea|t[sl])=)[^/]*|;jsessionid=[^/;]*", re.IGNORECASE)
_FILE = re.compile(r"\.[A-Za-z0-9]{2,5}$")
_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]{0,30}://[^\s'\"<>]+")
_QUOTED_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]{0,30}%(?:25)*3a%(?:25)*2f%(?:25)*2f[^\s'\"<>]*", re.IGNORECASE)
_SAID = re.compile(
    # What programs say of headers and of options: `Authorization: Bearer ...`, `'Cookie': '...'`, `password=...`.
    r"(?P<name>\b(?:(?:proxy-)?authorization|(?:set-)?cookie)['\"]?\s*[:=]\s*['\"]?)[^'\"\r\n]+"
    r"|(?P<word>\bbearer\s+)[\w.~+/=-]{8,}"
    r"|(?P<option>\b(?:password|passwd|pwd|secret|token|api_?key|\w+_(?:password|secret|token|key))=['\"]?)[^\s'\",]+",
    re.IGNORECASE,
)
_DEEPEST = 5
"""How many times over a URL may be quoted within another one."""

_SHORTEST = 6
"""Characters; what is shorter may be a part of any word."""

MASK = "***"
"""What is shown instead of a secret."""

_kept: frozenset[str] = frozenset()


def keep_secret(*values: str) -> None:
    """Show none of these values in any message of this process from now on, as far as they have six characters.

    For all of the process, since whoever tells of an error need not know whose secrets stand in it. Safe to use from
    many threads.
    """
    global _kept
    _kept |= {form for value in values if len(value) >= _SHORTEST for form in (value, quote(value, safe=""))}


def has_password(url: str) -> bool:
    """Whether a user name or a password stands in the URL."""
    try:
        return "@" in urlsplit(url).netloc
    except ValueError:
        return "@" in url


def public_url(url: str) -> str:
    """The URL without what gives access: user name and password, signatures, secrets, fragment.

    Of one that cannot be read, nothing is left.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return "(unreadable URL)"
    query = "&".join(_inner(each) for each in _without(parts.query, (_SIGNING, _SECRET)).split("&"))
    path = _inner(_SIGNED_PATH.sub("", parts.path))
    # By hand, since urlunsplit would make vault:/x of vault:///x.
    scheme = f"{parts.scheme}:" if parts.scheme else ""
    slashes = "//" if url.lstrip()[len(scheme) :].startswith("//") else ""
    host = parts.netloc.rpartition("@")[2]
    return f"{scheme}{slashes}{host}{path}{query and f'?{query}'}"


def _inner(text: str) -> str:
    """A part of a URL, in which another URL may stand, quoted or not, and in that one another."""
    plain = text
    for _ in range(_DEEPEST):
        if "://" in plain:
            public = _URL.sub(lambda match: public_url(match.group()), plain)
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
    query = _without(parts.query, (_SIGNING,))
    if query != parts.query or _FILE.search(parts.path):
        query = _without(query, (_BESIDE_A_SIGNATURE,))
    return urlunsplit((parts.scheme, parts.netloc, parts.path, query, parts.fragment))


def _without(query: str, patterns: tuple[re.Pattern[str], ...]) -> str:
    return "&".join(each for each in query.split("&") if not _matches(each, patterns))


def _matches(parameter: str, patterns: tuple[re.Pattern[str], ...]) -> bool:
    # Some servers separate parameters by ";" too, and URLs out of HTML have "&amp;".
    names = [unquote_plus(each.partition("=")[0]) for each in parameter.split(";")]
    return any(pattern.fullmatch(name) for pattern in patterns for name in names)


def redact(text: str) -> str:
    """A message with nothing secret in it, on one line, with nothing that a terminal would obey.

    Every URL in it is made public; what is known to be secret (see `keep_secret`) and what is called so is masked.
    """
    text = _URL.sub(lambda match: public_url(match.group()), text)
    text = _QUOTED_URL.sub(lambda match: _inner(match.group()), text)
    text = _SAID.sub(lambda match: (match["name"] or match["word"] or match["option"]) + MASK, text)
    for value in sorted(_kept, key=len, reverse=True):
        if value in text:
            text = text.replace(value, MASK)
    return one_line(text)


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
