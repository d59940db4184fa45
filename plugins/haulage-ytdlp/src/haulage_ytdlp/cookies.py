"""What of a file of cookies is secret."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

_SHORTEST = 8
"""Characters; what is shorter, a word or a number is a setting rather than a session."""


def cookie_values(path: Path) -> Iterator[str]:
    """The values in a file in Netscape's format that give access, as they are written and unquoted.

    Raises:
        OSError: It cannot be read.
    """
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        value = line.split("\t")[-1].strip() if line.count("\t") >= 6 else ""
        if len(value) >= _SHORTEST and not value.isalpha() and not value.isdecimal():
            yield from {value, unquote(value)}
