"""G09: a full disk is taken for something that a try more may mend.

Fails: tests/faults/test_g09_retries.py::test_a_disk_that_gets_full_is_not_blamed_on_the_video
"""

from attrs import evolve

from haulage.pipeline import job, steps

job.react = lambda failure, *rest: steps.react(evolve(failure, kind="transient"), *rest)
