"""G06: an upload that a dead worker left open is not looked for.

Fails: tests/faults/test_g06_no_leak.py::test_what_a_haul_leaves_is_gone_after_the_next_one[seaweedfs + postgres-kill]
"""

from haulage.pipeline.transfer import Transfer

Transfer._sweep = lambda self, copy, attempt: True
