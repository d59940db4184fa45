"""G02: a copy whose upload was interrupted counts as stored, and nobody looks.

Fails: tests/faults/test_g02_nothing_lost.py::test_a_kill_at_any_point_loses_nothing[local + sqlite]
"""

from attrs import evolve

from haulage.pipeline.transfer import Transfer

Transfer.verify = lambda me, it, to, **_: to.save(me._with(to.job, evolve(it, state="stored"))) or True
