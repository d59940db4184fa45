"""G11: what is gone, since the answer to its deletion was lost, is recorded as stored again.

Fails: tests/faults/test_g11_prune.py::test_a_lost_answer_of_a_deletion_does_no_harm
"""

from haulage.pipeline import removal

found = removal._Found
removal._Found = lambda there, left="", missing=False: found(there, "it is not there" if missing else left)
