"""Pictures of an archive: how it grew, and which channels take up the most of it."""

from datetime import datetime
from pathlib import Path

import click

from haulage.operations.usage import Usage

_MOST = 12
"""How many channels are drawn."""

_LONGEST = 24


def draw(file: Path, told: Usage, now: datetime) -> None:
    """Draw growth over time, and the largest channels: what they cost a month, or their bytes where no price is known.

    Args:
        file: Where to, with the ending svg or png.
        told: The archive, divided by channel.
        now: Until when.

    Raises:
        UsageError: matplotlib is missing, or the file cannot be written.
    """
    try:
        import matplotlib as mpl
        from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
        from matplotlib.figure import Figure
    except ImportError:
        raise click.UsageError("drawing needs matplotlib; install it with: pip install 'haulage[plot]'") from None
    priced = told.total.cost.known is not None and not told.total.cost.unpriced
    scale, unit = _scale(max((day.total for day in told.days), default=0))
    with mpl.rc_context({"svg.hashsalt": "haulage", "svg.fonttype": "none", "font.size": 9}):
        figure = Figure(figsize=(8, 6), layout="constrained")
        growth, channels = figure.subplots(2, 1)
        days = [day.day for day in told.days] + ([now.date()] if told.days else [])
        totals = [day.total / scale for day in told.days]
        growth.step(days, totals + totals[-1:], where="post", color="#2060a0")
        growth.fill_between(days, totals + totals[-1:], step="post", color="#2060a0", alpha=0.2)
        growth.set_ylim(bottom=0)
        growth.set_ylabel(unit)
        growth.set_title(f"In the archive: {totals[-1] if totals else 0:.3g} {unit}", loc="left")
        locator = AutoDateLocator()  # type: ignore[no-untyped-call]
        growth.xaxis.set_major_locator(locator)
        growth.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
        largest = told.groups[:_MOST][::-1]
        widths = [(each.cost.known or 0.0) if priced else each.size / scale for each in largest]
        bars = channels.barh(range(len(largest)), widths, color="#c06020")
        channels.set_yticks(range(len(largest)), [_label(each.name) for each in largest])
        channels.bar_label(bars, [f"{width:,.2f}" if priced else f"{width:.3g}" for width in widths], padding=3)
        channels.margins(x=0.12)
        by = ", ".join(told.total.cost.tables)
        channels.set_xlabel(f"USD a month ({by})" if priced else unit)
        others = f", the largest {len(largest)} of {len(told.groups)}" if len(told.groups) > len(largest) else ""
        channels.set_title(f"{'Cost' if priced else 'Size'} by channel{others}", loc="left")
        for axes in (growth, channels):
            axes.spines[["top", "right"]].set_visible(False)
        try:
            figure.savefig(file, dpi=120, metadata={"Date": None} if file.suffix.lower() == ".svg" else None)
        except OSError as error:
            raise click.UsageError(f"cannot write {file}: {error.strerror or error}") from None


def _scale(size: int) -> tuple[int, str]:
    for power, unit in enumerate(("kB", "MB", "GB"), 1):
        if size < 1000 ** (power + 1):
            return 1000**power, unit
    return 10**12, "TB"


def _label(name: str) -> str:
    shown = "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in name).replace("$", r"\$")
    return shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 1]}…"
