"""What is asked for: is it something that can be hauled?"""

from collections.abc import Collection

from haulage.errors import ConfigError
from haulage.urls import check_url
from haulage.values import Request


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
