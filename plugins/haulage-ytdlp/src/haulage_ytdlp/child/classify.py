"""Say in the vocabulary of failures what went wrong, while the exception is whole: it would not survive the wire."""

import errno
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from attrs import frozen
from yt_dlp.networking.exceptions import (
    CertificateVerifyError,
    HTTPError,
    IncompleteRead,
    ProxyError,
    RequestError,
    TransportError,
)
from yt_dlp.utils import (
    ContentTooShortError,
    DownloadError,
    ExtractorError,
    GeoRestrictedError,
    PostProcessingError,
    UnsupportedError,
)

from haulage.plugin import Failure, Kind, redact
from haulage_ytdlp.child import guard

_COOKIES = "name a file with the cookies of a browser that is signed in: fetcher: {cookies: FILE}"


@frozen
class Pattern:
    """What a message of yt-dlp or of a site means."""

    text: re.Pattern[str]
    kind: Kind
    cure: str = ""


def _pattern(text: str, kind: Kind, cure: str = "") -> Pattern:
    return Pattern(re.compile(text, re.IGNORECASE), kind, cure)


# The first that matches counts. YouTube's word for a rate limit begins like its word for a video that is gone.
PATTERNS = (
    _pattern(r"rate-limited by YouTube|This content isn.t available, try again later", Kind.RATE_LIMITED),
    _pattern(r"confirm you.re not a bot|account cookies are no longer valid", Kind.AUTH, _COOKIES),
    _pattern(
        r"members-only|Join this channel|only available for registered users|Private video",
        Kind.AUTH,
        _COOKIES,
    ),
    _pattern(r"not available from your location|not made this video available in your country", Kind.GEO),
    _pattern(r"Premieres in|live event will begin|Premiere will begin", Kind.NOT_YET),
    _pattern(r"DRM protected", Kind.UNAVAILABLE),
    _pattern(r"ffmpeg is not installed|ffmpeg not found|ffprobe.*not found", Kind.ENVIRONMENT, "install FFmpeg"),
    _pattern(r"No space left on device|Disk quota exceeded", Kind.NO_SPACE, "free some space"),
    _pattern(r"Did not get any data blocks|file is empty", Kind.INVALID),
    _pattern(r"timed out|Connection reset|Temporary failure in name resolution", Kind.TRANSIENT),
    _pattern(
        r"Unsupported URL|is not a valid URL",
        Kind.UNAVAILABLE,
        "it is not a page that yt-dlp finds a video on",
    ),
    _pattern(r"No video formats found|Requested format is not available", Kind.UNAVAILABLE),
    _pattern(r"Video unavailable|has been removed|no longer available|does not exist", Kind.UNAVAILABLE),
)

# IncompleteRead, as yt-dlp's downloader words it; of a body in chunks it counts the last one alone
_CUT = re.compile(r"(\d+) bytes read(?:, (\d+) more expected)?")

# urllib3.exceptions.NameResolutionError
_UNKNOWN_HOST = re.compile(r"Failed to resolve '([^']+)'")

# RFC 9110 section 15 for the meaning of each; whatever else a server refuses with 4xx it will refuse again.
_STATUSES = {
    401: (Kind.AUTH, _COOKIES),
    408: (Kind.TRANSIENT, ""),
    425: (Kind.TRANSIENT, ""),
    429: (Kind.RATE_LIMITED, ""),
    451: (Kind.GEO, ""),
}


def classify(error: BaseException, network: BaseException | None = None) -> Failure:
    """Say what an exception of yt-dlp means.

    Args:
        error: The exception.
        network: The last error that the network gave, since exhausted retries lose their cause.
    """
    message = _message(error)
    chain = list(_chain(error))
    if not any(isinstance(each, HTTPError | TransportError) for each in chain) and network and _gave_up(message):
        chain.append(network)
    if guard.refusals and not any(isinstance(each, HTTPError | IncompleteRead) for each in chain):
        return _refused(guard.refusals[-1])
    for each in chain:
        failure = _by_type(each, message)
        if failure is not None:
            return failure
    if cut := _CUT.search(message):
        read, more = (int(number or 0) for number in cut.groups())
        place = f"after {read} of {read + more} bytes" if more else "before the end of the file"
        return Failure(Kind.TRANSIENT, f"the connection ended {place}")
    for pattern in PATTERNS:
        if pattern.text.search(message):
            return Failure(pattern.kind, message, cure=pattern.cure)
    if any(isinstance(each, PostProcessingError) for each in chain):
        return Failure(Kind.INVALID, message)
    if any(isinstance(each, ExtractorError | DownloadError | RequestError) for each in chain):
        return Failure(Kind.UNAVAILABLE, message)
    return Failure(Kind.BUG, f"{type(error).__name__}: {message}")


