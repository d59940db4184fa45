"""G10: a killed download in fragments is gone on with.

Fails: tests/faults/test_g10_resume.py::test_a_killed_download_in_fragments_begins_afresh
"""

from harness.child import begin_with

begin_with("from haulage_ytdlp.child import session; session.begin_anew = lambda name: None")
