"""G11: a repair takes whatever lies under a key of ours for ours.

Fails: tests/faults/test_g11_repair.py::test_a_damaged_archive_is_mended_and_nobody_elses_is_touched
"""

from haulage.operations.fsck import look

look.owner_of = lambda *_, **__: look.Owner.UNKNOWN
