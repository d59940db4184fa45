"""`haulage copy`: bring videos that are stored already to another storage."""

from typing import TYPE_CHECKING

import click

from haulage.cli.exits import Exit
from haulage.cli.settings import Settings, common

if TYPE_CHECKING:
    from haulage import Pipeline

_AGAIN = "stopped; the same command goes on with it"


@click.command("copy")
@click.argument("names", nargs=-1, metavar="[VIDEO]...")
@click.option("--to", required=True, metavar="NAME", help="The storage that shall hold them.")
@click.option(
    "--from", "source", metavar="NAME", help="Only from this storage; by default the first that holds a video."
)
@click.option("--channel", default="", metavar="ID", help="Only videos of this channel.")
@click.option("--variant", "variants", multiple=True, metavar="NAME", help='Only this variant; "" is the default one.')
@click.option("--move", is_flag=True, help="Delete each video at the old place once it is verified at the new one.")
@click.option("--dry-run", is_flag=True, help="Tell how much it is, and what it costs; copy nothing.")
@click.option("--yes", is_flag=True, help="Do not ask before --move deletes.")
@click.option("--workers", type=click.IntRange(1, 256), default=4, metavar="NUMBER", help="How many videos at once; 4.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@common
@click.pass_context
def command(
    ctx: click.Context,
    names: tuple[str, ...],
    to: str,
    source: str | None,
    channel: str,
    variants: tuple[str, ...],
    move: bool,
    dry_run: bool,
    yes: bool,
    workers: int,
    as_json: bool,
) -> int:
    """Bring videos that are stored already to another storage: those that are named, or all.

    Each file is verified at the new place before its row says so. What a kill broke off the same command goes on with.
    The first Ctrl-C finishes the videos under way, the second one cancels them.
    """
    from haulage.cli.choose import holders, named
    from haulage.cli.copying import Shown, account, ask, carry_out, missing
    from haulage.cli.signals import graceful
    from haulage.operations.copying.copy import Copier, planned
    from haulage.operations.copying.plan import Wanted

    settings = ctx.ensure_object(Settings)
    with settings.pipeline() as pipeline:
        sources = _sources(pipeline, to, source, move=move)
        jobs = holders(pipeline, named(pipeline, names)) if names else []
        wanted = Wanted(to, sources, move, tuple(job.id for job in jobs), channel, variants)
        total = account(planned(pipeline.assembly, wanted), pipeline.assembly.rates, wanted)
        absent = missing(jobs, wanted)
        for line in absent:
            click.echo(f"haulage: {line}", err=True)
        code = Exit.NOT_ALL if absent else Exit.DONE
        if dry_run or not (total.videos or as_json):
            total.tell(as_json=as_json)
            return code
        if move and total.videos and not yes:
            ask(total)
        shown = Shown(total, quiet=settings.log_format == "json")
        copier = Copier(pipeline.assembly, wanted, workers, shown)

        def give_up() -> None:
            copier.abandon()
            shown.last(_AGAIN)

        try:
            with graceful(copier.stop, shown.say, give_up), shown:
                left = carry_out(copier, pipeline, total, shown, as_json=as_json)
        except KeyboardInterrupt:
            shown.last(_AGAIN)
            return Exit.STOPPED
        if copier.stopped and shown.videos < total.videos:
            shown.last(_AGAIN)
            return Exit.STOPPED
    return Exit.NOT_ALL if left else code


def _sources(pipeline: "Pipeline", to: str, source: str | None, *, move: bool) -> tuple[str, ...]:
    """Where videos may come from.

    Raises:
        UsageError: It cannot be.
    """
    config = pipeline.assembly.config
    for name in (to, source):
        if name is not None and name not in config.storages:
            raise click.UsageError(f"no storage {name!r} in the config; there are: {', '.join(config.storages)}")
    if to == source:
        raise click.UsageError(f"the videos of {to} are in {to} already; name another storage with --to or --from")
    others = tuple(dict.fromkeys(each for each in (*config.store_to, *config.storages) if each != to))
    if not others:
        raise click.UsageError(f"the config names no storage but {to}; add the other one under storages")
    if move and source is None and len(others) > 1:
        raise click.UsageError(f"say where they shall be deleted: --from {' or --from '.join(others)}")
    return (source,) if source else others
