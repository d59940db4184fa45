"""G11: a copy counts as stored as soon as it was sent, and the old one goes for that.

Fails: tests/faults/test_g11_copy.py::test_an_archive_is_moved_by_processes_that_are_killed
"""

from attrs import evolve

from haulage.pipeline.transfer import Transfer

Transfer._publish = lambda me, _, it, to: to.save(me._with(to.job, evolve(it, state="stored", token=None)))
