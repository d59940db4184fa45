"""How long to wait, where work runs, and who watches."""

from collections.abc import Callable
from concurrent.futures import Executor
from datetime import timedelta
from typing import Any, Protocol

from attrs import frozen

from haulage.errors import Failure
from haulage.values import AttemptId, Job, JobId, Try

__all__ = [
    "Continued",
    "Event",
    "Executor",
    "History",
    "JobEvent",
    "Observer",
    "Paused",
    "Progressed",
    "Recipe",
    "RetryPolicy",
    "Settled",
    "Started",
]


@frozen
class History:
    """What a retry policy decides by.

    Attributes:
        tries: The counted failures of the step that just failed, oldest first; never empty.
        draw: A number in [0, 1) that is the same for the same attempt: where jitter comes from.
    """

    tries: tuple[Try, ...]
    draw: float


class RetryPolicy(Protocol):
    """Decides how long to wait. A pure function, asked only for failures that a retry may help."""

    def next_delay(self, history: History) -> timedelta | None:
        """How long to wait before the next try; None to give up."""


@frozen
class Recipe:
    """What crosses a process border: the config as it was written, never live components.

    Attributes:
        document: The text of the config, before `${VAR}` is replaced.
        folder: Where its relative paths start.
        modules: Plugin modules that were named on top of the installed ones.
        name: What messages call the config.
        no_plugins: Use none of the installed plugins.
        overrides: Keys of the config, and what counts instead of what is written there.
    """

    document: str
    folder: str
    modules: tuple[str, ...] = ()
    name: str = "haulage.yaml"
    no_plugins: bool = False
    overrides: tuple[tuple[str, Any], ...] = ()


@frozen
class Event:
    """Something happened."""


@frozen
class JobEvent(Event):
    """Something happened to a job."""

    job: JobId
    attempt: AttemptId


@frozen
class Started(JobEvent):
    """A worker took the job in hand.

    Attributes:
        record: The job as it was then.
    """

    record: Job


@frozen
class Progressed(JobEvent):
    """A step of the job went on.

    Attributes:
        stage: The step: "fetch", "store:archive", ...
        done: Bytes done.
        total: Bytes it will be, where that is known.
    """

    stage: str
    done: int
    total: int | None


@frozen
class Settled(JobEvent):
    """A worker put the job down: finished, or to be taken up again later.

    Attributes:
        record: The job as it is now.
        again: How long it rests before it is taken up again; None where nothing is left to do.
        seconds: How long the attempt took.
    """

    record: Job
    again: timedelta | None
    seconds: float


@frozen
class Paused(Event):
    """Nothing is downloaded any more, for want of space; what was downloaded is still stored.

    Attributes:
        failure: What is short, and what a person can do.
    """

    failure: Failure


@frozen
class Continued(Event):
    """There is room again, and downloads go on."""


Observer = Callable[[Event], None]
"""Watches. Called from any thread; one that raises is dropped with one warning and can never hurt a job."""
