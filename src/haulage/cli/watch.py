"""`haulage status --watch`: the same, again and again."""

import contextlib
import json
import os
import select
import sys
import termios
import time
import tty
from collections.abc import Callable, Iterator

import click
from rich.console import Console
from rich.control import Control
from rich.live import Live

from haulage import Pipeline
from haulage.cli.moments import local
from haulage.cli.screen import draw
from haulage.cli.signals import heard
from haulage.cli.snapshot import Rates, Snapshot, document, failures, lines, look

_SECONDS = 1.0
"""Between two looks, at least; workers tell once a second how far they are."""

_PLAIN_SECONDS = 5.0
"""Between two blocks of plain lines, at least."""

_SHARE = 4
"""How many times as long as a look took the next one waits: to watch a large archive keeps nobody from work."""


def watch(pipeline: Pipeline, *, as_json: bool) -> None:
    """Show how it goes until Ctrl-C, or on a terminal until q is pressed.

    That is a full screen on a terminal; in a pipe, a block of lines every few seconds, or a line of JSON each second.
    """
    console = Console(highlight=False)
    with contextlib.suppress(KeyboardInterrupt):
        if as_json:
            _repeat(pipeline, _SECONDS, _json, _no_key)
        elif not console.is_terminal or console.is_dumb_terminal:
            _repeat(pipeline, _PLAIN_SECONDS, _plain, _no_key)
        else:
            live = Live(console=console, screen=True, auto_refresh=False)

            def show(snapshot: Snapshot) -> None:
                live.update(draw(snapshot, console.width, console.height), refresh=True)

            try:
                with live, _keys() as pressed:
                    _repeat(pipeline, _SECONDS, show, pressed)
            finally:  # which an interrupt while it begins leaves to us
                console.control(Control.alt_screen(False), Control.show_cursor(True))
    heard()


def _repeat(pipeline: Pipeline, seconds: float, show: Callable[[Snapshot], None], rest: Callable[[float], str]) -> None:
    """Look and show, until q was pressed in between."""
    rates, keys = Rates(), ""
    while "q" not in keys:
        began = time.monotonic()
        snapshot = look(pipeline, rates)
        took = time.monotonic() - began
        show(snapshot)
        keys = rest(max(seconds - took, _SHARE * took))


def _json(snapshot: Snapshot) -> None:
    click.echo(json.dumps(document(snapshot), ensure_ascii=False))


def _plain(snapshot: Snapshot) -> None:
    click.echo("\n".join([local(snapshot.at), *lines(snapshot), *failures(snapshot), ""]))


def _no_key(seconds: float) -> str:
    time.sleep(seconds)
    return ""


@contextlib.contextmanager
def _keys() -> Iterator[Callable[[float], str]]:
    """Have the terminal pass on each key at once; give what waits for some, seconds at most, and returns them."""
    if not sys.stdin.isatty():
        yield _no_key
        return
    keyboard = sys.stdin.fileno()
    before = termios.tcgetattr(keyboard)

    def pressed(seconds: float) -> str:
        until = time.monotonic() + seconds
        while select.select([keyboard], [], [], max(until - time.monotonic(), 0))[0]:
            keys = os.read(keyboard, 64)
            if b"q" in keys or not keys:  # or the terminal is gone
                return "q"
        return ""

    tty.setcbreak(keyboard)
    try:
        yield pressed
    finally:
        termios.tcsetattr(keyboard, termios.TCSADRAIN, before)
