"""G19: a second Ctrl-C waits for whatever runs.

Fails: tests/faults/test_g19_bounded_time.py::test_a_second_ctrl_c_ends_a_run_behind_a_silent_store
"""

from haulage.cli import signals

signals._PATIENCE_SECONDS = 60
