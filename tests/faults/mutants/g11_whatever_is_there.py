"""G11: a prune deletes whatever lies under a key of ours.

Fails: tests/faults/test_g11_prune.py::test_what_is_kept_or_not_ours_any_more_is_never_touched
"""

from haulage.pipeline.removal import Remover

Remover._changed = lambda *_: ""
