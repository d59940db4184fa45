"""G13: who may reach one address of a network may reach all of it.

Fails: tests/faults/test_g13_no_way_in.py::test_no_name_that_changes_its_answer_leads_inside
"""

from haulage_ytdlp import process

process.wire.Fetch = lambda *a, real=process.wire.Fetch: real(*a[:2], ("127.0.0.0/8",), *a[3:])
