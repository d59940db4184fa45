"""What of a file of cookies is secret."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

_SESSION = re.compile(r"(?=.*[a-z])(?=.*\d).{8,}", re.IGNORECASE)
"""What is shorter, or has no letters or no digits, is a setting, a site or a date rather than a session."""


def cookie_values(path: Path) -> Iterator[str]:
    """The values in a file in Netscape's format that give access, as they are written and unquoted.

    Raises:
        OSError: It cannot be read.
    """
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        value = line.split("\t")[-1].strip() if line.count("\t") >= 6 else ""
        if _SESSION.fullmatch(value):
            yield from {value, unquote(value)}
