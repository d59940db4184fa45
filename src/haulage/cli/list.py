"""`haulage list`: what was asked for, and what became of it."""

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from haulage.cli.settings import Settings, common

if TYPE_CHECKING:
    from haulage import Job


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@common
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """List what was asked for, and what became of it.

    A table on a terminal; in a pipe, lines of values with tabs in between.
    """
    from haulage.cli.report import document

    with ctx.ensure_object(Settings).pipeline() as pipeline:
        if as_json:
            click.echo(json.dumps([document(job, pipeline) for job in pipeline.find()], indent=2, ensure_ascii=False))
        else:
            show(pipeline.find())


def show(jobs: Iterable["Job"]) -> None:
    """Print jobs, as a table or as lines."""
    from rich.console import Console
    from rich.filesize import decimal
    from rich.markup import escape
    from rich.table import Table

    from haulage.cli.report import clock, name

    console = Console()
    rows = (
        (
            job.status.value,
            name(job),
            (job.facts and job.facts.resolution) or "",
            clock(job.facts.duration) if job.facts and job.facts.duration is not None else "",
            decimal(job.files[0].size) if job.files else "",
        )
        for job in jobs
    )
    if not console.is_terminal:
        for row in rows:
            click.echo("\t".join(" ".join(cell.split()) for cell in row))
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("Status")
    table.add_column("Video", ratio=1, no_wrap=True, overflow="ellipsis")
    for title in ("Picture", "Length", "Size"):
        table.add_column(title, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    console.print(table if table.row_count else "Nothing yet; haul something with: haulage get URL")
