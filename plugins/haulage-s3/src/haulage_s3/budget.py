"""How much memory the uploads of one storage may hold."""

import threading
from collections.abc import Callable


class Budget:
    """A number of bytes that uploads share; one alone gets half of it, so that the next one need not wait.

    Args:
        size: How many.
    """

    def __init__(self, size: int) -> None:
        self._free, self._most = size, size // 2
        self._changed = threading.Condition()

    def wake(self) -> None:
        """Have everybody who waits look again whether to go on waiting."""
        with self._changed:
            self._changed.notify_all()

    def share(self) -> "Share":
        """Begin to share in it."""
        return Share(self)


class Share:
    """What one upload holds of a budget; its bytes are taken by one thread and given back by any."""

    def __init__(self, budget: Budget) -> None:
        self._budget, self._held = budget, 0

    def take(self, size: int, check: Callable[[], None]) -> None:
        """Wait until there are so many bytes; who holds nothing gets them at once, so that nobody waits for ever.

        Args:
            size: How many.
            check: Asked before each wait; what it raises ends the waiting. `Budget.wake` has it asked again.
        """
        with self._budget._changed:
            while self._held and size > min(self._budget._free, self._budget._most - self._held):
                check()
                self._budget._changed.wait()
            self._held += size
            self._budget._free -= size

    def give(self, size: int) -> None:
        """Give bytes back."""
        with self._budget._changed:
            self._held -= size
            self._budget._free += size
            self._budget._changed.notify_all()