def _refused(refusal: guard.Refused) -> Failure:
    if isinstance(refusal, guard.AddressRefused):
        return Failure(Kind.UNAVAILABLE, str(refusal), cure="if it is meant, name it in private_hosts")
    return Failure(Kind.ENVIRONMENT, f"{refusal}, past haulage's guard")


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The exception and all that it was made from, by any of the ways that yt-dlp keeps them."""
    seen: list[BaseException] = []
    todo: list[BaseException | None] = [error]
    while todo:
        each = todo.pop(0)
        if each is None or each in seen:
            continue
        seen.append(each)
        yield each
        exc_info = getattr(each, "exc_info", None) or (None, None, None)
        todo += [getattr(each, "cause", None), exc_info[1], each.__cause__, each.__context__]


def _gave_up(message: str) -> bool:
    return bool(re.search(r"HTTP Error \d+|Got error|giving up", message, re.IGNORECASE))


def _by_type(error: BaseException, message: str) -> Failure | None:
    if isinstance(error, HTTPError):
        return _by_status(error)
    if isinstance(error, RecursionError | MemoryError):
        return Failure(Kind.UNAVAILABLE, "its page is too deep or too large to be read")
    if isinstance(error, GeoRestrictedError):
        return Failure(Kind.GEO, message)
    if isinstance(error, UnsupportedError):
        return Failure(Kind.UNAVAILABLE, message, cure="it is not a page that yt-dlp finds a video on")
    if isinstance(error, ContentTooShortError):
        return Failure(Kind.TRANSIENT, f"the connection ended after {error.downloaded} of {error.expected} bytes")
    if isinstance(error, CertificateVerifyError | ProxyError):
        return Failure(Kind.ENVIRONMENT, redact(str(error)))
    if isinstance(error, TransportError):
        if unknown := _UNKNOWN_HOST.search(str(error)):
            cure = "look at the host's name, and whether this machine is online"
            return Failure(Kind.TRANSIENT, f"cannot resolve the host {unknown[1]}", cure=cure)
        return Failure(Kind.TRANSIENT, redact(str(error)))
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Failure(Kind.NO_SPACE, f"the workspace: {error.strerror}", cure="free some space")
    return None


def _by_status(error: HTTPError) -> Failure:
    if error.redirect_loop:
        return Failure(Kind.UNAVAILABLE, "it redirects again and again")
    message = redact(f"HTTP {error.status} {error.reason or ''}")
    kind, cure = _STATUSES.get(error.status, (Kind.TRANSIENT if error.status >= 500 else Kind.UNAVAILABLE, ""))
    return Failure(kind, message, retry_after=_retry_after(error.response.headers.get("Retry-After")), cure=cure)


def _retry_after(header: str | None) -> timedelta | None:
    """RFC 9110 section 10.2.3: seconds, or a date in any of its three forms, of which asctime's names no zone."""
    if not header:
        return None
    if header.strip().isdecimal():
        return timedelta(seconds=int(header.strip()[:9]))
    try:
        date = parsedate_to_datetime(header)
        return max(date.replace(tzinfo=date.tzinfo or UTC) - datetime.now(UTC), timedelta(0))
    except (ValueError, TypeError):
        return None


def _message(error: BaseException) -> str:
    """The first line, without yt-dlp's prefixes and its request for bug reports."""
    text = str(getattr(error, "orig_msg", None) or getattr(error, "msg", None) or error).strip()
    text = text.removeprefix("ERROR: ")
    text = re.split(r"; please report this issue on|\. If you believe this is an error", text)[0].strip()
    return redact(re.sub(r"^\[[\w:.-]+\] (\S+: )?", "", text))[:500]
