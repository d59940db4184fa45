"""What of a config and of the environment must not be shown, wherever it comes up."""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

import attrs

from haulage.config.model import Config
from haulage.config.options import describe
from haulage.secrets import password_in

_CALLED_SECRET = re.compile(r"SECRET|TOKEN|PASSW|API_?KEY|CREDENTIALS?$", re.IGNORECASE)


def hidden(config: Config) -> Iterator[str]:
    """The values of options that are secret, and the passwords in URLs among the others."""
    one = (config.database, config.fetcher, config.retry, config.executor)
    several = (config.storages, config.variants, config.observers)
    for chosen in (*one, *(each for mapping in several for each in mapping.values())):
        yield from _in(chosen.options)


def called_secret(environ: Mapping[str, str]) -> Iterator[str]:
    """The values of the environment variables whose names say that they are secret."""
    return (value for name, value in environ.items() if _CALLED_SECRET.search(name))


def _in(value: Any, secret: bool = False) -> Iterator[str]:
    match value:
        case str():
            if secret:
                yield value
            if "://" in value:
                yield from {password := password_in(value), unquote(password)}
        case Mapping():
            for item in value.values():
                yield from _in(item, secret)
        case list() | tuple():
            for item in value:
                yield from _in(item, secret)
        case _ if attrs.has(type(value)):
            for each in attrs.fields(type(value)):
                yield from _in(getattr(value, each.name), secret or describe(each).secret)
