"""What a PostgreSQL server answers to who asks it itself, and how a store on it says that it failed."""

import pytest

from haulage.errors import StoreError

PLANTED = "hunter2secret"
"""A password that no failure shows."""


def asked(witness, statement, *values):
    """All rows."""
    return witness.execute(statement, values).fetchall()


def failure_of(call):
    """What a call fails with, which must be one line and show no secret."""
    with pytest.raises(StoreError) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message, f"it is more than one line: {message}"
    assert PLANTED not in f"{message}{caught.value.__cause__!r}", "the failure shows the password"
    return caught.value.failure
