"""G14: as many jobs run at once as wait.

Fails: tests/faults/test_g14_bounded.py::test_slow_sites_hold_no_more_than_there_are_workers
"""

from concurrent.futures import ThreadPoolExecutor

from haulage.pipeline.assembly import Assembly

Assembly.executor = lambda self: (ThreadPoolExecutor(12), 12)
