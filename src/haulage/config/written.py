"""Values as people write them in a config."""

import json
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import attrs

from haulage.config.options import describe
from haulage.config.scalars import scalar

_BARE = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_./-]*(:[A-Za-z0-9_./-]+)*")
_MILLISECOND = timedelta(milliseconds=1)
_UNITS = {"d": timedelta(days=1), "h": timedelta(hours=1), "m": timedelta(minutes=1), "s": timedelta(seconds=1)}


MASK = "***"
"""What is shown instead of a secret."""


def data(value: Any, masked: bool = False) -> Any:
    """Give a value of an option as plain data, such that reading it gives the value again.

    Args:
        value: The value.
        masked: Whether to mask the secrets that options classes in it have; what is empty is no secret.
    """
    match value:
        case None | bool() | int() | float():
            return value
        case timedelta():
            return _duration(value)
        case Mapping():
            return {str(key): data(item, masked) for key, item in value.items()}
        case list() | tuple():
            return [data(item, masked) for item in value]
        case _ if attrs.has(type(value)):
            fields = (each for each in attrs.fields(type(value)) if each.init)
            return {
                each.alias or each.name: mask(found) if masked and describe(each).secret else found
                for each in fields
                for found in [data(getattr(value, each.name), masked)]
            }
    return str(value)


def mask(plain: Any) -> Any:
    """Put something else in the place of a secret; nothing at all is shown as it is."""
    return plain if plain in (None, "", [], {}) else MASK


def line(plain: Any) -> str:
    """Write plain data as YAML, on one line; texts without quotes where they need none."""
    match plain:
        case str() if _BARE.fullmatch(plain) and scalar(plain) == plain:
            return plain
        case dict():
            return "{" + ", ".join(f"{line(key)}: {line(item)}" for key, item in plain.items()) + "}"
        case list():
            return "[" + ", ".join(map(line, plain)) + "]"
    # YAML would refuse some characters, and take others for the end of a line.
    return "".join(
        each if each.isprintable() else f"\\U{ord(each):08x}" for each in json.dumps(plain, ensure_ascii=False)
    )


def _duration(value: timedelta) -> str:
    for unit, length in _UNITS.items():
        if value % length == timedelta(0) and (value or unit == "s"):
            return f"{value // length}{unit}"
    if value % _MILLISECOND == timedelta(0):
        return f"{value // _MILLISECOND}ms"
    seconds, rest = divmod(value, _UNITS["s"])
    return f"{seconds}.{rest.microseconds:06}".rstrip("0") + "s"
