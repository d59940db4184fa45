"""What storing in each storage of a config costs: by the config where it says so, else by the table of the service."""

import os
from collections.abc import Iterable, Mapping
from typing import Any

from attrs import frozen

from haulage.billing.tables import table
from haulage.config.model import Config, Price
from haulage.contracts.context import BuildContext
from haulage.contracts.storage import Billing
from haulage.registry.components import StorageComponent
from haulage.registry.host import Host

GIGABYTE = 10**9
"""What a gigabyte is where no service says otherwise."""

_OWN = "prices of the config"


@frozen
class Rate:
    """What a storage costs, in USD.

    Attributes:
        storage: For a gigabyte and month; None where nobody knows.
        write: For 1,000 requests that write; None where nobody knows.
        gigabyte: How many bytes that is.
        origin: Where the price of a gigabyte is from, with the day of the table; or what to do to know it.
        table: The same in a few words, "s3 table of 2026-07-28"; "" where nobody knows.
        write_table: Likewise of the requests.
    """

    storage: float | None
    write: float | None
    gigabyte: int
    origin: str
    table: str = ""
    write_table: str = ""

    def monthly(self, size: float) -> float | None:
        """What so many bytes cost a month, requests aside; None where nobody knows."""
        return None if self.storage is None else size / self.gigabyte * self.storage


@frozen
class Cost:
    """What something costs a month, in USD.

    Attributes:
        known: As far as prices are known; None where none is.
        unpriced: The storages in it whose price nobody knows, by name.
        tables: Where the prices are from, as Rate has it, each once.
    """

    known: float | None
    unpriced: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()


def rates(config: Config, host: Host) -> dict[str, Rate]:
    """What the storages of a config cost, by name; nobody is asked for it.

    Args:
        config: Names them.
        host: Knows their components.
    """
    found = {}
    for name, chosen in config.storages.items():
        billing = host.find(StorageComponent, chosen.type).billing
        context = BuildContext(name, config.folder, dict(os.environ))
        found[name] = rate(name, billing and billing(chosen.options, context), config.prices.get(name))
    return found


def rate(name: str, billing: Billing | None, own: Price | None) -> Rate:
    """What a storage costs.

    Args:
        name: The storage's name in the config.
        billing: What its component says decides about its price.
        own: What the config says of its price; each number counts instead of that of a table.
    """
    listed = billing and table(billing.service)
    found: Mapping[str, Any] = {}
    if billing and listed:
        found = listed.prices.get(billing.region, {}).get(billing.storage_class, {})
    numbers = {what: found[what].price if what in found else None for what in ("storage", "write")}
    if own is not None:
        numbers |= {what: said for what in numbers if (said := getattr(own, what)) is not None}
    gigabyte = listed.gigabyte if listed else GIGABYTE
    if own is not None and own.storage is not None:
        origin = _OWN
    elif "storage" in found and listed:
        price = found["storage"]
        origin = f"{_words(billing)}; table {listed.service} of {listed.date}: {price.page}, {price.day}"
    else:
        what = _words(billing) if billing else f"storage {name}"
        origin = f"no price known for {what}: set prices: {{{name}: {{storage: ...}}}} in the config"
    written = f"{listed.service} table of {listed.date}" if listed else ""
    tables = {
        what: "" if said is None else _OWN if own is not None and getattr(own, what) is not None else written
        for what, said in numbers.items()
    }
    return Rate(numbers["storage"], numbers["write"], gigabyte, origin, tables["storage"], tables["write"])


def _words(billing: Billing | None) -> str:
    assert billing is not None
    place = f"in {billing.region}" if billing.region else "in a region that the config does not name"
    return f"{billing.service} {billing.storage_class} {place}"


def monthly(sizes: Mapping[str, int], rates: Mapping[str, Rate]) -> Cost:
    """What bytes in storages, by name, cost a month; a storage that the config names no more has no price."""
    costs = {name: rates[name].monthly(size) if name in rates else None for name, size in sizes.items() if size}
    return _cost(costs, (rates[name].table for name in costs if name in rates))


def writes(counts: Mapping[str, int], rates: Mapping[str, Rate]) -> Cost:
    """What requests that write to storages, by name, cost."""
    prices = {name: rates[name].write if name in rates else None for name in counts}
    costs = {name: None if price is None else counts[name] / 1000 * price for name, price in prices.items()}
    return _cost(costs, (rates[name].write_table for name in costs if name in rates))


def _cost(costs: Mapping[str, float | None], tables: Iterable[str]) -> Cost:
    known = [cost for cost in costs.values() if cost is not None]
    nothing = None if costs else 0.0
    unpriced = tuple(name for name, cost in costs.items() if cost is None)
    return Cost(sum(known) if known else nothing, unpriced, tuple(sorted({*tables} - {""})))


def dollars(amount: float) -> str:
    """An amount for people, with cents where they matter: "0.0042 USD", "3.20 USD", "1,204 USD"."""
    if not amount or amount >= 1000:
        return f"{amount:,.0f} USD"
    return f"{amount:.2f} USD" if amount >= 0.1 else f"{amount:.2g} USD"
