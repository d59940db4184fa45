"""`haulage work`: work off the queue."""

import click

from haulage.cli.settings import Settings, common, working


@click.command("work")
@click.option("--forever", is_flag=True, help="Wait for more when nothing is left.")
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON for each video that ends.")
@working
@common
@click.pass_context
def command(ctx: click.Context, forever: bool, as_json: bool) -> int:
    """Haul whatever waits in the queue, whoever put it there.

    Any number of these may run at once, on one queue; each job is in the hands of one of them.
    """
    from haulage.cli.haul import haul

    return haul(ctx.ensure_object(Settings), None, as_json=as_json, forever=forever)
