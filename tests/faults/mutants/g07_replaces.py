"""G07: a file is put into the place of whatever is there, and a sleeper does not look at the time when it wakes up.

Fails: tests/faults/test_g07_sleeper.py::test_the_object_is_the_successors[local + sqlite, upload.commit before 1]
"""

from haulage.builtin.local import LocalUpload
from haulage.pipeline.heart import Heart

LocalUpload._show, Heart.holds_since = lambda self: self._partial.replace(self._target), lambda *_: None
