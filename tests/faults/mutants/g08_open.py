"""G08: a site that refuses is not closed.

Fails: tests/faults/test_g08_politeness.py::test_no_job_begins_before_the_cool_down_ends[local + sqlite, 1 x 8]
"""

from haulage.builtin.sql import rows

rows.close_site = lambda connection, name, gate: None
