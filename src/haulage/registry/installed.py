"""Which plugins are installed, as their distributions say: nothing of them is imported."""

import logging
import re
from collections.abc import Iterator
from importlib.metadata import EntryPoint, distributions

GROUP = "haulage.v1"
"""The entry-point group of plugins. An entry point is named like the component and points to a module."""

_log = logging.getLogger(__name__)


def installed() -> Iterator[EntryPoint]:
    """Find the entry points of our group.

    One distribution at a time: a file of entry points that cannot be read would take all others with it.
    """
    seen: set[str] = set()
    for found in distributions():
        try:
            points = found.entry_points.select(group=GROUP)
            name = normal(found.metadata["Name"]) if points else ""
        except Exception:
            _log.debug("the metadata of an installed distribution cannot be read", exc_info=True)
            continue
        if points and name not in seen:  # the first on the path is the one that is imported
            seen.add(name)
            yield from points


def distribution(point: EntryPoint) -> str:
    """The name of the distribution that an entry point comes from."""
    return point.dist.name if point.dist else point.value


def origin(point: EntryPoint) -> str:
    """The name and the version of the distribution that an entry point comes from."""
    return f"{point.dist.name} {point.dist.version}" if point.dist else point.value


def normal(name: str) -> str:
    """Write the name of a distribution in the one way in which equal names are equal."""
    return re.sub(r"[-_.]+", "-", name).lower()
