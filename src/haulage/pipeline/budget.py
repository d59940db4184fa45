"""Whether the archive may still grow, by what the config says that it may take up and cost."""

import logging
import threading
import time
from collections.abc import Mapping

from haulage.billing.rates import Rate, dollars, monthly
from haulage.config.model import Budget
from haulage.contracts.metadata import MetadataStore
from haulage.errors import Failure, Kind
from haulage.values import size_text

WARNS_AT = 0.8
"""The share of the budget from which on the log warns."""

_LOOKS_EVERY = 5.0
"""Seconds for which a look at the database counts: every process that works has to see it."""

_log = logging.getLogger(__name__)


class Allowance:
    """What is left of the budget. Safe to use from many threads; what other processes store counts too.

    Args:
        budget: What may be taken up.
        rates: What storages cost, by name.
        store: Knows what is stored.
    """

    def __init__(self, budget: Budget, rates: Mapping[str, Rate], store: MetadataStore) -> None:
        self._budget = budget
        self._rates = rates
        self._store = store
        self._lock = threading.Lock()
        self._looked = -_LOOKS_EVERY
        self._spent: Failure | None = None
        self._warned: set[str] = set()

    def shortage(self) -> Failure | None:
        """Why nothing may be downloaded now (kind `no_space`); None where the budget allows it.

        Raises:
            StoreError: The metadata store cannot be asked.
        """
        with self._lock:
            if time.monotonic() - self._looked >= _LOOKS_EVERY:
                self._spent = self._look()
                self._looked = time.monotonic()
            return self._spent

    def _look(self) -> Failure | None:
        stored = self._store.tally().stored
        sizes = {name: amount.size for name, amount in stored.items()}
        cost = monthly(sizes, self._rates)
        spent: Failure | None = None
        by = f" ({', '.join(cost.tables)})" if cost.tables else ""
        for name, used, limit, text, of in (
            ("max_bytes", sum(sizes.values()), self._budget.max_bytes, size_text, ""),
            ("max_monthly_cost", cost.known or 0.0, self._budget.max_monthly_cost, _a_month, by),
        ):
            if limit is None:
                continue
            said = f"the archive has {text(used)}{of}, and budget.{name} is {text(limit)}"
            if used >= limit:
                spent = spent or Failure(
                    Kind.NO_SPACE, said, cure=f"remove what can go, or set budget.{name} higher in the config"
                )
            elif used < WARNS_AT * limit:
                self._warned.discard(name)
            elif name not in self._warned:
                self._warned.add(name)
                _log.warning("%s: downloads pause once it is used up", said)
        return spent


def uncounted(budget: Budget, rates: Mapping[str, Rate]) -> Failure | None:
    """What the budget does not count since nobody knows its price, and how to set that; None where it counts all.

    Args:
        budget: What may be taken up.
        rates: What storages cost, by name.
    """
    names = [name for name, rate in rates.items() if rate.storage is None]
    if budget.max_monthly_cost is None or not names:
        return None
    prices = ", ".join(f"{name}: {{storage: ...}}" for name in names)
    said = f"budget.max_monthly_cost does not count {', '.join(names)}: no price is known"
    return Failure(Kind.CONFIG, said, cure=f"set prices: {{{prices}}} in the config, 0 USD for what costs nothing")


def _a_month(amount: float) -> str:
    return f"{dollars(amount)} a month"
