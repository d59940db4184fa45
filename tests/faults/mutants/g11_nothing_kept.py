"""G11: no rule keeps anything.

Fails: tests/faults/test_g11_prune.py::test_what_is_kept_or_not_ours_any_more_is_never_touched
"""

from haulage.operations.prune import plan

plan._Kept.by = lambda *_: ""
