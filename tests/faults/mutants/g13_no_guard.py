"""G13: fetch processes connect to whatever address they are led to.

Fails: tests/faults/test_g13_no_way_in.py::test_no_redirect_leads_inside
"""

from harness.child import begin_with

begin_with("from haulage_ytdlp.child import guard; guard.install = lambda _: None")
