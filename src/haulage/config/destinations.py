"""What may be written where storages are chosen."""

from collections.abc import Iterable, Iterator
from typing import Any

from haulage.config.document import Problem
from haulage.config.wording import show, unknown


def problems(raw: list[Any], known: Iterable[str]) -> Iterator[Problem]:
    """Say what is wrong with names of storages, the primary one first."""
    if not raw:
        yield Problem((), "expected at least one storage")
    for index, name in enumerate(raw):
        if name not in known:
            yield unknown("storage", name, known).under(index)
        elif name in raw[:index]:
            yield Problem((index,), f"{show(name)} is there twice")
