"""G07: a file is put into the place of whatever is there.

Fails: tests/faults/test_g07_sleeper.py::test_the_object_is_the_successors[local + sqlite, upload.commit before 1]
"""

from haulage.builtin.local import LocalUpload

LocalUpload._show = lambda self: self._partial.replace(self._target)
