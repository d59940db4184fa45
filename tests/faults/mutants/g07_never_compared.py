"""G07: fsck does not look at who wrote an object.

Fails: tests/faults/test_g07_sleeper_mended.py::test_what_a_sleeper_published_over_its_successor_is_found_and_mended
"""

from haulage.operations.fsck import look

look.to_be_read = lambda copy, there, *, keeps_info, deep: deep
