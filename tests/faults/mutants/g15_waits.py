"""G15: who only waits is not ended.

Fails: tests/faults/test_g15_ctrl_c.py::test_nobody_waits_for_a_site_that_is_closed
"""

from haulage.pipeline.driver import Driver

Driver.stop = lambda self: True
