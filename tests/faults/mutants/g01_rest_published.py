"""G01: what was written so far is published when an upload is given up.

Fails: tests/faults/test_g01_whole_or_absent.py::test_whatever_ends_an_upload_shows_nothing_or_all[local + sqlite-raise]
"""

from haulage.builtin.local import LocalUpload

LocalUpload._discard = lambda self: self._partial.exists() and self._partial.rename(self._target)
