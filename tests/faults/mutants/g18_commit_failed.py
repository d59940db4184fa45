"""G18: a transaction whose COMMIT is not answered has failed.

Fails: tests/faults/test_g18_lost_answers.py::test_every_lost_commit
"""

from haulage.builtin.sql import engine
from haulage.pipeline.patience import PatientStore

engine._TURNS, PatientStore._persist = 1, lambda self, call: call()
