"""`haulage retry`: try again what failed."""

from datetime import datetime
from typing import TYPE_CHECKING

import click

from haulage.cli.moments import Moment
from haulage.cli.settings import Settings, common, working

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haulage import Job
    from haulage.contracts.totals import Holding


@click.command("retry")
@click.argument("names", nargs=-1, metavar="[VIDEO]...")
@click.option("--kind", multiple=True, metavar="KIND", help="Only what failed for this reason; see `failures`.")
@click.option("--source", metavar="SOURCE", default="", help="Only what is of this source; see `failures`.")
@click.option(
    "--since", type=Moment(), metavar="TIME", help="Only what failed last at this time or later: 2h, 7d, a date."
)
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON for each video that ends.")
@working
@common
@click.pass_context
def command(
    ctx: click.Context,
    names: tuple[str, ...],
    kind: tuple[str, ...],
    source: str,
    since: datetime | None,
    as_json: bool,
) -> int:
    """Haul again what failed: all of it, that of a kind of failure, source or time, or videos by id or URL.

    What is unavailable is tried again only when it, or its kind, is named. What is stored, but owed to a mirror that
    failed, is brought there from where it is. A deletion that failed goes on as one.
    """
    from attrs import evolve

    from haulage import Query, Request, Status
    from haulage.cli.choose import kinds, named
    from haulage.cli.deleting import delete, say_what_is_left
    from haulage.cli.exits import Exit
    from haulage.cli.haul import haul
    from haulage.contracts.totals import failed_mirror
    from haulage.operations.prune.deletion import Deletion

    settings = ctx.ensure_object(Settings)
    ended = (Status.FAILED, Status.UNAVAILABLE) if kind or names else (Status.FAILED,)
    query = Query(status=ended, kinds=kinds(kind), source=source, failed_since=since)
    requests, begun = list[Request](), list["Holding"]()
    with settings.pipeline() as pipeline:
        known = pipeline.assembly.config.storages
        for job in named(pipeline, names, query):
            going = [each for each in _going(job) if each.storage in known]
            begun += going
            if not going:
                requests.append(job.request)
        if mirrors := pipeline.mirrors:
            owed = named(pipeline, names, evolve(query, status=(Status.DOWNLOADED,), owed=mirrors))
            requests += [job.request for job in owed if names or failed_mirror(job, pipeline.store_to(job)[1:])]
    if not requests and not begun:
        click.echo("nothing to try again", err=True)
        return 0
    code = haul(settings, requests, as_json=as_json) if requests else Exit.DONE
    if code is Exit.STOPPED or not begun:
        return code
    with settings.pipeline() as pipeline:
        left = delete(Deletion(pipeline.assembly, (), begun), None, lambda outcome: say_what_is_left(outcome, err=True))
    return code or left


def _going(job: "Job") -> "Iterator[Holding]":
    """What of a video is being deleted; not where somebody asked for the video since."""
    from haulage.contracts.totals import holdings

    since = job.attempts[job.asked_after :]
    goes = {copy.storage for copy in job.copies if copy.state == "deleting" and copy.attempt in since}
    return (each for each in holdings(job) if each.deleting and each.storage in goes)
