"""`haulage list`: what was asked for, and what became of it."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

import click

from haulage.cli.moments import Moment
from haulage.cli.settings import Settings, common

if TYPE_CHECKING:
    from haulage import Job


@click.command("list")
@click.option("--status", multiple=True, metavar="STATUS", help="Only what is in this state, such as failed.")
@click.option("--channel", metavar="ID", default="", help="Only the videos of this channel.")
@click.option(
    "--source", metavar="SOURCE", default="", help="Only what is of this source, such as youtube; see `failures`."
)
@click.option("--subscription", metavar="NAME", default="", help="Only what this subscription gave.")
@click.option("--kind", multiple=True, metavar="KIND", help="Only what failed last for this reason, and is not stored.")
@click.option("--storage", metavar="NAME", default="", help="Only what this storage holds a file of.")
@click.option(
    "--since", type=Moment(), metavar="TIME", help="Only what was added at this time or later: 2h, 7d, a date."
)
@click.option("--until", type=Moment(), metavar="TIME", help="Only what was added before this time.")
@click.option("--newest", type=click.IntRange(min=1), metavar="NUMBER", help="Only so many, the newest first.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@common
@click.pass_context
def command(
    ctx: click.Context,
    status: tuple[str, ...],
    channel: str,
    source: str,
    subscription: str,
    kind: tuple[str, ...],
    storage: str,
    since: datetime | None,
    until: datetime | None,
    newest: int | None,
    as_json: bool,
) -> None:
    """List what was asked for, and what became of it.

    A table on a terminal; in a pipe, lines of values with tabs in between. Filters narrow each other; times are
    those at which a video was first asked for.
    """
    from haulage import Query
    from haulage.cli.choose import kinds, states
    from haulage.cli.report import document
    from haulage.documents import NOT_WELL

    query = Query(
        # Who asks for failures does not mean those that were overcome.
        status=states(status) or (NOT_WELL if kind else ()),
        channel_id=channel,
        source=source,
        subscription=subscription,
        kinds=kinds(kind),
        storage=storage,
        added_since=since,
        added_until=until,
        order="newest" if newest else "oldest",
        limit=newest,
    )
    with ctx.ensure_object(Settings).pipeline() as pipeline:
        jobs = pipeline.find(query)
        if as_json:
            click.echo(json.dumps([document(job, pipeline) for job in jobs], indent=2, ensure_ascii=False))
        else:
            show(
                jobs, "Nothing yet; haul something with: haulage get URL" if query == Query() else "Nothing like that."
            )


def show(jobs: Iterable["Job"], otherwise: str) -> None:
    """Print jobs, as a table or as lines; on a terminal, something else where there are none."""
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
    console.print(table if table.row_count else otherwise)
