"""G04: a mirror is made from the site, not from the first storage.

Fails: tests/faults/test_g04_fetched_is_fetched.py::test_a_broken_mirror_costs_no_download
"""

from haulage.pipeline import job, steps

job.next_step = lambda *of: steps.Fetch() if getattr(steps.next_step(*of), "source", 0) else steps.next_step(*of)
