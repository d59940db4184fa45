"""G15: after the first Ctrl-C the next job is begun.

Fails: tests/faults/test_g15_ctrl_c.py::test_the_first_one_finishes_what_runs[fetching]
"""

from haulage.pipeline.driver import Driver

Driver.stop = lambda self: bool(self._running)
