"""G14: before each job the whole queue is looked through.

Fails: tests/faults/test_g14_bounded.py::test_neither_memory_nor_time_grows_with_the_queue
"""

from haulage.contracts.metadata import Query
from haulage.pipeline.worker import Worker

Worker.release_dead = lambda self: list(self._store.find(Query(unfinished=True)))
