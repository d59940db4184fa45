"""G19: a download may take for ever.

Fails: tests/faults/test_g19_bounded_time.py::test_a_download_that_takes_for_ever_ends
"""

from haulage_ytdlp import pace

pace.Pace.left = property(lambda self: 60.0)
