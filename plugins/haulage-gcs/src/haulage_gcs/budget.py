"""Memory that the uploads of one storage share."""

import threading


class Budget:
    """Bounds the bytes that uploads hold at once, without ever making one wait for another.

    Nobody waits, so there is no deadlock: where little is free, an upload gets little, and goes on in small steps. What
    is handed out is at most the size of the budget, and `least` for each upload that came when it was spent.
    All methods may be called from any thread.

    Args:
        size: In bytes.
    """

    def __init__(self, size: int) -> None:
        self._lock = threading.Lock()
        self._free = size

    def take(self, wanted: int, least: int) -> int:
        """Take bytes: as many of `wanted` as are free, in multiples of `least`, and once `least` whatever is free."""
        with self._lock:
            taken = max(least, min(wanted, self._free) // least * least)
            self._free -= taken
            return taken

    def give(self, taken: int) -> None:
        """Give back what was taken."""
        with self._lock:
            self._free += taken
