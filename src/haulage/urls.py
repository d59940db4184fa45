"""URLs: which of them can be hauled?"""

from urllib.parse import urlsplit

from haulage.errors import ConfigError
from haulage.secrets import has_password, public_url, redact

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
