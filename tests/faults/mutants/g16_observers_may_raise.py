"""G16: what an observer raises is raised in the job.

Fails: tests/faults/test_g16_broken_neighbour.py::test_an_observer_that_raises_harms_no_job
"""

from haulage.pipeline.worker import Worker

Worker.tell = lambda self, event: [each(event) for each in self._observers]
