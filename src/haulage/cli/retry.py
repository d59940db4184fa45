"""`haulage retry`: try again what failed."""

import click

from haulage.cli.settings import Settings, common, working


@click.command("retry")
@click.argument("names", nargs=-1, metavar="[VIDEO]...")
@click.option("--kind", "kinds", multiple=True, metavar="KIND", help="Only what failed for this reason; see `list`.")
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON for each video that ends.")
@working
@common
@click.pass_context
def command(ctx: click.Context, names: tuple[str, ...], kinds: tuple[str, ...], as_json: bool) -> int:
    """Haul again what failed: all of it, that of a kind of failure, or videos by id or URL.

    What is unavailable is tried again only when it, or its kind, is named.
    """
    from haulage import Kind, Status
    from haulage.cli.choose import named
    from haulage.cli.haul import haul

    unknown = [kind for kind in kinds if kind not in list(Kind)]
    if unknown:
        raise click.UsageError(f"no such kind of failure: {unknown[0]!r}; there are: {', '.join(Kind)}")
    settings = ctx.ensure_object(Settings)
    asked = kinds or names
    ended = (Status.FAILED, Status.UNAVAILABLE) if asked else (Status.FAILED,)
    with settings.pipeline() as pipeline:
        jobs = named(pipeline, names, ended)
        requests = [job.request for job in jobs if not kinds or (job.tries and job.tries[-1].failure.kind in kinds)]
    if not requests:
        click.echo("nothing to try again", err=True)
        return 0
    return haul(settings, requests, as_json=as_json)
