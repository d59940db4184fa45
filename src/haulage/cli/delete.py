"""`haulage delete`: delete videos from the storages, on purpose."""

import json
from typing import TYPE_CHECKING

import click

from haulage.cli.settings import Settings, common

if TYPE_CHECKING:
    from haulage.operations.prune.deletion import Outcome


@click.command("delete")
@click.argument("names", nargs=-1, required=True, metavar="VIDEO...")
@click.option("--storage", metavar="NAME", help="Delete from this storage only.")
@click.option("--yes", is_flag=True, help="Delete without asking.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@common
@click.pass_context
def command(ctx: click.Context, names: tuple[str, ...], storage: str | None, yes: bool, as_json: bool) -> int:
    """Delete videos, named by their ids or URLs, from all storages, after asking; whatever `retention` keeps.

    Only what haulage wrote, and what still is what it wrote, is deleted. What was deleted is not hauled again by lists
    and channels; `haulage get` of its URL hauls it again. The exit code is 0 where all of it is gone; 1 where
    something is left; 3 where the database or a storage cannot be used.
    """
    from rich.filesize import decimal

    from haulage.cli.choose import holders, one
    from haulage.cli.deleting import ask, delete, name, say, say_what_is_left
    from haulage.contracts.totals import holdings
    from haulage.operations.prune.deletion import Deletion, Outcome

    with ctx.ensure_object(Settings).pipeline() as pipeline:
        known = pipeline.assembly.config.storages
        if storage is not None and storage not in known:
            raise click.UsageError(f"no storage {storage!r} in the config; there are: {', '.join(known)}")
        jobs = holders(pipeline, [one(pipeline, each) for each in names])
        found = [
            each
            for job in jobs
            for each in holdings(job)
            if each.deleted_at is None and storage in (None, each.storage)
        ]
        outcomes = [Outcome(each, "the config does not name its storage any more") for each in found]
        outcomes = [each for each in outcomes if each.holding.storage not in known]
        there = [each for each in found if each.storage in known]
        code = 1 if outcomes else 0
        if not as_json:
            for job in jobs:
                if not any(each.job == job.id for each in found):
                    where = "anywhere" if storage is None else f"in {storage}"
                    click.echo(f"{job.video.id if job.video else job.id} is not stored {where}.")
            for outcome in outcomes:
                say_what_is_left(outcome)
            for each in there:
                click.echo(f"{name(each)}: {each.objects} objects, {decimal(each.size)}")
        if there:
            begun = [each for each in there if each.deleting]
            deletion = Deletion(pipeline.assembly, [each for each in there if not each.deleting], begun)
            ask("Delete them?" if len(there) > 1 else "Delete it?", yes)

            def tell(outcome: Outcome) -> None:
                outcomes.append(outcome)
                if not as_json:
                    say_what_is_left(outcome)

            try:
                code = delete(deletion, None, tell) or code
            finally:  # what is gone is told, whatever happens
                if not as_json:
                    say(f"{decimal(sum(each.size for each in outcomes))} deleted.")
                else:
                    _print(outcomes)
        elif as_json:
            _print(outcomes)
    return code


def _print(outcomes: "list[Outcome]") -> None:
    from haulage.cli.deleting import outcome_document

    told = {"bytes": sum(each.size for each in outcomes), "outcomes": [*map(outcome_document, outcomes)]}
    click.echo(json.dumps(told, indent=2, ensure_ascii=False))
