"""What is asked for: is it something that can be hauled?"""

from collections.abc import Collection
from urllib.parse import urlsplit

from haulage.errors import ConfigError
from haulage.secrets import has_password, public_url, redact
from haulage.values import Request

LONGEST_URL = 8192
"""Characters; some servers take no more, and few take that many."""


def check_url(url: str) -> str:
    """Return the URL if it is one that can be hauled.

    Raises:
        ConfigError: It is not.
    """
    try:
        url.encode()  # what came from a command line may hold bytes that are no text
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or len(url) > LONGEST_URL or any(character.isspace() for character in url):
        raise ConfigError(
            f"{redact(repr(url[:LONGEST_URL]))[:200]} is not a URL that can be hauled; write it like https://example.com/video"
        )
    if has_password(url):
        raise ConfigError(f"{public_url(url)}: a user name or password may not stand in a URL")
    return url


def check_entry(url: str) -> str:
    """Return the URL of an entry of a list if it may be put into the queue.

    A fetcher may know entries by words of its own, such as `wistia:abc`; what has a path has to be a URL like any.

    Raises:
        ConfigError: It may not: it has a password, is no URL, or longer than anybody writes them.
    """
    words = url.partition("#")[0]
    if "/" in words or has_password(url):
        return check_url(url)
    if not words.isprintable() or any(each.isspace() for each in url) or len(url) > LONGEST_URL:
        raise ConfigError(f"{redact(repr(url[:200]))} is not a URL that can be hauled")
    return url


def check_request(asked: str | Request, variants: Collection[str]) -> Request:
    """Return what is asked for as a request.

    Args:
        asked: A URL, or a request that names a variant too.
        variants: The names of the variants that there are.

    Raises:
        ConfigError: It is not a URL that can be hauled, or there is no such variant.
    """
    request = Request(asked) if isinstance(asked, str) else asked
    check_url(request.url)
    if request.variant and request.variant not in variants:
        there = f"; there are: {', '.join(sorted(variants))}" if variants else "; the config has none"
        raise ConfigError(f"unknown variant {request.variant!r}{there}")
    return request
