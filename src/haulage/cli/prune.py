"""`haulage prune`: delete what the rules of retention let go."""

import json
from typing import TYPE_CHECKING, Any

import click

from haulage.cli.exits import Exit
from haulage.cli.settings import Settings, common

if TYPE_CHECKING:
    from collections.abc import Iterable

    from haulage.operations.prune.deletion import Outcome
    from haulage.operations.prune.plan import Going, Plan

_NO_RULES = "the config has no retention, which says what goes; see docs/how-to/make-room.md, or haulage config init"


@click.command("prune")
@click.option("--dry-run", is_flag=True, help="Only tell what would be deleted, with bytes and money.")
@click.option("--yes", is_flag=True, help="Delete without asking.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document, with each video.")
@common
@click.pass_context
def command(ctx: click.Context, dry_run: bool, yes: bool, as_json: bool) -> int:
    """Delete what the rules of `retention` in the config let go, after asking.

    Only what haulage wrote, and what still is what it wrote, is deleted; a video that a worker is busy with is left for
    the next time. The exit code is 0 where all of it is gone; 1 where something is left, or a limit is still exceeded;
    3 where the database or a storage cannot be used; 4 where it was stopped.
    """
    import gc

    gc.disable()  # nothing here is garbage: looking for some again and again took a third of the time
    from haulage.cli.deleting import ask, delete, outcome_document, say, say_what_is_left
    from haulage.errors import ConfigError
    from haulage.operations.prune.deletion import Deletion, planned
    from haulage.operations.prune.prices import check_prices

    with ctx.ensure_object(Settings).pipeline() as pipeline:
        assembly = pipeline.assembly
        if not assembly.config.rules:
            raise ConfigError(_NO_RULES)
        check_prices(pipeline.recipe, assembly.config.rules, assembly.rates)
        made = planned(assembly)
        gc.freeze()
        gc.enable()
        if not as_json:
            _show(made)
        nothing = not made.going and not made.begun
        if dry_run or nothing:
            if as_json:
                _print(_document(made))
            return Exit.NOT_ALL if nothing and made.short and not dry_run else Exit.DONE
        deletion = Deletion(assembly, [each.holding for each in made.going], made.begun)
        ask(f"Delete {_sum(made)}?", yes)
        outcomes: list[Outcome] = []

        def tell(outcome: "Outcome") -> None:
            outcomes.append(outcome)
            if not as_json:
                say_what_is_left(outcome)

        try:
            code = delete(deletion, lambda: planned(assembly), tell)
        finally:  # what is gone is told, whatever happens
            if as_json:
                _print(_document(made) | {"outcomes": [outcome_document(each) for each in outcomes]})
            else:
                say(_done(outcomes))
        return Exit.NOT_ALL if made.short and code is Exit.DONE else code


def _print(document: "dict[str, Any]") -> None:
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))


def _document(plan: "Plan") -> "dict[str, Any]":
    from haulage.cli.deleting import holding_document

    costs = [each.cost for each in plan.going if each.cost is not None]
    return {
        "videos": len(plan.going),
        "bytes": sum(each.holding.size for each in plan.going),
        "monthly_cost": sum(costs) if costs or not plan.going else None,
        "currency": "USD",
        "going": [
            holding_document(each.holding) | {"rule": each.rule, "monthly_cost": each.cost} for each in plan.going
        ],
        "kept": [holding_document(each.holding) | {"keeper": each.keeper, "rule": each.rule} for each in plan.kept],
        "exceeded": [{"rule": each.rule, "over": each.over, "unit": each.unit} for each in plan.short],
        "begun": [holding_document(each) for each in plan.begun],
        "outside": plan.outside,
    }


def _show(plan: "Plan") -> None:
    from collections import Counter

    from rich.filesize import decimal

    from haulage.billing.rates import dollars

    groups: dict[tuple[str, str], list[Going]] = {}
    for each in plan.going:
        groups.setdefault((each.rule, each.holding.storage), []).append(each)
    if groups:
        click.echo(_line("Rule", "Storage", "Videos", "Size", "USD/month"))
        for (rule, storage), going in sorted(groups.items()):
            click.echo(_row(rule, storage, going))
        if len(groups) > 1:
            click.echo(_row("All", "", plan.going))
    else:
        click.echo("No rule lets anything go now.")
    for (keeper, rule), count in sorted(Counter((each.keeper, each.rule) for each in plan.kept).items()):
        click.echo(f"{keeper} keeps {count:,} that {rule} would let go.")
    for short in plan.short:
        over = decimal(round(short.over)) if short.unit == "bytes" else f"{dollars(short.over)} a month"
        click.echo(f"{short.rule} is still exceeded then, by {over}: what is left is kept.")
    if plan.begun:
        click.echo(f"{len(plan.begun):,} more were to be deleted before, and that was broken off.")
    for storage, count in plan.outside.items():
        click.echo(f"{count:,} in {storage} are left out: the config does not name that storage any more.")


def _sum(plan: "Plan") -> str:
    from rich.filesize import decimal

    count = len(plan.going) + len(plan.begun)
    size = sum(each.holding.size for each in plan.going) + sum(each.size for each in plan.begun)
    return f"{count:,} {'video' if count == 1 else 'videos'}, {decimal(size)}"


def _done(outcomes: "list[Outcome]") -> str:
    from rich.filesize import decimal

    gone, left = sum(not each.left for each in outcomes), sum(bool(each.left) for each in outcomes)
    said = f"{gone:,} {'video is' if gone == 1 else 'videos are'} gone, {decimal(sum(each.size for each in outcomes))}"
    return f"{said}; {left:,} left" if left else said


def _row(rule: str, storage: str, going: "Iterable[Going]") -> str:
    from rich.filesize import decimal

    listed = list(going)
    costs = [each.cost for each in listed if each.cost is not None]
    partly = ">" if len(costs) < len(listed) else ""
    cost = f"{partly}{sum(costs):,.2f}" if costs else "unknown"
    return _line(rule, storage, f"{len(listed):,}", decimal(sum(each.holding.size for each in listed)), cost)


def _line(rule: str, storage: str, *cells: str) -> str:
    """A line of a table that fits into 80 columns."""
    from rich.cells import set_cell_size

    if len(rule) > 25:  # it stands under a subscription
        return f"{rule}\n{_line('', storage, *cells)}"
    shown = storage if len(storage) <= 19 else f"{storage[:18]}…"
    first = f"{set_cell_size(rule, 25)} {set_cell_size(shown, 19)}"
    return (first + "".join(f" {cell:>10}" for cell in cells)).rstrip()
