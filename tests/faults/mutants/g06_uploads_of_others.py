"""G06: a repair ends the uploads of others too.

Fails: tests/faults/test_g11_repair.py::test_a_damaged_archive_is_mended_and_nobody_elses_is_touched
"""

from haulage.operations.fsck.inventory import Inventory

Inventory.owner = lambda me, *_: me._job("select min(job) from keys where ? = ?", ("", ""))
