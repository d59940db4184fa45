"""G19: nobody watches whether a download gets anywhere.

Fails: tests/faults/test_g19_bounded_time.py::test_a_site_that_gives_nothing_is_given_up
"""

from haulage_ytdlp import pace

pace.Pace.left = property(lambda self: 20.0)
