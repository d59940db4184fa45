"""G11: a move leaves everything at the old place, and says that it is done.

Fails: tests/faults/test_g11_copy.py::test_an_archive_is_moved_although_it_is_killed_at_any_time
"""

from haulage.pipeline.removal import Remover

Remover.remove = lambda *_: ()
