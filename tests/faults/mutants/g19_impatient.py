"""G19: a database that is away for a moment ends the run.

Fails: tests/faults/test_g19_bounded_time.py::test_a_database_that_goes_away_is_waited_for
"""

from haulage.pipeline.patience import PatientStore

PatientStore._persist = lambda self, call: call()
