"""G11: what was there before haulage is taken for what haulage wrote.

Fails: tests/faults/test_g11_import.py::test_what_was_imported_is_never_deleted
"""

from haulage.values import Copy

Copy.imported = property(lambda _: False)
