"""`haulage sync`: haul what is new in subscriptions."""

import click

from haulage.cli.settings import Settings, common, working


@click.command("sync")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON for each video that ends.")
@working
@common
@click.pass_context
def command(ctx: click.Context, names: tuple[str, ...], as_json: bool) -> int:
    """Haul what is new in the subscriptions of the config, named or all of them.

    A list that was read to its end before is read until a page of it brings nothing new. What failed for good is not
    tried again, what still waits goes on, and nothing is ever deleted: not even where a list has vanished.
    """
    from haulage.cli.haul import haul

    return haul(ctx.ensure_object(Settings), None, subscriptions=names, as_json=as_json)
