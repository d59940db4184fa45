"""`haulage status`: how many jobs there are of each state, what is running, and which sites are closed."""

import json

import click

from haulage.cli.settings import Settings, common


@click.command("status")
@click.option("--watch", is_flag=True, help="Show it live, each second, until q or Ctrl-C is pressed.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document; with --watch, one line each second.")
@common
@click.pass_context
def command(ctx: click.Context, watch: bool, as_json: bool) -> None:
    """Count jobs by state, and show how far those are that are running, and which sites are closed.

    With --watch, that is a full screen on a terminal, with speeds and the latest failures; in a pipe, it is a block of
    lines every five seconds.
    """
    from haulage.cli import snapshot

    with ctx.ensure_object(Settings).pipeline() as pipeline:
        if watch:
            from haulage.cli.watch import watch as begin

            begin(pipeline, as_json=as_json)
            return
        seen = snapshot.look(pipeline)
    if as_json:
        click.echo(json.dumps(snapshot.document(seen), indent=2, ensure_ascii=False))
    else:
        for line in snapshot.lines(seen):
            click.echo(line)
