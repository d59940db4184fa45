"""What `haulage copy` shows: how much it is, how far it is, and what became of each video."""

import json
import os
import sys
from collections.abc import Iterable, Mapping
from typing import Any, Self

import click
from attrs import define, frozen
from rich.console import Console
from rich.filesize import decimal
from rich.markup import escape

from haulage import Job, Pipeline
from haulage.billing.rates import Rate, dollars
from haulage.cli.bars import bars
from haulage.cli.report import counted, name
from haulage.operations.copying.carry import Outcome
from haulage.operations.copying.copy import Copier, Progress
from haulage.operations.copying.plan import Plan, Wanted, plan_of

_FIRST, _BETWEEN = '{\n  "videos": [\n', ",\n"


@frozen
class Total:
    """How much there is to do.

    Attributes:
        wanted: What is wanted.
        videos: How many videos something is to be done for.
        objects: How many files are to be copied.
        size: How many bytes they have.
        going: How many files are deleted afterwards.
        rate: What the new place costs.
    """

    wanted: Wanted
    videos: int
    objects: int
    size: int
    going: int
    rate: Rate

    def tell(self, *, as_json: bool) -> None:
        """Say so, as a dry run does."""
        monthly = self.rate.monthly(self.size)
        if as_json:
            told = {
                "to": self.wanted.to,
                "from": list(self.wanted.sources),
                "move": self.wanted.move,
                "videos": self.videos,
                "objects": self.objects,
                "bytes": self.size,
                "deleted": self.going,
                "monthly_cost": monthly,
                "currency": "USD",
                "origin": self.rate.origin,
            }
            click.echo(json.dumps(told, indent=2))
        elif not self.videos:
            click.echo(f"Nothing to copy: all that was asked for is in {self.wanted.to}")
        else:
            click.echo(f"{self.words}; {self.wanted.to} costs {_money(monthly)} for it")
            click.echo(click.wrap_text(f"{self.wanted.to}: {self.rate.origin}", 80, subsequent_indent="  "))

    @property
    def words(self) -> str:
        """In a few words: "3 videos, 12 files, 1.2 GB to nas"."""
        copied = f"{counted(self.videos, 'video')}, {counted(self.objects, 'file')}, {decimal(self.size)}"
        gone = f", and then {counted(self.going, 'file')} deleted in {self.wanted.sources[0]}" if self.going else ""
        return f"{copied} to {self.wanted.to}{gone}"


def account(plans: Iterable[tuple[Job, Plan]], rates: Mapping[str, Rate], wanted: Wanted) -> Total:
    """Add up what is to be done."""
    videos = objects = size = going = 0
    for _, plan in plans:
        videos, objects, size = videos + 1, objects + len(plan.lacking), size + plan.size
        going += plan.going
    return Total(wanted, videos, objects, size, going, rates[wanted.to])


def missing(jobs: Iterable[Job], wanted: Wanted) -> list[str]:
    """Which of the videos that were named are neither at the new place nor where they could be copied from."""
    lines = []
    for job in jobs:
        there = any((copy.storage, copy.role, copy.state) == (wanted.to, "video", "stored") for copy in job.copies)
        if not there and plan_of(job, wanted) is None:
            lines.append(f"{name(job)} is {job.status.value}, and not in {' or '.join(wanted.sources)}")
    return lines


def ask(total: Total) -> None:
    """Have a person say yes.

    Raises:
        UsageError: Nobody is there.
        Abort: They said no.
    """
    if not sys.stdin.isatty():
        raise click.UsageError("--move deletes, and nobody is there to ask; add --yes")
    click.confirm(f"{total.words}. Go on?", abort=True, err=True)


class Shown(Progress):
    """Shows how far it is on standard error, where that is a terminal. A context manager.

    Args:
        total: How much there is to do.
        quiet: Show nothing; standard error belongs to the log.
    """

    def __init__(self, total: Total, *, quiet: bool) -> None:
        super().__init__()
        self._total = total
        self._console = Console(stderr=True, highlight=False, quiet=quiet)
        self._bar = bars(self._console, width=20)
        self._task = self._bar.add_task("", total=total.size)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def moved(self) -> None:
        """See Progress."""
        told = f"{self.videos}/{self._total.videos} videos"
        self._bar.update(self._task, completed=self.size, description=told)

    def say(self, line: str) -> None:
        """Tell people something from a signal handler."""
        if self._console.quiet:
            return
        os.write(2, f"{line}\n".encode())  # not by the console, whose lock the interrupted thread may hold

    def last(self, line: str) -> None:
        """Tell people something at the end."""
        self._console.print(escape(line), soft_wrap=True)


