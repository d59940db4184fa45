"""What a dialect answers."""

from contextlib import AbstractContextManager
from typing import Protocol

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from haulage.errors import Failure

BUSY_SECONDS = 30
"""How long a call waits for others: for a lock, a connection, an answer. Our transactions take milliseconds."""


class Database(Protocol):
    """A database that is open: an engine, and how to speak of it."""

    @property
    def engine(self) -> Engine:
        """Its connections; they are made when they are needed."""

    @property
    def label(self) -> str:
        """What messages call it; without a password."""

    @property
    def reading(self) -> dict[str, object]:
        """The options of a transaction that only reads and sees one moment throughout."""

    def turn(self) -> AbstractContextManager[None]:
        """Be one of those who may use it now, for the length of a transaction.

        Raises:
            SQLAlchemyError: Others have used it for as long as a call waits.
        """

    def failure(self, error: SQLAlchemyError) -> Failure:
        """What an error means, in one line without any value that a statement carried."""

    def undone(self, error: SQLAlchemyError) -> bool:
        """Whether the transaction was undone for another one's sake and may well succeed when it is tried again."""
