"""`haulage resume`: open a site that was closed."""

import click

from haulage.cli.settings import Settings, common


@click.command("resume")
@click.argument("site")
@common
@click.pass_context
def command(ctx: click.Context, site: str) -> int:
    """Let the jobs of a site run again that was closed: until a person has signed in, or for a while.

    Those of its jobs that wait for a time are due at once.

    `haulage status` lists the sites that are closed.
    """
    from haulage import Query
    from haulage.cli.choose import is_text

    with ctx.ensure_object(Settings).pipeline() as pipeline:
        closed = {each.name for each in pipeline.sites()}
        if not (is_text(site) and pipeline.resume(site)):
            names = ", ".join(sorted(closed)) or "none"
            raise click.UsageError(f"no job is of the site {site!r}; closed: {names}")
        waiting = sum(1 for _ in pipeline.find(Query(site=site, unfinished=True)))
    was = "is open again" if site in closed else "was open"
    click.echo(f"{site} {was}; of its jobs, {waiting} wait{' for: haulage work' if waiting else ''}")
    return 0
