"""G09: a video may kill any number of workers.

Fails: tests/faults/test_g09_retries.py::test_a_video_that_kills_its_worker_ends
"""

from haulage.pipeline import steps

steps.MOST_CRASHES = 10**9
