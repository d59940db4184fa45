"""Validators for options that many storages have; as attrs calls them."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from attrs import Attribute


def check_prefix(_: Any, __: "Attribute[str]", value: str) -> None:
    """Refuse a prefix of keys that is no path of folders.

    Raises:
        ValueError: What is wrong with it.
    """
    parts = value.strip("/").split("/") if value.strip("/") else []
    if any(part in ("", ".", "..") for part in parts) or not value.isprintable():
        raise ValueError('a part between two "/" is empty, "." or "..", or there is a control character')


def check_endpoint(credentials: str, *, path: bool = True) -> Callable[[Any, "Attribute[str]", str], None]:
    """Make what refuses an endpoint that is no URL of a web server; none at all is right.

    Args:
        credentials: The options that take the credentials which do not belong into the URL.
        path: Whether it may have a path.
    """

    def check(_: Any, __: "Attribute[str]", value: str) -> None:
        parts = urlsplit(value)
        if value and (parts.scheme not in ("http", "https") or not parts.hostname):
            raise ValueError("it is no http:// or https:// URL")
        if "@" in parts.netloc:
            raise ValueError(f"it must have no user name and password in it; use {credentials}")
        if parts.query or parts.fragment or (parts.path.strip("/") and not path):
            raise ValueError(f"it must end after the {'path' if path else 'host or the port'}")

    return check
