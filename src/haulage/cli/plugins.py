"""`haulage plugins`: what is there to choose from, where it comes from, and what is wrong with the rest."""

import json
import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click

from haulage.cli.exits import Exit
from haulage.cli.settings import Settings, common

if TYPE_CHECKING:
    from haulage.registry.host import Broken, Host, Offer


@click.group("plugins", invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@common
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """List the components that plugins offer, and the plugins that are broken.

    A table on a terminal; in a pipe, lines of kind, name, origin and summary with tabs in between. Where something
    stands in the way of a component, the reason takes the place of the summary.
    """
    if ctx.invoked_subcommand:
        return
    offers, broken = _host(ctx.ensure_object(Settings)).survey()
    if as_json:
        report = {
            "components": [_document(offer, problem) for offer, problem in offers],
            "broken": [{"name": each.name, "from": each.origin, "error": each.error} for each in broken],
        }
        click.echo(json.dumps(report, indent=2, ensure_ascii=False))
    else:
        _show(offers, broken)


@command.command("show")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@common
@click.pass_context
def show(ctx: click.Context, name: str, as_json: bool) -> None:
    """Explain one component: where it comes from, its options, and an example for the config."""
    host = _host(ctx.ensure_object(Settings))
    found = [(offer, problem) for offer, problem in host.survey()[0] if offer.record.name == name]
    if not found:
        raise host.missing(name)
    if as_json or (ctx.parent and ctx.parent.params["as_json"]):
        documents = [{**_document(offer, problem), **_manual(offer)} for offer, problem in found]
        click.echo(json.dumps(documents, indent=2, ensure_ascii=False))
        return
    for number, (offer, problem) in enumerate(found):
        click.echo("\n" * bool(number), nl=False)
        _explain(offer, problem)


@command.command("check")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@common
@click.pass_context
def check(ctx: click.Context, name: str, as_json: bool) -> Exit:
    """Hold a storage of the config to every law of the contract, where it really is.

    NAME is the storage's name in the config, or its type where there is one of that type. Thousands of small objects
    and some of 30 MB are written to a folder of their own, `haulage-check-...`, read and deleted again: it takes
    minutes, and a service may bill its requests. Nothing else is touched. Needs haulage[testing]; the exit code is 1
    where a law does not hold.
    """
    from haulage.errors import ConfigError
    from haulage.operations.conformance import Verdict, hold_to_the_laws

    pipeline = ctx.ensure_object(Settings).pipeline()
    with pipeline:
        config = pipeline.assembly.config
        meant = [each for each, chosen in config.storages.items() if name in (each, chosen.type)]
        if name not in config.storages and len(meant) != 1:
            few = f"several storages of type {name!r}" if meant else f"no storage {name!r}"
            raise ConfigError(f"the config has {few}; name one of: {', '.join(sorted(meant or config.storages))}")
        name = name if name in config.storages else meant[0]
        pipeline.assembly.place(name)  # what is wrong with its options or credentials is told in its own words
    verdicts: list[Verdict] = []
    hold_to_the_laws(config.storages[name], pipeline.recipe.modules, config.folder, verdicts.append)
    broken: dict[str, str] = {}
    for each in verdicts:
        if not each.holds:
            broken.setdefault(each.law, each.message)
    laws = list(dict.fromkeys(each.law for each in verdicts))
    if as_json:
        told = [{"law": law, "holds": law not in broken, "message": broken.get(law)} for law in laws]
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
    else:
        _table(("Law", "Verdict"), [(law, f"broken: {broken[law]}" if law in broken else "holds") for law in laws])
    return Exit.NOT_ALL if broken or not laws else Exit.DONE


def _host(settings: Settings) -> "Host":
    """The plugins, without those that the config disables; whatever else is wrong with it is no matter here."""
    from haulage.config.load import disable
    from haulage.registry.host import Host

    recipe = settings.pipeline().recipe
    host = Host(recipe.modules, no_plugins=recipe.no_plugins)
    disable(recipe.document, recipe.name, os.environ, host)
    return host


def _document(offer: "Offer", problem: str) -> dict[str, Any]:
    return {
        "kind": offer.what,
        "name": offer.record.name,
        "from": offer.origin,
        "summary": offer.record.summary,
        "problem": problem or None,
    }


def _manual(offer: "Offer") -> dict[str, Any]:
    from attrs import asdict

    from haulage.config.manual import entries, example
    from haulage.registry.components import StorageComponent

    capabilities = asdict(offer.record.capabilities) if isinstance(offer.record, StorageComponent) else None
    return {
        "capabilities": capabilities,
        "options": [{**asdict(each), "required": each.default is None} for each in entries(offer.record)],
        "example": example(offer.record),
    }


def _show(offers: "Iterable[tuple[Offer, str]]", broken: "Iterable[Broken]") -> None:
    rows = [(offer.what, offer.record.name, offer.origin, problem or offer.record.summary) for offer, problem in offers]
    rows += [("broken", each.name, each.origin, each.error) for each in broken]
    _table(("Kind", "Name", "From", "Summary"), rows)


def _explain(offer: "Offer", problem: str) -> None:
    manual = _manual(offer)
    click.echo(f"{offer.what} {offer.record.name}: {offer.record.summary}")
    click.echo(f"from: {offer.origin}")
    if problem:
        click.echo(f"problem: {problem}")
    if manual["capabilities"] is not None:
        click.echo(
            f"claims: {', '.join(name for name, claimed in manual['capabilities'].items() if claimed) or 'none'}"
        )
    click.echo()
    titles = ("Option", "Type", "Default", "What it is", "Example")
    keys = ("name", "type", "default", "help", "example")
    rows = [["required" if each[key] is None else each[key] for key in keys] for each in manual["options"]]
    if rows:
        _table(titles, rows)
    else:
        click.echo("It has no options.")
    click.echo(f"\nIn the config:\n\n{manual['example']}")


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console()
    if not console.is_terminal:
        for row in rows:
            click.echo("\t".join(" ".join(cell.split()) for cell in row))
        return
    table = Table(box=None, pad_edge=False)
    for title in titles:
        table.add_column(title, no_wrap=title in _NAMES, overflow="fold")
    for row in rows:
        table.add_row(*map(escape, row))
    console.print(table)


_NAMES = ("Kind", "Name", "Option")
"""The columns whose cells stay on one line."""
