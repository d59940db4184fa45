"""G02: whoever starts empties the workspace.

Fails: tests/faults/test_g02_nothing_lost.py::test_a_kill_at_any_point_loses_nothing[local + sqlite]
"""

import shutil

from haulage.pipeline.workspace import Workspace

Workspace._name = lambda self: shutil.rmtree(self.root) or self.root.mkdir() or "home"
