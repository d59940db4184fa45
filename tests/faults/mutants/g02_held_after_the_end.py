"""G02: who ends for a failure of the database gives back nothing.

Fails: tests/faults/test_g02_nothing_lost.py::test_a_job_that_the_database_failed_is_due_at_once
"""

from haulage.pipeline.roster import Roster

Roster.leave = lambda self, store: self.close()
