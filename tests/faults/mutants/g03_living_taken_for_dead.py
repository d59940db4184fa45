"""G03: workers that live are taken for dead, and their jobs given to others.

Fails: tests/faults/test_g03_once.py::test_a_queue_whose_workers_die_stores_each_video_once[local + sqlite-4]
"""

from haulage.pipeline.roster import Roster

Roster.dead = lambda self: (each.name for each in self._folder.glob("*:*") if each != self._file)
