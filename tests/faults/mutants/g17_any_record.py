"""G17: nobody looks which version of haulage has written a record.

Fails: tests/faults/test_g17_upgrades.py::test_a_record_of_a_later_release_is_told_and_left_alone
"""

from haulage.pipeline import record

record._FORMAT = type("Any", (int,), {"__ne__": lambda *_: False})(1)
