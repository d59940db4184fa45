"""`haulage failures`: what failed and why, by kind and source, and what to do about it."""

import heapq
import json
import shlex
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click
from attrs import define

from haulage.cli.moments import Moment, local
from haulage.cli.settings import Settings, common
from haulage.documents import time_document

if TYPE_CHECKING:
    from haulage import Job, Kind, Pipeline, Try


@click.command("failures")
@click.option("--kind", multiple=True, metavar="KIND", help="Only what failed last for this reason.")
@click.option(
    "--source", metavar="SOURCE", default="", help="Only what is of this source, or of this site where none is known."
)
@click.option(
    "--since", type=Moment(), metavar="TIME", help="Only what failed last at this time or later: 2h, 7d, a date."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@common
@click.pass_context
def command(ctx: click.Context, kind: tuple[str, ...], source: str, since: datetime | None, as_json: bool) -> None:
    """Group what failed, and what waits after a failure, by kind of failure and source.

    Each group comes with its last failure as an example, with what to do about it, and with the command that tries it
    again. What failed last comes first. A video of which too little is known has its site as its source. One that is
    stored, but owed to a mirror that failed, is in a group of that mirror.
    """
    from attrs import evolve

    from haulage import Query, Status
    from haulage.cli.choose import kinds
    from haulage.documents import NOT_WELL

    query = Query(status=NOT_WELL, kinds=kinds(kind), source=source, failed_since=since, order="failed")
    with ctx.ensure_object(Settings).pipeline() as pipeline:
        mirrors = pipeline.mirrors
        found = [pipeline.find(query)]
        if mirrors:
            found.append(pipeline.find(evolve(query, status=(Status.DOWNLOADED,), owed=mirrors)))
        groups = _grouped(heapq.merge(*found, key=_failed_at, reverse=True), pipeline)
        closed = {site.name for site in pipeline.sites() if site.opens is None}
    if as_json:
        told = [_document(group, _command(group, since, closed)) for group in groups]
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
        return
    for group in groups:
        for line in _lines(group, _command(group, since, closed)):
            click.echo(line)
    if not groups:
        click.echo("No failure; see also: haulage status")


@define
class Group:
    """Jobs that failed alike.

    Attributes:
        kind: The kind of their last failures.
        source: Of their videos; their site, where that is not known.
        waits: Whether they are tried again without being asked for.
        mirror: What they are owed to, where they are stored otherwise.
        example: The one that failed last.
        count: How many there are.
    """

    kind: "Kind"
    source: str
    waits: bool
    mirror: str
    example: "Job"
    count: int = 0

    @property
    def last(self) -> "Try":
        """The last failure of all."""
        return self.example.tries[-1]


def _failed_at(job: "Job") -> datetime:
    return job.tries[-1].ended or datetime.now(UTC)


def _grouped(jobs: Iterable["Job"], pipeline: "Pipeline") -> list[Group]:
    """Group jobs of which that comes first that failed last."""
    from haulage import Status
    from haulage.contracts.totals import failed_mirror

    groups: dict[tuple[Kind, str, bool, str], Group] = {}
    for job in jobs:
        mirror = failed_mirror(job, pipeline.store_to(job)[1:])
        if job.status is Status.DOWNLOADED and not mirror:
            continue  # what failed was overcome
        last, source = job.tries[-1], job.video.source if job.video else job.site
        waits = last.wait is not None if mirror else job.status not in (Status.FAILED, Status.UNAVAILABLE)
        key = (last.failure.kind, source, waits, mirror)
        groups.setdefault(key, Group(*key, job)).count += 1
    return list(groups.values())


def _command(group: Group, since: datetime | None, closed: Collection[str]) -> str:
    """What has a group tried again."""
    if group.waits:
        return shlex.join(["haulage", "resume", group.example.site]) if group.example.site in closed else "haulage work"
    narrowed = ["--since", str(time_document(since))] if since else []
    return shlex.join(["haulage", "retry", "--kind", group.kind.value, "--source", group.source, *narrowed])


def _document(group: Group, command: str) -> dict[str, Any]:
    from haulage.secrets import public_url

    job, failure = group.example, group.last.failure
    return {
        "kind": group.kind.value,
        "source": group.source,
        "waits": group.waits,
        "mirror": group.mirror or None,
        "count": group.count,
        "last": time_document(group.last.ended),
        "example": {
            "job": job.id,
            "url": public_url(job.request.url),
            "title": job.video and job.video.title,
            "stage": group.last.stage,
            "message": failure.message,
        },
        "cure": failure.cure,
        "command": command,
    }


def _lines(group: Group, command: str) -> Iterable[str]:
    from haulage.cli.report import name
    from haulage.secrets import one_line

    failure = group.last.failure
    what = "waits after" if group.waits else "ended by"
    owed = f", owed to {group.mirror}" if group.mirror else ""
    last = local(group.last.ended)
    yield one_line(f"{group.count} {what} {group.kind.value}, of {group.source}{owed}; last {last}")
    yield f"  such as  {one_line(f'{name(group.example)}: {failure.message}')}"
    if failure.cure:
        yield f"  cure     {one_line(failure.cure)}"
    yield f"  again    {one_line(command)}"
