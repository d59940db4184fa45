"""The types that options are made of, read strictly: 3 is no text, and true is no number."""

import math
import re
from collections.abc import Callable, Iterable
from datetime import timedelta
from decimal import Decimal
from typing import Any

from haulage.config.document import Problem
from haulage.config.hosts import Host, is_host
from haulage.config.interpolate import plain
from haulage.config.sizes import Dollars, Size
from haulage.config.wording import expected

Read = Callable[[Any], Any]

DURATION = r"([0-9]+(?:\.[0-9]+)?) ?(ms|s|m|h|d)"
"""How a duration is written, as a regular expression."""

SIZE = r"([0-9]+(?:\.[0-9]+)?) ?(B|[kMGT]B|[KMGT]iB)"
"""How a size is written, as a regular expression."""

DOLLARS = r"([0-9]+(?:\.[0-9]+)?) USD"
"""How an amount of dollars is written, as a regular expression."""

_DURATION = re.compile(DURATION)
_UNITS = {"ms": "milliseconds", "s": "seconds", "m": "minutes", "h": "hours", "d": "days"}

_SIZE = re.compile(SIZE)
# The decimal prefixes of the SI, and the binary ones of ISO/IEC 80000-13.
_BYTES = {"B": 1} | {f"{prefix}B": 1000**power for power, prefix in enumerate("kMGT", 1)}
_BYTES |= {f"{prefix}iB": 1024**power for power, prefix in enumerate("KMGT", 1)}


class Misfit(Exception):
    """Data that does not fit its type.

    Attributes:
        problems: What is wrong, with paths that start at the data.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        super().__init__()
        self.problems = tuple(problems)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        wanted = "text in quotes" if isinstance(value, bool | int | float) else "text"
        raise Misfit([expected(wanted, value)])
    return str(value)


def _whole(value: Any) -> int:
    number = plain(value)
    if isinstance(number, bool) or not isinstance(number, int):
        raise Misfit([expected("a whole number", value)])
    return number


def _number(value: Any) -> float:
    number = plain(value)
    if not isinstance(number, bool) and isinstance(number, int | float):
        try:
            if math.isfinite(number):
                return float(number)
        except OverflowError:
            pass
    raise Misfit([expected("a number", value)])


def _truth(value: Any) -> bool:
    truth = plain(value)
    if not isinstance(truth, bool):
        raise Misfit([expected("true or false", value)])
    return truth


def _duration(value: Any) -> timedelta:
    given = plain(value)
    try:
        if isinstance(given, str) and (found := _DURATION.fullmatch(given)):
            return timedelta(**{_UNITS[found[2]]: float(found[1])})
        if isinstance(given, int | float) and not isinstance(given, bool) and given >= 0:
            return timedelta(seconds=given)
    except (OverflowError, ValueError):
        pass
    raise Misfit([expected("a duration such as 1s or 2h", value)])


def _size(value: Any) -> Size:
    given = plain(value)
    if isinstance(given, str) and (found := _SIZE.fullmatch(given)):
        return Size(int(Decimal(found[1]) * _BYTES[found[2]]))
    if isinstance(given, int) and not isinstance(given, bool) and given >= 0:
        return Size(given)
    raise Misfit([expected("a size such as 500MB or 2GiB", value)])


def _dollars(value: Any) -> Dollars:
    given = plain(value)
    if isinstance(given, str) and (found := re.fullmatch(DOLLARS, given)):
        return Dollars(float(found[1]))
    if isinstance(given, int | float) and not isinstance(given, bool) and 0 <= given < math.inf:
        return Dollars(float(given))
    raise Misfit([expected("an amount such as 20 USD", value)])


def _host(value: Any) -> Host:
    if not isinstance(value, str) or not is_host(value):
        raise Misfit([expected("a host name, an address, or a network such as 10.0.0.0/8", value)])
    return Host(str(value))


PRIMITIVES: dict[Any, Read] = {
    str: _text,
    int: _whole,
    float: _number,
    bool: _truth,
    timedelta: _duration,
    Host: _host,
    Size: _size,
    Dollars: _dollars,
}
