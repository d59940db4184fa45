"""G15: what runs is not told that it was cancelled.

Fails: tests/faults/test_g15_ctrl_c.py::test_the_second_one_ends_what_runs[fetching]
"""

from haulage.cancel import CancelToken

CancelToken.cancel = lambda self, reason: None
