"""G17: nobody looks which schema a database has.

Fails: tests/faults/test_g17_upgrades.py::test_a_database_of_a_later_release_is_refused
"""

from haulage.builtin.sql.store import SqlStore

SqlStore.prepare = lambda self: None
