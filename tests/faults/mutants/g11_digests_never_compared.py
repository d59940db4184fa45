"""G11: --deep reads, and believes whatever it reads.

Fails: tests/faults/test_g11_repair.py::test_a_damaged_archive_is_mended_and_nobody_elses_is_touched
"""

from haulage.operations.fsck import judge, look

look.fault_of = lambda copy, there, digest, owner: judge.fault_of(copy, there, None, owner)
