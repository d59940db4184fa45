"""G11: a video that is adopted is due, and downloaded again.

Fails: tests/faults/test_g11_repair.py::test_a_lost_database_is_made_again_from_the_storage
"""

from haulage.operations.fsck import adopt

adopt.with_copy = lambda job, *_: job
