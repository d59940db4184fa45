"""G02: a list whose reading began is not taken for one that was read to its end.

Fails: tests/faults/test_g02_subscriptions.py::test_a_kill_between_pages_loses_no_older_entry
"""

from haulage.pipeline import listing

listing.evolve = lambda job, **_: job
