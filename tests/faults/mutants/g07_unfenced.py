"""G07: whoever once held a job may write into it, and a sleeper does not look at the time when it wakes up.

Fails: tests/faults/test_g07_sleeper.py::test_a_sleeper_records_nothing[local + sqlite, store.save after 3]
"""

from haulage.builtin.sql import models, store
from haulage.pipeline.heart import Heart

store._held_by, Heart.holds_since = lambda _: models.VideoProcessingJob.id.is_not(None), lambda *_: None
