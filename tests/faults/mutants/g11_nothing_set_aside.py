"""G11: a damaged file is deleted, and not kept under another name.

Fails: tests/faults/test_g11_repair.py::test_a_damaged_archive_is_mended_and_nobody_elses_is_touched
"""

from haulage.operations.fsck.mend import Mender

Mender._set_aside = lambda me, _, copy, there, __: me._archive.places[copy.storage].storage.delete(copy.key, only=there)
