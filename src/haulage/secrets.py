"""Keeping secrets out of what is shown, logged and recorded."""

import re
from urllib.parse import parse_qsl, quote, urlsplit, urlunsplit

_SIGNING = re.compile(
    # The query parameters that sign or authorise a request: AWS Signature V4 and V2, Google Cloud Storage V4,
    # CloudFront, Azure SAS, Akamai, and the names that most sites give to a token of their own.
    r"x-(amz|goog)-.*|awsaccesskeyid|signature|sig|key-pair-id|policy|expires?|hdnea|hdnts|hmac|token|.*_token"
    r"|auth|authorization|api_?key|password|passwd|pwd|secret|session(id)?|s[vepr]|jwt|code",
    re.IGNORECASE,
)
_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://[^\s'\"<>]+")


def has_password(url: str) -> bool:
    """Whether a user name or a password stands in the URL."""
    return "@" in urlsplit(url).netloc


def public_url(url: str) -> str:
    """The URL without what gives access: user name and password, signing parameters, fragment."""
    parts = urlsplit(url)
    kept = [
        (name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if not _SIGNING.fullmatch(name)
    ]
    if len(kept) == len(parse_qsl(parts.query, keep_blank_values=True)):
        query = parts.query
    else:
        query = "&".join(f"{quote(name)}={quote(value)}" for name, value in kept)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, query, ""))


def redact(text: str) -> str:
    """A message with every URL in it made public, on one line."""
    return " ".join(_URL.sub(lambda match: public_url(match.group()), text).split())
