"""G11: what failed for want of an answer is not tried again.

Fails: tests/faults/test_g11_copy.py::test_lost_answers_of_a_move_within_a_service
"""

from haulage.operations.copying.copy import Copier

Copier._again = lambda *_: None
