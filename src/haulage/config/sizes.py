"""Numbers of bytes, and of dollars."""

from typing import NewType

Size = NewType("Size", int)
"""A number of bytes, which may be written with a unit: 500MB, 2GiB."""

Dollars = NewType("Dollars", float)
"""An amount of US dollars, which may be written with the currency: 20 USD."""
