"""G08: a rate limit uses up a try.

Fails: tests/faults/test_g08_politeness.py::test_all_is_stored_and_nothing_is_counted[local + sqlite, 1 x 8]
"""

from attrs import evolve

from haulage.pipeline import job, steps

job.react = lambda *given: evolve(steps.react(*given), counted=True)
