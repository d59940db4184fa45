"""G14: every job of a run is kept in memory.

Fails: tests/faults/test_g14_bounded.py::test_memory_does_not_grow_with_what_is_asked_for
"""

from haulage.cli.tally import Tally

add = Tally.add
Tally.add = lambda self, job, word, kept=[]: kept.append(job) or add(self, job, word)
