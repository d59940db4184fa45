"""Numbers of bytes."""

from typing import NewType

Size = NewType("Size", int)
"""A number of bytes, which may be written with a unit: 500MB, 2GiB."""
