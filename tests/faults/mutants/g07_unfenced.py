"""G07: whoever once held a job may write into it.

Fails: tests/faults/test_g07_sleeper.py::test_a_sleeper_records_nothing[local + sqlite, store.save after 3]
"""

from haulage.builtin.sql import models, store

store._held_by = lambda _: models.VideoProcessingJob.id.is_not(None)
