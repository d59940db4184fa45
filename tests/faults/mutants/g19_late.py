"""G19: after a missed deadline three seconds more are waited for an upload to end.

Fails: tests/faults/test_g19_bounded_time.py::test_every_call_of_a_storage_ends_in_time
"""

from haulage_s3.service import Service

Service.brief = property(lambda self: 3)
