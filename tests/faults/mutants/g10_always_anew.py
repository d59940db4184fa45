"""G10: every download begins anew.

Fails: tests/faults/test_g10_resume.py::test_a_download_goes_on_where_it_stopped
"""

from harness.child import begin_with

begin_with("from haulage_ytdlp.child import resume; resume.Direct._read = lambda self: None")
