"""A connection to PostgreSQL that waits for no answer longer than it should."""

import time
from collections.abc import Generator
from typing import Any

import psycopg

from haulage.builtin.sql.dialects import base

_GRACE = 5
"""Seconds; the server's own deadlines come first, so that ours is for a server that keeps none."""


class BoundedConnection(psycopg.Connection[Any]):
    """Closes itself where the server stays silent: its own timeouts do not help against one that hangs."""

    def wait(self, gen: Any, *args: Any, **kwargs: Any) -> Any:
        """Wait for a call of the driver.

        Raises:
            OperationalError: The server was silent for too long.
        """
        return super().wait(self._watched(gen), *args, **kwargs)

    def _watched(self, gen: Any) -> Generator[Any, Any, Any]:
        longest = base.BUSY_SECONDS + _GRACE
        until = time.monotonic() + longest
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if not ready and time.monotonic() > until:
                    self.pgconn.finish()
                    raise psycopg.OperationalError(f"the server was silent for {longest} s")
                wanted = gen.send(ready)
        except StopIteration as end:
            return end.value
