"""The short forms of a config, written out."""

import re
from collections.abc import Iterator
from typing import Any

from haulage.config.document import Problem
from haulage.config.interpolate import part
from haulage.config.primitives import Misfit
from haulage.config.wording import expected, show

NAME = r"[a-z0-9][a-z0-9_-]*"
"""What names of storages, variants and subscriptions look like, as a regular expression."""

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)
_PLACE = re.compile(r"([A-Za-z0-9._-]+)(?:/+(.*?))?/*", re.DOTALL)
_BUCKETS = {"s3": "s3", "gs": "gcs"}


def storage(written: Any) -> Any:
    """Write a storage out, of which there may only be a path or a URL.

    Raises:
        Misfit: It is a URL that says nothing.
    """
    if not isinstance(written, str):
        return written
    found = _SCHEME.fullmatch(written)
    if not found:
        return {"type": "local", "path": written}
    scheme = found[1].lower()
    if scheme not in _BUCKETS:
        raise Misfit([expected("a path, s3://bucket/prefix, gs://bucket/prefix, or a mapping with a type", written)])
    place = _PLACE.fullmatch(found[2])
    if not place:
        raise Misfit([expected(f"{scheme}://bucket/prefix without user name and password", written)])
    bucket, prefix = place[1], place[2]
    full = {"type": _BUCKETS[scheme], "bucket": part(written, bucket)}
    return {**full, "prefix": part(written, prefix)} if prefix else full


def database(written: Any) -> Any:
    """Write a database out, of which there may only be a URL."""
    return {"type": "sqlalchemy", "url": written} if isinstance(written, str) else written


def executor(written: Any) -> Any:
    """Write an executor out, of which there is only the number of workers."""
    return {"type": "threads", "workers": written}


def observer(written: Any) -> Any:
    """Write an observer out, of which there may only be the type."""
    return {"type": written} if isinstance(written, str) else written


def subscriptions(written: Any) -> Any:
    """Write subscriptions out, of each of which there may only be the URL."""
    if not isinstance(written, dict):
        return written
    return {name: {"url": each} if isinstance(each, str) else each for name, each in written.items()}


def check_name(what: str, name: str) -> None:
    """Check the name of a storage, a variant or a subscription.

    Raises:
        Misfit: It is none.
    """
    if problems := list(named(what, name)):
        raise Misfit(problems)


def named(what: str, name: str) -> Iterator[Problem]:
    """Say what is wrong with such a name."""
    if not re.fullmatch(NAME, name):
        yield Problem((), f"{show(name)} is no name for a {what}; use a-z 0-9 _ -, and a letter or a digit first")
