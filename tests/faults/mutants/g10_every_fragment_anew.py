"""G10: a cancelled download in fragments begins anew.

Fails: tests/faults/test_g10_resume.py::test_a_download_in_fragments[cancel]
"""

from harness.child import begin_with

begin_with("from haulage_ytdlp.child.fragments import Fragments; Fragments.keep = lambda self: None")
