"""The names of files that are written beside the objects which they are to become."""

import secrets

from haulage.values import AttemptId

PARTIAL = ".haulage-"
"""What they begin with; no key does, since no part of a key begins with a dot."""


def partial_name(attempt: str) -> str:
    """Make a name that no other upload has; it tells who writes, and its length does not grow with the key."""
    return f"{PARTIAL}{attempt}-{secrets.token_hex(4)}"


def attempt_in(name: str) -> AttemptId:
    """Read from such a name who writes, or whatever a stranger has put there."""
    return AttemptId(name.removeprefix(PARTIAL).rpartition("-")[0])
