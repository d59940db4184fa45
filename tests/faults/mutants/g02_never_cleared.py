"""G02: what was fetched is not cleared away, and the way there is never taken.

Fails: tests/faults/test_g02_nothing_lost.py::test_an_undisturbed_haul_meets_every_seam
"""

from haulage.contracts.metadata import Done
from haulage.pipeline.job import Carrier

Carrier._finish = lambda self, attempt: attempt.settle(attempt.job, Done())
