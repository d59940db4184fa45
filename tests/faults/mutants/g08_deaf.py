"""G08: what a site says of how long it wants to be left alone is not heard.

Fails: tests/faults/test_g08_politeness.py::test_cool_downs_double_up_to_an_hour
"""

from attrs import evolve

from haulage.pipeline import job, steps

job.react = lambda failure, *given: steps.react(evolve(failure, retry_after=None), *given)
