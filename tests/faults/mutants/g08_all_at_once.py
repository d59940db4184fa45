"""G08: after a cool-down all that wait are let in.

Fails: tests/faults/test_g08_politeness.py::test_after_the_cool_down_one_job_at_a_time_asks[local + sqlite, 1 x 8]
"""

from haulage.builtin.sql import claims, models

claims._lets_in = lambda: models.SiteRow.opens_at <= claims.from_now()
