"""How long to wait, where work runs, and who watches."""

from collections.abc import Callable
from concurrent.futures import Executor
from datetime import timedelta
from typing import Any, Literal, Protocol

from attrs import frozen

from haulage.errors import Failure
from haulage.values import AttemptId, Copy, Job, JobId, Role, Try, size_text

__all__ = [
    "Continued",
    "Deleted",
    "Event",
    "Executor",
    "History",
    "JobEvent",
    "Lost",
    "Observer",
    "Paused",
    "Progressed",
    "Recipe",
    "RetryPolicy",
    "RunEnded",
    "Settled",
    "Started",
    "Stepped",
    "Stored",
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
        pipeline: Whose it is: no two pipelines share components, also in one process.
    """

    document: str
    folder: str
    modules: tuple[str, ...] = ()
    name: str = "haulage.yaml"
    no_plugins: bool = False
    overrides: tuple[tuple[str, Any], ...] = ()
    pipeline: str = ""


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
class Stepped(JobEvent):
    """A step of the job begins; the one before it, if there was any, has ended.

    Attributes:
        step: What is done: find out what is behind the URL, download it, write one file to a storage, or make sure that
            it is there and whole.
        storage: For the last two, the storage's name in the config.
        role: For these, the role of the file.
    """

    step: Literal["expand", "fetch", "store", "verify"]
    storage: str | None = None
    role: Role | None = None


@frozen
class Progressed(JobEvent):
    """A step of the job went on.

    Attributes:
        stage: The step: "expand", "fetch", or "store:archive" for all that concerns that storage.
        done: Bytes done; entries of a list in "expand".
        total: What it will be, where that is known.
    """

    stage: str
    done: int
    total: int | None


@frozen
class Stored(JobEvent):
    """A copy was verified, and that is recorded: told once for each object.

    Attributes:
        copy: The copy, with its size in bytes.
        url: What people call the object.
    """

    copy: Copy
    url: str


@frozen
class Deleted(JobEvent):
    """An object of ours was deleted on purpose, and that is recorded: told once for each.

    Attributes:
        copy: The copy, as it is recorded now; its size is what it had.
        url: What people called the object.
    """

    copy: Copy
    url: str


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
class Lost(JobEvent):
    """A worker lets go of the job and cannot record how it went: another one has it, or the metadata store fails.

    Attributes:
        failure: Why.
    """

    failure: Failure


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


@frozen
class RunEnded(Event):
    """A run has come to its end, by itself or by a signal or an error: its last event.

    There is none where the metadata store could not be asked any more.

    Attributes:
        stored: How many bytes it stored.
        total: How many bytes all storages have together, whoever stored them.
        monthly_cost: What they cost a month in USD, as far as prices are known; None where none is.
        unpriced: The storages among them whose price nobody knows, by name.
        tables: Where the prices are from: "s3 table of 2026-07-28", "prices of the config".
    """

    stored: int
    total: int
    monthly_cost: float | None
    unpriced: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()

    def __str__(self) -> str:
        cost = "" if self.monthly_cost is None else f", {self.monthly_cost:.2f} USD a month"
        partly = f" without {', '.join(self.unpriced)}" if cost and self.unpriced else ""
        by = f" ({', '.join(self.tables)})" if cost and self.tables else ""
        return f"{size_text(self.stored)} stored, {size_text(self.total)} in the archive{cost}{partly}{by}"


Observer = Callable[[Event], None]
"""Watches. Called from any thread, and from several at once; whoever works waits until it returns.

One that raises is dropped with one warning and can never hurt a job. What a plugin builds may have a method `close`,
without arguments, which is called once when it is told no more, also where it was dropped; what that raises is logged.

In the events of one attempt `Started` comes first, and `Settled` or `Lost` last. In an event no URL has what gives
access to it, and no failure a secret.
"""
