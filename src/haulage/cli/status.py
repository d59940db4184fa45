"""`haulage status`: how many jobs there are of each state, and what is running."""

import json
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from haulage.cli.settings import Settings, common

if TYPE_CHECKING:
    from haulage import Job, Site


@click.command("status")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@common
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """Count jobs by state, and show how far those are that are running."""
    from haulage import Status

    running_states = (Status.DOWNLOADING, Status.FETCHED, Status.UPLOADING)
    with ctx.ensure_object(Settings).pipeline() as pipeline:
        counts: Counter[str] = Counter()
        size = 0
        running: list[Job] = []
        for job in pipeline.find():
            counts[job.status.value] += 1
            size += sum(copy.size or 0 for copy in job.copies if copy.state == "stored")
            if job.status in running_states:
                running.append(job)
        sites = list(pipeline.sites())
    if as_json:
        report = {
            "counts": dict(counts),
            "stored_bytes": size,
            "running": [_running(job) for job in running],
            "sites": [_site(site) for site in sites],
        }
        click.echo(json.dumps(report, indent=2, ensure_ascii=False))
    else:
        _show(counts, size, running, sites)


def _site(site: "Site") -> dict[str, Any]:
    opens = site.opens and site.opens.isoformat().replace("+00:00", "Z")
    return {"name": site.name, "opens": opens, "strikes": site.strikes, "reason": site.reason}


def _running(job: "Job") -> dict[str, Any]:
    from haulage.secrets import public_url

    url = public_url(job.request.url)
    return {"url": url, "status": job.status.value, "stage": job.stage, "done": job.done, "total": job.total}


def _show(counts: Counter[str], size: int, running: "list[Job]", sites: "list[Site]") -> None:
    from rich.filesize import decimal

    from haulage.cli.report import name

    if not counts:
        click.echo("Nothing yet; haul something with: haulage get URL")
        return
    click.echo(f"{', '.join(f'{count} {state}' for state, count in counts.items())}; {decimal(size)} stored")
    for job in running:
        share = f" {100 * job.done // job.total} %" if job.total else ""
        click.echo(f"{job.status.value:<11}  {name(job)}: {job.stage}{share}, {decimal(job.done)}")
    for site in sites:
        if site.opens is None:
            click.echo(f"closed       {site.name}: {site.reason}; once that is mended: haulage resume {site.name}")
        elif site.opens > datetime.now(UTC):
            until = site.opens.astimezone().isoformat(" ", "seconds")
            click.echo(f"closed       {site.name} until {until}: {site.reason}")
