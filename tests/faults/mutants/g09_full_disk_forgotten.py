"""G09: the next download begins although the last one has met the end of the disk.

Fails: tests/faults/test_g09_retries.py::test_a_disk_that_gets_full_is_not_blamed_on_the_video
"""

from haulage.pipeline.space import Space

Space.shortage = lambda self: None
