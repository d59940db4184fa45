"""`haulage import`: take in what was downloaded before haulage, where it lies."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from haulage.cli.exits import Exit
from haulage.cli.settings import Settings, common

if TYPE_CHECKING:
    from haulage import Pipeline


@click.command("import")
@click.option("--from", "storage", metavar="NAME", help="The storage of the config whose objects are taken in.")
@click.option(
    "--layout",
    metavar="LAYOUT",
    help="How they are named: like {channel}/{title} [{video_id}].{ext}, or a template of yt-dlp; its default one.",
)
@click.option("--archive", type=click.Path(path_type=Path), metavar="FILE", help="A download archive of yt-dlp.")
@click.option("--source", default="", metavar="NAME", help="Where videos come from of which nothing else tells it.")
@click.option("--url", default="", metavar="TEMPLATE", help="Their page likewise: https://example.com/{video_id}.")
@click.option("--variant", default="", metavar="NAME", help="The variant of the config that they are.")
@click.option("--dry-run", is_flag=True, help="Read names alone; tell what would be taken in, and change nothing.")
@click.option("--workers", type=click.IntRange(1, 256), default=4, metavar="NUMBER", help="How many files at once; 4.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@common
@click.pass_context
def command(
    ctx: click.Context,
    storage: str | None,
    layout: str | None,
    archive: Path | None,
    source: str,
    url: str,
    variant: str,
    dry_run: bool,
    workers: int,
    as_json: bool,
) -> int:
    """Take in videos that were downloaded before haulage: the objects of a storage, what an archive lists, or both.

    Objects stay where they are, under their own names, and haulage never deletes them. Each video is read once: it has
    to be whole and playable, and its digest is recorded. Nothing is downloaded, now or when it is asked for. What an
    archive lists and no object holds is recorded as let go: lists do not haul it again, `haulage get` does.

    The exit code is 0 where all was taken in, or was before; 1 where something was left, with the reason; 3 where the
    database or the storage cannot be used. What a kill broke off the same command goes on with.
    """
    from haulage.cli.importing import Report, carry_out
    from haulage.cli.signals import graceful
    from haulage.operations.importing.identify import Identity, check_template
    from haulage.operations.importing.importer import Wanted
    from haulage.operations.importing.layout import DEFAULT, parse

    if storage is None and archive is None:
        raise click.UsageError("say what to import: --from NAME, --archive FILE, or both")
    if storage is None and layout is not None:
        raise click.UsageError("--layout is about the objects of a storage; say which: --from NAME")
    parsed = parse(layout or DEFAULT)
    if url:
        check_template(url)
    report = Report(dry_run=dry_run, as_json=as_json)

    def give_up() -> None:
        report.end(stopped=True)
        sys.stdout.flush()

    ways_out = graceful(lambda: False, click.echo, give_up)
    try:
        with ways_out, ctx.ensure_object(Settings).pipeline() as pipeline:
            _check(pipeline, storage, variant)
            identity = Identity(pipeline.assembly.fetcher, source.lower(), variant, url)
            wanted = Wanted(storage, parsed, identity, dry_run, workers) if storage else None
            carry_out(pipeline.assembly, wanted, archive, identity, report)
    except KeyboardInterrupt:
        report.end(stopped=True)
        return Exit.STOPPED
    report.end()
    return Exit.NOT_ALL if report.left else Exit.DONE


def _check(pipeline: "Pipeline", storage: str | None, variant: str) -> None:
    """Make sure that the config has what is named.

    Raises:
        UsageError: It has not.
    """
    from haulage.config.wording import suggest

    config = pipeline.assembly.config
    if storage is not None and storage not in config.storages:
        raise click.UsageError(f"no storage {storage!r} in the config{suggest(storage, config.storages)}")
    if variant and variant not in config.variants:
        raise click.UsageError(f"no variant {variant!r} in the config{suggest(variant, config.variants)}")
