"""One line on a terminal that tells how far something is."""

import contextlib
import sys
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import Progress, TextColumn


@contextlib.contextmanager
def counting(console: Console) -> Iterator[Callable[[str], None]]:
    """Show a line while the block runs, below what is printed meanwhile; nothing where there is no terminal.

    Yields:
        What the line says from now on; to be called from any thread.
    """
    line = Progress(
        TextColumn("{task.description}"),
        console=console,
        transient=True,
        disable=not console.is_terminal,
        redirect_stdout=sys.stdout.isatty(),
    )
    task = line.add_task("")
    with line:
        yield lambda said: line.update(task, description=said)
