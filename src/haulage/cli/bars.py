"""Bars that show how far transfers are, on standard error where that is a terminal."""

import sys

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)


def bars(console: Console, *first: ProgressColumn, width: int) -> Progress:
    """Bars for transfers; they are gone in the end.

    Args:
        console: Where to; nothing is shown where that is quiet, or no terminal.
        first: Columns that come before the description.
        width: Of the bar itself, in columns.
    """
    return Progress(
        *first,
        TextColumn("{task.description}"),
        BarColumn(bar_width=width),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(compact=True),
        console=console,
        transient=True,
        disable=console.quiet or not console.is_terminal,
        redirect_stdout=sys.stdout.isatty(),
    )
