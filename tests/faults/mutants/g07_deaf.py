"""G07: a worker does not hear that it has lost its lease.

Fails: tests/faults/test_g07_sleeper.py::test_a_worker_whose_clock_jumped_ends_what_runs
"""

from haulage.builtin.sql.store import SqlStore

SqlStore.beat = lambda self, beats, lease: {}
