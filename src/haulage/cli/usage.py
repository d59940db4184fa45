"""`haulage usage`: what the archive takes up, how it grows, and what it costs."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from haulage.cli.settings import Settings, common

if TYPE_CHECKING:
    from collections.abc import Mapping

    from haulage.billing.rates import Cost, Rate
    from haulage.operations.usage import Group, Usage

_MOST = 20
"""How many parts people are shown; the rest is one line."""

_BY = ("storage", "channel", "month", "format", "resolution")


@click.command("usage")
@click.option("--by", type=click.Choice(_BY), default="storage", help="What to divide it by; storage by default.")
@click.option("--cost", is_flag=True, help="Tell what it costs a month.")
@click.option(
    "--plot",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Draw growth and the largest channels into FILE.svg or FILE.png.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@common
@click.pass_context
def command(ctx: click.Context, by: str, cost: bool, plot: Path | None, as_json: bool) -> None:
    """Tell what the archive takes up, how it grows, and what it costs.

    Sizes are those of the database; the average and the median are of a video with all its files in one storage.
    Growth is that of the last 30 days. Costs are those of storing for a month, before tax.
    """
    if plot is not None and plot.suffix.lower() not in (".svg", ".png"):
        raise click.UsageError(f"cannot draw into {plot}; name a file that ends with .svg or .png")
    import gc

    gc.disable()  # nothing here is garbage: looking for some again and again took a third of the time
    from datetime import UTC, datetime

    from haulage.operations.usage import usage

    with ctx.ensure_object(Settings).pipeline() as pipeline:
        assembly = pipeline.assembly
        rates, now = assembly.rates, datetime.now(UTC)
        if plot is not None:
            from haulage.cli.plot import draw

            holdings = list(assembly.store.holdings())
            draw(plot, usage(holdings, "channel", rates, now), now)
            told = usage(holdings, by, rates, now)
        else:
            told = usage(assembly.store.holdings(), by, rates, now)
    gc.enable()
    if as_json:
        click.echo(json.dumps(_document(told, by, rates, cost), indent=2, ensure_ascii=False))
    else:
        _show(told, by, rates, cost)


def _document(told: "Usage", by: str, rates: "Mapping[str, Rate]", cost: bool) -> "dict[str, Any]":
    def costs(of: "Cost") -> "dict[str, Any]":
        told = {"monthly_cost": of.known, "unpriced": list(of.unpriced), "tables": list(of.tables)}
        return told if cost else {}

    def group(of: "Group") -> "dict[str, Any]":
        return {
            "objects": of.objects,
            "bytes": of.size,
            "average": of.average,
            "median": of.median,
            "growth_30_days": of.growth,
            **costs(of.cost),
            **({"requests_30_days": of.requests.known, "requests_tables": list(of.requests.tables)} if cost else {}),
        }

    prices = {
        name: {"storage": rate.storage, "write": rate.write, "gigabyte": rate.gigabyte, "origin": rate.origin}
        for name, rate in rates.items()
    }
    return {
        "by": by,
        "groups": [{by: each.name, **group(each)} for each in told.groups],
        "total": group(told.total),
        "growth": [
            {"day": each.day.isoformat(), "stored": each.stored, "deleted": each.deleted, "total": each.total}
            for each in told.days
        ],
        "forecast": [{"days": each.days, "bytes": each.size, **costs(each.cost)} for each in told.forecasts],
        **({"currency": "USD", "prices": prices} if cost else {}),
    }


def _show(told: "Usage", by: str, rates: "Mapping[str, Rate]", cost: bool) -> None:
    from rich.filesize import decimal

    from haulage.cli.report import price_text

    if not told.groups:
        click.echo("Nothing is stored yet; haul something with: haulage get URL")
        return
    marks: dict[tuple[str, ...], str] | None = {} if cost else None
    titles = ("Objects", "Size", "Average", "Median", "30 days")
    click.echo(_line(by.capitalize(), *titles, *(["USD/month  "] if cost else [])))
    for each in told.groups[:_MOST]:
        click.echo(_row(each, each.name, marks))
    if others := told.groups[_MOST:]:
        size = decimal(sum(each.size for each in others))
        click.echo(_line(f"{len(others)} others", str(sum(each.objects for each in others)), size))
    if len(told.groups) > 1:
        click.echo(_row(told.total, "All", marks))
    for tables, mark in (marks or {}).items():
        _wrapped(f"{mark}: {', '.join(tables)}")
    for ahead in told.forecasts:
        money = f", {_money(ahead.cost)} USD a month{_by(ahead.cost)}" if cost else ""
        _wrapped(f"In {ahead.days} days, as the last 90 went: {decimal(ahead.size)}{money}")
    if cost:
        requests = told.total.requests
        if requests.known is not None:
            partly = f", without those to {', '.join(requests.unpriced)}" if requests.unpriced else ""
            _wrapped(f"Requests of the last 30 days: {requests.known:,.2f} USD or more{partly}{_by(requests)}")
        for name in sorted({*rates, *told.total.cost.unpriced}):
            _wrapped(price_text(name, rates.get(name)))


def _wrapped(text: str) -> None:
    from haulage.cli.wrapped import lines

    for line in lines(text):
        click.echo(line)


def _by(cost: "Cost") -> str:
    """Where its prices are from."""
    return f" ({', '.join(cost.tables)})" if cost.tables else ""


def _row(group: "Group", name: str, marks: dict[tuple[str, ...], str] | None) -> str:
    """A line; with marks, with what it costs, marked with where the prices are from."""
    from rich.filesize import decimal

    sign = "-" if group.growth < 0 else "+"
    sizes = [decimal(group.size), decimal(round(group.average)), decimal(round(group.median))]
    growth = f"{sign}{decimal(abs(group.growth))}"
    costs = []
    if marks is not None:
        tables = group.cost.tables
        mark = marks.setdefault(tables, chr(ord("a") + len(marks))) if tables else " "
        costs = [f"{_money(group.cost)} {mark}"]
    return _line(name, f"{group.objects:,}", *sizes, growth, *costs)


def _money(cost: "Cost") -> str:
    if cost.known is None:
        return "unknown"
    return f"{'>' if cost.unpriced else ''}{cost.known:,.2f}"


def _line(name: str, *cells: str) -> str:
    """A line of a table that fits into 80 columns."""
    from rich.cells import set_cell_size

    from haulage.secrets import one_line

    widths = (8, 9, 9, 9, 10, 12)
    shown = one_line(name)
    named = set_cell_size(shown if len(shown) <= 17 else f"{shown[:16]}…", 17)
    return (named + "".join(f" {cell:>{width}}" for cell, width in zip(cells, widths, strict=False))).rstrip()
