"""G09: a video may be refused by rate limits any number of times.

Fails: tests/faults/test_g09_retries.py::test_rate_limits_end[strikes]
"""

from haulage.pipeline import steps

steps.MOST_STRIKES = 10**9
