"""G02: what is asked for once more is fetched once more.

Fails: tests/faults/test_g02_nothing_lost.py::test_the_same_command_goes_on_after_a_kill[local + sqlite]
"""

from haulage.pipeline import job, steps

job.next_step = lambda it, to, here, _: steps.next_step(it, to, here) if here or not it.files else steps.Fetch()
