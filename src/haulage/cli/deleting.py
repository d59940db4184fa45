"""Ask before videos are deleted, delete them, and say what became of each."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from haulage.cli.exits import Exit
from haulage.documents import time_document

if TYPE_CHECKING:
    from haulage.contracts.totals import Holding
    from haulage.operations.prune.deletion import Deletion, Outcome
    from haulage.operations.prune.plan import Plan


def ask(question: str, yes: bool) -> None:
    """Ask on a terminal, unless the answer was given with the command.

    Raises:
        UsageError: Nobody can be asked.
        Abort: The answer is no.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError("nobody can be asked here; --yes deletes without asking")
    click.confirm(question, abort=True, err=True)


def delete(deletion: "Deletion", still: "Callable[[], Plan] | None", tell: "Callable[[Outcome], None]") -> Exit:
    """Delete, with a line on a terminal that shows how far it is; a first Ctrl-C lets the video at hand be finished.

    Args:
        deletion: What was decided.
        still: What the rules say now.
        tell: Called with what became of each, which it may print.
    """
    from rich.console import Console

    from haulage.cli.counting import counting
    from haulage.cli.signals import graceful
    from haulage.operations.prune.deletion import Progress

    console = Console(stderr=True, highlight=False)
    left = told = 0
    with counting(console) as show, graceful(lambda: True, console.print, lambda: None) as stopping:

        class Shown(Progress):
            def moved(self) -> None:
                show(f"{self.videos:,} of {deletion.videos:,} videos")

        for outcome in deletion.run(Shown(), still=still, stopped=stopping):
            told += 1
            left += bool(outcome.left)
            tell(outcome)
    if told < deletion.videos:
        click.echo("stopped", err=True)
        return Exit.STOPPED
    return Exit.NOT_ALL if left else Exit.DONE


def holding_document(holding: "Holding") -> dict[str, Any]:
    """A video in a storage as a JSON object."""
    return {
        "source": holding.source,
        "video_id": holding.video_id,
        "variant": holding.variant,
        "channel_id": holding.channel_id or None,
        "title": holding.title or None,
        "subscription": holding.subscription or None,
        "storage": holding.storage,
        "objects": holding.objects,
        "bytes": holding.size,
        "stored_at": time_document(holding.stored_at),
        "job": holding.job,
    }


def outcome_document(outcome: "Outcome") -> dict[str, Any]:
    """What became of a video in a storage as a JSON object."""
    deleted = {"deleted_objects": outcome.objects, "deleted_bytes": outcome.size}
    return {**holding_document(outcome.holding), **deleted, "left": outcome.left or None}


def name(holding: "Holding") -> str:
    """What to call a video in a storage."""
    from haulage.secrets import one_line

    video = " ".join(filter(None, (f"{holding.source}:{holding.video_id}", holding.variant, holding.title)))
    return one_line(f"{holding.storage}: {video}")


def say(text: str, *, err: bool = False) -> None:
    """Print a line; not by click, which would write past the line that shows how far it is."""
    print(text, file=sys.stderr if err else sys.stdout)


def say_what_is_left(outcome: "Outcome", *, err: bool = False) -> None:
    """Print why a video was left, where it was."""
    if outcome.left:
        say(f"left {name(outcome.holding)}: {outcome.left}", err=err)
