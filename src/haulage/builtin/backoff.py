"""The default retry policy."""

from datetime import timedelta

from attrs import frozen

from haulage.contracts.policies import History


@frozen
class ExponentialBackoff:
    """Wait `initial`, then `factor` times as long after each failure, until there were `attempts` tries.

    Attributes:
        attempts: How many tries there are in all.
        initial: The wait after the first one.
        factor: What each wait is multiplied by.
        max_delay: No wait is longer, before jitter.
        jitter: The largest share of a wait that is added at random.
    """

    attempts: int
    initial: timedelta
    factor: float
    max_delay: timedelta
    jitter: float = 0.0

    def next_delay(self, history: History) -> timedelta | None:
        """See haulage.contracts.policies.RetryPolicy."""
        failures = len(history.tries)
        if failures >= self.attempts:
            return None
        try:
            grown = self.initial * self.factor ** (failures - 1)
        except OverflowError:
            grown = self.max_delay
        return min(grown, self.max_delay) * (1 + self.jitter * history.draw)
