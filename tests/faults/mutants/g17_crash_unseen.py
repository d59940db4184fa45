"""G17: a job of an earlier release is not seen to have crashed.

Fails: tests/faults/test_g17_upgrades.py::test_a_database_of_an_earlier_release_is_gone_on_with
"""

from haulage.pipeline.job import Carrier

Carrier._bury = lambda self, attempt: True
