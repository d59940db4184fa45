"""G11: an import adds a job, and says only afterwards that its video is there.

Fails: tests/faults/test_g11_import.py::test_an_import_that_is_killed_goes_on
"""

from haulage.builtin.sql.store import MetadataStore, SqlStore

SqlStore.take_in = MetadataStore.take_in
