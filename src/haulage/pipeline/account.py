"""What a run has stored, and what the archive comes to at its end."""

import logging
import threading
from collections.abc import Mapping

from haulage.billing.rates import Rate, monthly
from haulage.contracts.metadata import MetadataStore
from haulage.contracts.policies import Event, RunEnded, Stored

_log = logging.getLogger(__name__)


class Account:
    """An observer of one run, which adds up what is stored in it.

    Args:
        store: Knows what is stored.
        rates: What storages cost, by name.
    """

    def __init__(self, store: MetadataStore, rates: Mapping[str, Rate]) -> None:
        self._store = store
        self._rates = rates
        self._lock = threading.Lock()
        self._stored = 0

    def __call__(self, event: Event) -> None:
        """Add what was stored; called from the threads that work."""
        match event:
            case Stored(copy=copy):
                with self._lock:
                    self._stored += copy.size or 0

    def close(self) -> RunEnded:
        """Add up the archive, and log all.

        Raises:
            StoreError: The metadata store cannot be asked.
        """
        amounts = self._store.tally().stored
        cost = monthly({name: amount.size for name, amount in amounts.items()}, self._rates)
        total = sum(amount.size for amount in amounts.values())
        ended = RunEnded(self._stored, total, cost.known, cost.unpriced)
        told = {"stored_bytes": ended.stored, "total_bytes": ended.total, "monthly_cost": ended.monthly_cost}
        _log.info("the run has ended: %s", ended, extra=told)
        return ended
