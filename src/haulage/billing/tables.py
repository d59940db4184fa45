"""The price tables that come with haulage: one file for each service, dated, every number with its source."""

import functools
from collections.abc import Mapping
from datetime import date
from importlib import resources
from typing import Any

from attrs import frozen


@frozen
class Listed:
    """A price that a table has.

    Attributes:
        price: In USD.
        page: Where the service tells it.
        day: When it did.
    """

    price: float
    page: str
    day: date


@frozen
class Table:
    """What one service asks for.

    Attributes:
        service: "s3" or "gcs".
        date: Of its newest number.
        gigabyte: How many bytes the service calls a gigabyte.
        prices: By region, storage class, and "storage" or "write".
    """

    service: str
    date: date
    gigabyte: int
    prices: Mapping[str, Mapping[str, Mapping[str, Listed]]]


@functools.cache
def table(service: str) -> Table | None:
    """The table of a service; None where none comes with haulage."""
    file = resources.files(__package__) / f"{service}.yaml"
    if not service.isalnum() or not file.is_file():
        return None
    from ruamel.yaml import YAML  # here, since whoever pays nothing needs none

    told = YAML(typ="safe").load(file.read_text(encoding="utf-8"))
    sources = told["sources"]

    def listed(numbers: Mapping[str, Any]) -> dict[str, Listed]:
        return {
            what: Listed(price, sources[source]["page"], sources[source]["day"])
            for what, (price, source) in numbers.items()
        }

    prices = {
        region: {each: listed(numbers) for each, numbers in classes.items()}
        for region, classes in told["prices"].items()
    }
    return Table(service, told["date"], told["gigabyte"], prices)
