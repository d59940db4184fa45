"""A call of a component outside of any attempt."""

import logging
import secrets

from haulage.cancel import CancelToken
from haulage.contracts.context import Growing
from haulage.values import AttemptId

_log = logging.getLogger(__name__)


class Call:
    """Is the Context of a call that nobody cancels and nobody watches.

    Args:
        what: What it is for; the log says so.
    """

    def __init__(self, what: str) -> None:
        self.attempt = AttemptId(secrets.token_hex(16))
        self.cancel = CancelToken()
        self.log = logging.LoggerAdapter(_log, {"stage": what})

    def progress(self, done: int, total: int | None) -> None:
        """See Context."""

    def growing(self, file: Growing) -> None:
        """See Context."""
