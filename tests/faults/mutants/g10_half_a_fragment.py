"""G10: a killed download in fragments is gone on with.

Fails: tests/faults/test_g10_resume.py::test_a_download_in_fragments[kill]
"""

from harness.child import begin_with

NOTED = "o = F.open; F.open = lambda self, *more: (self._last or self.keep(), o(self, *more))[1]"
begin_with(f"from haulage_ytdlp.child.fragments import Fragments as F; {NOTED}")
