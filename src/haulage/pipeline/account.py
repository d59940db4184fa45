"""What a run has stored, and what the archive comes to at its end."""

import logging
import queue
import threading
from collections.abc import Mapping

from haulage.billing.rates import Rate, monthly
from haulage.contracts.policies import Event, RunEnded, Stored
from haulage.contracts.totals import Tally
from haulage.errors import HaulageError
from haulage.pipeline.patience import PatientStore
from haulage.values import size_text

_HURRY_SECONDS = 0.7
"""How long the archive may take to be added up where a run does not end by itself: what ends it takes 3 s of 5."""

_log = logging.getLogger(__name__)


class Account:
    """An observer of one run, which adds up what is stored in it. Its end is told once.

    Args:
        store: Knows what is stored.
        rates: What storages cost, by name.
    """

    def __init__(self, store: PatientStore, rates: Mapping[str, Rate]) -> None:
        self._store = store
        self._rates = rates
        self._lock = threading.Lock()
        self._closing = threading.Lock()
        self._closed = False
        self._stored = 0

    def __call__(self, event: Event) -> None:
        """Add what was stored; called from the threads that work."""
        match event:
            case Stored(copy=copy):
                with self._lock:
                    self._stored += copy.size or 0

    @property
    def stored(self) -> int:
        """How many bytes were stored so far; from any thread."""
        with self._lock:
            return self._stored

    def close(self) -> RunEnded | None:
        """Add up the archive, and log all; None where that was done already.

        Raises:
            StoreError: The metadata store cannot be asked.
        """
        with self._closing:
            if self._closed:
                return None
            self._closed = True
            return self._end(self._store.tally())

    def close_in_a_hurry(self) -> RunEnded | None:
        """Likewise, where a signal or an error ends the run: within a second, and whatever the metadata store does.

        Where it cannot be asked by then, a warning says so, and None is returned.
        """
        with self._closing:
            if self._closed:
                return None
            self._closed = True
            found: queue.SimpleQueue[Tally | str] = queue.SimpleQueue()
            threading.Thread(target=self._ask, args=(found,), name="haulage-account", daemon=True).start()
            try:
                told = found.get(timeout=_HURRY_SECONDS)
            except queue.Empty:
                told = "it took too long"
            if isinstance(told, Tally):
                return self._end(told)
            stored = size_text(self._stored)
            _log.warning("the run has ended: %s stored; the archive cannot be added up: %s", stored, told)
            return None

    def _ask(self, found: "queue.SimpleQueue[Tally | str]") -> None:
        try:
            found.put(self._store.at_once.tally())
        except HaulageError as error:
            found.put(str(error))
        except Exception as error:  # of a store that keeps no contract: the run ends for another reason
            found.put(type(error).__name__)

    def _end(self, tally: Tally) -> RunEnded:
        cost = monthly({name: amount.size for name, amount in tally.stored.items()}, self._rates)
        ended = RunEnded(self._stored, tally.size, cost.known, cost.unpriced, cost.tables)
        told = {
            "stored_bytes": ended.stored,
            "total_bytes": ended.total,
            "monthly_cost": ended.monthly_cost,
            "price_tables": ended.tables,
        }
        _log.info("the run has ended: %s", ended, extra=told)
        return ended