def carry_out(copier: Copier, pipeline: Pipeline, total: Total, shown: Shown, *, as_json: bool) -> int:
    """Copy, and print what became of each video; how many were not done. A document is ended whatever happens."""
    done, to = _Done(), total.wanted.to
    ended, printed = False, 0
    try:
        for outcome in copier.outcomes():
            done.count(outcome)
            if not (outcome.source or outcome.left):
                continue  # somebody else has done it
            if as_json:
                _say((_BETWEEN if printed else _FIRST) + "    " + json.dumps(_document(outcome, pipeline)), end="")
                printed += 1
            else:
                _say(_line(outcome, pipeline))
        ended = not copier.stopped or shown.videos >= total.videos
    finally:
        if as_json:
            told = {"to": to, **done.document, "stopped": not ended}
            _say(("" if printed else _FIRST) + "\n  ],\n" + json.dumps(told, indent=2)[2:])
    if not as_json:
        shown.last(done.words(total.wanted))
    return done.left


@define
class _Done:
    """What became of videos, added up."""

    videos: int = 0
    objects: int = 0
    size: int = 0
    inside: int = 0
    removed: int = 0
    left: int = 0

    def count(self, outcome: Outcome) -> None:
        self.videos += bool(outcome.copied)
        self.objects += len(outcome.copied)
        self.size += outcome.size
        self.inside += outcome.inside
        self.removed += len(outcome.removed)
        self.left += bool(outcome.left)

    @property
    def document(self) -> dict[str, int]:
        return {
            "copied": self.videos,
            "objects": self.objects,
            "bytes": self.size,
            "server_side": self.inside,
            "deleted": self.removed,
            "left": self.left,
        }

    def words(self, wanted: Wanted) -> str:
        copied = f"{counted(self.videos, 'video')}, {counted(self.objects, 'file')}, {decimal(self.size)}"
        parts = [f"{copied} copied to {wanted.to}"]
        parts += [f"{self.inside:,} of them inside the service"] if self.inside else []
        parts += [f"{counted(self.removed, 'file')} deleted in {wanted.sources[0]}"] if wanted.move else []
        parts += [f"{counted(self.left, 'video')} left"] if self.left else []
        return ", ".join(parts)


def _say(text: str, end: str = "\n") -> None:
    # Not by click, which would write past the bar on a terminal.
    print(text, end=end, flush=True)  # noqa: T201


def _line(outcome: Outcome, pipeline: Pipeline) -> str:
    called = name(outcome.job)
    if outcome.left:
        return f"left    {called}: {outcome.left}"
    if not outcome.copied:
        return f"moved   {called}: it was there already, and was deleted in {outcome.source}"
    main = next((copy for copy in outcome.copied if copy.role == "video"), outcome.copied[0])
    word = "moved" if outcome.removed else "copied"
    return f"{word:<6}  {called} ({decimal(outcome.size)}) -> {pipeline.object_url(main)}"


def _document(outcome: Outcome, pipeline: Pipeline) -> dict[str, Any]:
    video = outcome.job.video
    return {
        "job": outcome.job.id,
        "source": video and video.source,
        "video_id": video and video.id,
        "variant": outcome.job.request.variant,
        "from": outcome.source,
        "objects": [
            {
                "role": each.role,
                "key": each.key,
                "url": pipeline.object_url(each),
                "size": each.size,
                "sha256": each.sha256,
            }
            for each in outcome.copied
        ],
        "server_side": outcome.inside,
        "deleted": len(outcome.removed),
        "left": outcome.left,
    }


def _money(monthly: float | None) -> str:
    return "an unknown amount a month" if monthly is None else f"{dollars(monthly)} a month"
