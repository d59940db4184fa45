"""G09: a video may be refused by rate limits for years.

Fails: tests/faults/test_g09_retries.py::test_rate_limits_end[siege]
"""

from datetime import timedelta

from haulage.pipeline import steps

steps.LONGEST_SIEGE = timedelta.max
