"""What `get` shows while it works: bars on a terminal, plain lines otherwise."""

import queue
import threading
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import TaskID, TextColumn

from haulage import (
    Continued,
    Event,
    Failure,
    Job,
    JobId,
    Lost,
    Paused,
    Pipeline,
    Progressed,
    RunEnded,
    Settled,
    Site,
    Started,
    Status,
)
from haulage.cli.bars import bars
from haulage.cli.report import again_text, facts_text, name
from haulage.cli.wrapped import lines
from haulage.values import AttemptId

_BESIDE_THE_NAME = 60
"""How many columns the bar, the numbers and the stage take."""


class Display:
    """An observer that shows what is under way on standard error. A context manager.

    Results go to standard output, one a line, so that they can be piped on.

    Args:
        quiet: Show nothing on standard error, which then belongs to the log.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self._console = Console(stderr=True, highlight=False, quiet=quiet)
        self._width = max(10, min(40, self._console.width - _BESIDE_THE_NAME))
        self._progress = bars(self._console, TextColumn("{task.fields[stage]:6}"), width=10)
        self._lock = threading.Lock()
        self._tasks: dict[AttemptId, TaskID] = {}
        self._stored_before: set[JobId] = set()
        self._ended: RunEnded | None = None
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._printer = threading.Thread(target=self._print_lines, name="haulage-display", daemon=True)

    def __enter__(self) -> Self:
        self._progress.start()
        self._printer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._lines.put(None)
        self._printer.join()
        self._progress.stop()

    def __call__(self, event: Event) -> None:
        """Show an event; called from the threads that work."""
        with self._lock:
            match event:
                case Started(attempt=attempt, record=job):
                    if job.status is Status.DOWNLOADED:
                        self._stored_before.add(job.id)
                    self._tasks[attempt] = self._progress.add_task(self._label(job), total=None, stage="")
                case Progressed(attempt=attempt, stage=stage, done=done, total=total) if attempt in self._tasks:
                    # Which storage is not shown: eighty columns are not many.
                    shown = stage.partition(":")[0]
                    self._progress.update(self._tasks[attempt], completed=done, total=total, stage=shown)
                case Settled(attempt=attempt, record=job, again=again) if attempt in self._tasks:
                    self._progress.remove_task(self._tasks.pop(attempt))
                    if again is not None and job.tries and job.tries[-1].attempt == attempt:
                        failure = job.tries[-1].failure
                        line = f"{again_text(failure, again)}: {name(job)}: {failure}"
                        self._console.print(escape(line), soft_wrap=True)
                case Lost(attempt=attempt) if attempt in self._tasks:
                    self._progress.remove_task(self._tasks.pop(attempt))
                case Paused(failure=failure):
                    self._console.print(escape(f"paused until there is room: {failure}"), soft_wrap=True)
                case Continued():
                    self._console.print("there is room again, it goes on", soft_wrap=True)
                case RunEnded():
                    self._ended = event

    def result(self, job: Job, pipeline: Pipeline) -> None:
        """Say how a job ended."""
        print(f"{self.word(job):<11}  {name(job)}{self._detail(job, pipeline)}", flush=True)  # noqa: T201

    def say(self, line: str) -> None:
        """Tell people something, from any thread and from a signal handler."""
        self._lines.put(line)  # not printed here: the handler may have interrupted the thread that holds the console

    def last(self, line: str) -> None:
        """Tell people what the run has stored, and something more, once the block has been left by a signal."""
        if self._console.is_terminal:
            self._console.print()  # the ^C of the terminal may stand in this line
        self.account()
        self._console.print(escape(line), soft_wrap=True)

    def _print_lines(self) -> None:
        while (line := self._lines.get()) is not None:
            self._console.print(escape(line), soft_wrap=True)

    def left_alone(self, sites: Iterable[Site]) -> None:
        """Say which of these sites have refused, and until when their jobs wait."""
        for site in sites:
            if site.opens is not None and site.opens > datetime.now(UTC):
                until = site.opens.astimezone().isoformat(" ", "seconds")
                self._console.print(escape(f"{site.name} is closed until {until}: {site.reason}"), soft_wrap=True)

    def closed(self, sites: Iterable[Site], waited_for: Collection[str]) -> None:
        """Say which of these sites a person has to open before their jobs go on."""
        for site in sites:
            if site.opens is None and site.name in waited_for:
                line = f"{site.name} is closed: {site.reason}. Once that is mended: haulage resume {site.name}"
                self._console.print(escape(line), soft_wrap=True)

    def summary(self, counts: Mapping[str, int]) -> None:
        """Say how many jobs ended how."""
        if counts:
            self._console.print(", ".join(f"{count} {word}" for word, count in counts.items()))

    def account(self) -> None:
        """Say what the run has stored, and what the archive comes to, once."""
        ended, self._ended = self._ended, None
        if ended is not None and ended.total:
            for line in lines(str(ended)):
                self._console.print(escape(line), soft_wrap=True)

    def uncounted(self, failure: Failure | None) -> None:
        """Say of which storages the budget counts nothing, if there are any."""
        for line in lines(f"warning: {failure}") if failure else ():
            self._console.print(escape(line), soft_wrap=True)

    def word(self, job: Job) -> str:
        """How a job ended, in a word."""
        if job.status is Status.DOWNLOADED:
            return "had already" if job.id in self._stored_before else "stored"
        return job.status.value

    def _detail(self, job: Job, pipeline: Pipeline) -> str:
        if job.status is Status.DOWNLOADED:
            places = [
                pipeline.object_url(copy) for copy in job.copies if (copy.role, copy.state) == ("video", "stored")
            ]
            return f" ({facts_text(job)}) -> {', '.join(place for place in places if place)}"
        return f": {job.tries[-1].failure}" if job.tries else ""

    def _label(self, job: Job) -> str:
        text = name(job)
        if len(text) > self._width:
            # What tells URLs apart stands at their end.
            titled = bool(job.video and job.video.title)
            text = f"{text[: self._width - 1]}…" if titled else f"…{text[1 - self._width :]}"
        return escape(text)
