"""G11: a move deletes a video before its files are at the new place.

Fails: tests/faults/test_g11_copy.py::test_a_kill_at_any_seam_of_a_move
"""

from haulage.operations.copying.carry import Carrier

Carrier._copy = lambda me, it, attempt: (it, len(me.remover.remove(attempt, it.storage)) < 0)
