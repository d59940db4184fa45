"""G19: who gives credentials is waited for longer than the deadline.

Fails: tests/faults/test_g19_bounded_time.py::test_signing_ends_in_time_where_nobody_gives_credentials
"""

import asyncio

from haulage_s3.service import Service

Service.deadline = lambda self: asyncio.timeout(5)
