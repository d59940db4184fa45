"""What can go wrong, and what a component may raise.

Every failure has a kind, and what follows a failure depends on its kind alone.
The tree of exceptions::

    Exception
    └── HaulageError             carries a Failure
        ├── ConfigError          the config or the command line is wrong
        ├── PluginError          a plugin is missing, broken or ambiguous
        ├── FetchError           raised by fetchers
        ├── ObserverError        raised by observers
        ├── StorageError         raised by storages
        │   └── AlreadyExists    a create or a conditional replace met another object
        └── StoreError           the metadata store cannot be used
            ├── AttemptLost      somebody else holds the job now
            └── Duplicate        another job has this video already
    BaseException
    └── Cancelled                see haulage.cancel
"""

import enum
from datetime import timedelta

from attrs import frozen


class Kind(enum.StrEnum):
    """The vocabulary of failures; docs/reference/failures.md says what follows each."""

    TRANSIENT = "transient"
    RATE_LIMITED = "rate_limited"
    UNAVAILABLE = "unavailable"
    NOT_YET = "not_yet"
    AUTH = "auth"
    GEO = "geo"
    INVALID = "invalid"
    NO_SPACE = "no_space"
    STORAGE = "storage"
    DENIED = "denied"
    CONFLICT = "conflict"
    ENVIRONMENT = "environment"
    CONFIG = "config"
    CRASHED = "crashed"
    BUG = "bug"


@frozen
class Failure:
    """One failure, as it is logged, recorded and shown.

    Attributes:
        kind: What sort of failure it is; decides what follows.
        message: One line without secrets.
        retry_after: How long the other side asked us to wait, where it did.
        cure: What a person can do about it; may be empty.
    """

    kind: Kind
    message: str
    retry_after: timedelta | None = None
    cure: str = ""

    def __str__(self) -> str:
        return f"{self.message}; {self.cure}" if self.cure else self.message


class HaulageError(Exception):
    """The base of every error that may leave a component; anything else that does is a bug in it."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure)
        self.failure = failure

    def __str__(self) -> str:
        return str(self.failure)


class ConfigError(HaulageError):
    """The config or the command line asks for something that cannot be.

    Attributes:
        problems: One line each, with the place where it was found.
    """

    def __init__(self, *problems: str) -> None:
        super().__init__(Failure(Kind.CONFIG, "\n".join(problems)))
        self.problems = problems

    def __reduce__(self) -> tuple[type["ConfigError"], tuple[str, ...]]:
        return type(self), self.problems


class PluginError(HaulageError):
    """A plugin that is needed is missing, failed to load, or is offered twice."""


class FetchError(HaulageError):
    """Raised by a fetcher."""


class ObserverError(HaulageError):
    """Raised by an observer: when it is built, which ends the run, or later, and then it is told no more."""


class StorageError(HaulageError):
    """Raised by a storage."""


class AlreadyExists(StorageError):
    """An exclusive create or a conditional replace met another object; nothing was changed."""


class StoreError(HaulageError):
    """The metadata store cannot be reached, is busy, or refuses."""


class AttemptLost(StoreError):
    """The attempt is not the current one any more, or its lease is over; nothing was written."""


class Duplicate(StoreError):
    """Another job has this video already; nothing was written.

    Attributes:
        other: The id of that job.
    """

    def __init__(self, failure: Failure, other: str) -> None:
        super().__init__(failure)
        self.other = other

    def __reduce__(self) -> tuple[type["Duplicate"], tuple[Failure, str]]:
        return type(self), (self.failure, self.other)
