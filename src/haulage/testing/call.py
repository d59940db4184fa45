"""The context that components are given in tests."""

import logging
import secrets

from haulage.cancel import CancelToken
from haulage.contracts.context import Growing
from haulage.values import AttemptId

_log = logging.getLogger(__name__)


class Call:
    """Is a Context that remembers what it was told.

    Args:
        attempt: The attempt that the call belongs to; by default one of its own.

    Attributes:
        cancel: Cancel the call with `call.cancel.cancel("why")`, from any thread.
        told: Every `progress(done, total)`, in the order in which they came.
        offered: Every file that was offered while it grew.
    """

    def __init__(self, attempt: str | None = None) -> None:
        self.attempt = AttemptId(attempt or secrets.token_hex(16))
        self.cancel = CancelToken()
        self.log = logging.LoggerAdapter(_log, {"attempt": self.attempt})
        self.told: list[tuple[int, int | None]] = []
        self.offered: list[Growing] = []

    def progress(self, done: int, total: int | None) -> None:
        """See Context."""
        self.told.append((done, total))

    def growing(self, file: Growing) -> None:
        """See Context."""
        self.offered.append(file)
