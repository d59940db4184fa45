"""Keeping secrets out of what is shown, logged and recorded."""

import re
from urllib.parse import unquote_plus, urlsplit, urlunsplit

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
_FILE = re.compile(r"\.[A-Za-z0-9]{2,5}$")
_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://[^\s'\"<>]+")


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
    query = _without(parts.query, (_SIGNING, _SECRET))
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, query, ""))


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
    """A message with every URL in it made public, on one line."""
    return " ".join(_URL.sub(lambda match: public_url(match.group()), text).split())
