"""G09: what is permanent is taken for something that passes.

Fails: tests/faults/test_g09_retries.py::test_what_is_permanent_is_tried_once
"""

from attrs import evolve

from haulage.pipeline import job, steps

job.react = lambda failure, *rest: steps.react(evolve(failure, kind="transient"), *rest)
