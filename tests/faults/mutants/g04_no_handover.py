"""G04: what lies in another workspace is not waited for.

Fails: tests/faults/test_g04_fetched_is_fetched.py::test_another_machine_downloads_again_only_after_the_handover
"""

from datetime import timedelta

from haulage.pipeline import worker

worker.HANDOVER = timedelta(0)
