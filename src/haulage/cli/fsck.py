"""`haulage fsck`: compare the database with the storages, and mend what disagrees."""

import json
import sys
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from haulage.cli.exits import Exit
from haulage.cli.settings import Settings, common

if TYPE_CHECKING:
    from haulage.operations.fsck.audit import Progress
    from haulage.operations.fsck.troubles import Trouble

_MOST_FOREIGN = 10
"""How many lines are spent on what is not ours."""

_FIRST, _BETWEEN = '{\n  "findings": [\n', ",\n"
"""Printed once something is found, so that where nothing could be looked at there is no half document."""


@click.command("fsck")
@click.option("--repair", is_flag=True, help="Mend what can be mended.")
@click.option("--deep", is_flag=True, help="Read every object back, and compare digests.")
@click.option("--adopt", is_flag=True, help="Take in the videos that the database does not know.")
@click.option(
    "--storage",
    "storages",
    metavar="NAME",
    multiple=True,
    help="Look at this storage alone, even if nothing of ours is there.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@common
@click.pass_context
def command(ctx: click.Context, repair: bool, deep: bool, adopt: bool, storages: tuple[str, ...], as_json: bool) -> int:
    """Compare the database with the storages, in both directions, and say what disagrees.

    Nothing is changed without --repair or --adopt. The exit code is 0 where the archive is right, or was mended; 1
    where something is left; 3 where the database or a storage cannot be used.
    """
    from rich.console import Console

    from haulage.cli.counting import counting
    from haulage.cli.signals import graceful
    from haulage.operations.fsck.audit import Progress, audit

    settings = ctx.ensure_object(Settings)
    console = Console(stderr=True, highlight=False)

    def give_up() -> None:
        sys.stdout.flush()
        console.print("stopped")

    ways_out = graceful(lambda: False, console.print, give_up)
    with ways_out, settings.pipeline() as pipeline, counting(console) as show:

        class Shown(Progress):
            def moved(self) -> None:
                show(f"{self.objects:,} objects listed, {self.jobs:,} jobs examined")

        progress = Shown()
        for name in storages:
            if name not in pipeline.assembly.config.storages:
                raise click.UsageError(f"no storage {name!r} in the config")
        troubles = audit(
            pipeline.assembly,
            deep=deep,
            repair=repair,
            adopt=adopt,
            storages=storages,
            progress=progress,
        )
        left = _print_document(troubles, progress) if as_json else _print_lines(troubles, progress)
    return Exit.NOT_ALL if left else Exit.DONE


def _print_document(troubles: "Iterable[Trouble]", progress: "Progress") -> int:
    """Print all as one JSON document, as it is found; how much is left to do."""
    from attrs import asdict

    found = left = repaired = 0
    for trouble in troubles:
        _say(f"{_BETWEEN if found else _FIRST}    {json.dumps(asdict(trouble))}", end="")
        found += 1
        left += not (trouble.harmless or trouble.repaired)
        repaired += trouble.repaired
    told = {"objects": progress.objects, "jobs": progress.jobs, "repaired": repaired, "left": left}
    _say(("" if found else _FIRST) + "\n  ],\n" + json.dumps(told, indent=2)[2:])
    return left


def _print_lines(troubles: "Iterable[Trouble]", progress: "Progress") -> int:
    """Print a line for each as it is found, and a table at the end; how much is left to do."""
    from haulage.operations.fsck.troubles import MEANINGS, Sort

    found: Counter[Sort] = Counter()
    repaired: Counter[Sort] = Counter()
    left = 0
    for trouble in troubles:
        found[trouble.sort] += 1
        repaired[trouble.sort] += trouble.repaired
        left += not (trouble.harmless or trouble.repaired)
        if not trouble.harmless or found[trouble.sort] <= _MOST_FOREIGN:
            _say(_line(trouble))
        elif found[trouble.sort] == _MOST_FOREIGN + 1:
            _say(f"{trouble.sort:<12}  ... and more; --json lists them all")
    _say(f"{progress.objects:,} objects and {progress.jobs:,} jobs: {'they agree' if not found else 'as follows'}")
    for sort in Sort:
        if found[sort]:
            mended = f", {repaired[sort]:,} repaired" if repaired[sort] else ""
            _say(f"{found[sort]:>9,} {sort}{mended}: {MEANINGS[sort]}")
    return left


def _say(text: str, end: str = "\n") -> None:
    # Not by click, which would write past the line on a terminal.
    print(text, end=end)  # noqa: T201


def _line(trouble: "Trouble") -> str:
    what = f"{trouble.sort:<12}  {trouble.name}: {trouble.detail}"
    if trouble.repaired:
        return f"{what}; repaired"
    if trouble.left:
        return f"{what}; left alone: {trouble.left}" + (f"; {trouble.cure}" if trouble.cure else "")
    follows = f"with --repair {trouble.repair}" if trouble.repair else trouble.cure
    return f"{what}; {follows}" if follows else what
