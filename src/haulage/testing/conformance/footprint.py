"""What a component takes of the memory of this process, and of its disks."""

import gc
import itertools
import os
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs

_MOST = 20_000


def traced(work: Callable[[], object]) -> int:
    """How many more bytes there are after some work, of those that Python gives out."""
    was_tracing = tracemalloc.is_tracing()
    if not was_tracing:
        tracemalloc.start()
    try:
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        work()
        gc.collect()
        return tracemalloc.get_traced_memory()[0] - before
    finally:
        if not was_tracing:
            tracemalloc.stop()


def files_of(options: Any, folder: Path) -> frozenset[str]:
    """The files in folders that options name; none where there are too many to look at."""
    values = (getattr(options, field.name) for field in attrs.fields(type(options)))
    folders = {folder / value for value in values if isinstance(value, str) and value}
    found = frozenset(itertools.islice(_files(each for each in folders if each.is_dir()), _MOST))
    return found if len(found) < _MOST else frozenset()


def _files(folders: Iterator[Path]) -> Iterator[str]:
    for folder in folders:
        for parent, _, names in os.walk(folder):
            yield from (os.path.join(parent, name) for name in names)  # noqa: PTH118 - a Path for each takes longer
