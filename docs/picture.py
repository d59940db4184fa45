"""Makes the pictures: what haulage shows on a terminal, in real hauls from the loopback site.

In picture.svg that is `haulage get` and `haulage list`, in status-watch.svg `haulage status --watch`.

`nox -s picture` runs this. The program runs in a pseudo-terminal, and its output is taken at the moment that tells
most: while all bars are under way.
"""

import fcntl
import io
import json
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.filesize import decimal
from rich.terminal_theme import SVG_EXPORT_THEME
from rich.text import Text

from haulage.testing import LoopbackSite, Recipe

DOCS = Path(__file__).parent
COLUMNS, LINES = 80, 24
RECIPES = {  # with the bytes a second at which the site serves each
    Recipe("mountain-goats", duration=48, width=1280, height=720, size=31_400_000): 3_400_000,
    Recipe("evening-trains", duration=30, width=854, height=480, hue=90, size=12_800_000): 1_900_000,
    Recipe("harbour-at-six", duration=75, width=640, height=360, hue=180, size=22_600_000): 2_100_000,
    Recipe("rain-on-a-roof", duration=21, width=1280, height=720, hue=270, size=17_900_000): 2_900_000,
}
SHORT = [Recipe(name, duration=4, hue=hue) for name, hue in (("a-quiet-street", 20), ("two-boats", 200))]
_STEP = re.compile(r"\x1b\[\?25[hl]|\x1b\[2K|\x1b\[1A|\r|\n|(?:\x1b\[[0-9;]*m|[^\x1b\r\n])+")
_UNDER_WAY = re.compile(r"^\S*fetch .* MB/s.* \d+:\d\d", re.MULTILINE)
_IN_FULL = re.compile(r"(fetch .* [1-9]\d %.* [kM]B/s.* \d+:\d\d\s+){4}.*Closed sites: 1.*Latest failures", re.DOTALL)
_STYLE = re.compile(r"\x1b\[[0-9;]*m")


def main() -> None:
    """Haul, and write the pictures."""
    for name, lines in {"picture.svg": hauled(), "status-watch.svg": watched()}.items():
        picture = DOCS / name
        picture.write_text(drawn("\n".join(lines)), encoding="utf-8")
        print(f"{name}: {picture.stat().st_size} bytes")


def hauled() -> list[str]:
    """A terminal on which videos were hauled and listed."""
    with tempfile.TemporaryDirectory() as name, LoopbackSite(RECIPES) as site:
        folder = Path(name)
        paths = ["404/gone.mp4", *(f"drip/{rate}/{recipe.file_name}" for recipe, rate in RECIPES.items())]
        for path in paths[1:]:
            site.file(Path(path).name)  # made beforehand, so that all downloads begin at once
        (folder / "urls.txt").write_text("".join(f"{site.url(path)}\n" for path in paths))
        (folder / "haulage.yaml").write_text("private_hosts: [127.0.0.1]\n")
        output = typed(folder, "get", "-a", "urls.txt")
        frames = [each for each in screens(output) if len(_UNDER_WAY.findall(_STYLE.sub("", each))) == len(RECIPES)]
        listed = list(screens(typed(folder, "list")))[-1]
    return [*prompt("haulage get -a urls.txt"), frames[len(frames) * 2 // 3], "", *prompt("haulage list"), listed]


def watched() -> list[str]:
    """A terminal on which a haul is watched that goes well for some videos, and not for others."""
    with tempfile.TemporaryDirectory() as name, LoopbackSite([*RECIPES, *SHORT]) as site:
        folder = Path(name)
        (folder / "haulage.yaml").write_text("private_hosts: [127.0.0.1, localhost]\nretry: {initial: 1h}\n")
        refusing = site.url("").replace("127.0.0.1", "localhost")
        before = [*(site.url(each.file_name) for each in SHORT), site.url("404/gone.mp4")]
        typed(folder, "get", *before)
        held = [site.url(f"drip/{rate // 2}/{recipe.file_name}") for recipe, rate in RECIPES.items()]
        for recipe in RECIPES:
            site.file(recipe.file_name)
        urls = [
            *held,
            *(f"{refusing}429/300/{each}.mp4" for each in ("one", "two", "three")),
            site.url("short/two-boats.mp4?again"),
        ]
        command = [sys.executable, "-m", "haulage", "get", "--workers", "6", *urls]
        with subprocess.Popen(
            command, cwd=folder, env=environ(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as haul:
            output = typed(folder, "status", "--watch", keys={_IN_FULL: b"q"})
            status = [sys.executable, "-m", "haulage", "status", "--json"]
            told = json.loads(subprocess.run(status, cwd=folder, env=environ(), capture_output=True, check=True).stdout)
            haul.terminate()
    if missing := [each for each in numbers(told) if each not in _STYLE.sub("", screen(output))]:
        sys.exit(f"the picture does not show what `haulage status --json` tells: {', '.join(missing)}")
    return [*prompt("haulage status --watch"), *(each.rstrip() for each in screen(output).splitlines())]


def numbers(told: dict[str, Any]) -> Iterator[str]:
    """What a screen has to show of a status: what does not change within a second."""
    for status, count in told["counts"].items():
        yield f"{count} {status}"
    yield f"{decimal(told['stored_bytes'])} stored"
    yield f"Running: {len(told['running'])}"
    for each in told["running"]:
        yield decimal(each["total"])
    yield f"Closed sites: {len(told['sites'])}"
    for each in told["failures"]:
        yield each["kind"]


def environ() -> Mapping[str, str]:
    """The environment of a program on a terminal that can do everything."""
    unwanted = ("HAULAGE_CONFIG", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES")
    kept = {key: value for key, value in os.environ.items() if key not in unwanted}
    return {**kept, "TERM": "xterm-256color", "COLORTERM": "truecolor", "TZ": "UTC"}


def typed(folder: Path, *arguments: str, keys: Mapping[re.Pattern[str], bytes] = {}) -> str:
    """What the program writes to a terminal, on which keys are pressed once the screen shows what they are for."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", LINES if keys else 40, COLUMNS, 0, 0))
    command = [sys.executable, "-m", "haulage", *arguments]
    with subprocess.Popen(command, cwd=folder, env=environ(), stdin=theirs, stdout=theirs, stderr=theirs):
        os.close(theirs)
        written = bytearray()
        try:
            while some := os.read(ours, 65536):
                written += some
                shown = screen(written.decode(errors="replace"))
                for wanted, pressed in keys.items():
                    if wanted.search(_STYLE.sub("", shown)):
                        os.write(ours, pressed)
        except OSError:
            pass  # how Linux says that the other side has closed it
        os.close(ours)
    return written.decode()


def screen(output: str) -> str:
    """What a program that fills the screen has drawn last."""
    return output.rpartition("\x1b[H")[2].partition("\x1b[?")[0].replace("\r", "")


def screens(output: str) -> Iterator[str]:
    """What is on the screen each time before something is cleared, and at the end."""
    lines, row, clearing = [""], 0, False
    for step in _STEP.findall(output):
        match step:
            case "\n":
                row += 1
                lines += [""] * (row == len(lines))
            case "\x1b[1A":
                row -= 1
            case "\x1b[2K":
                if not clearing:
                    yield "\n".join(lines).rstrip()
                clearing = True
                lines[row] = ""
            case "\r" | "\x1b[?25h" | "\x1b[?25l":
                pass
            case _:
                clearing = False
                lines[row] += step
    yield "\n".join(lines).rstrip()


def prompt(command: str) -> list[str]:
    """The line on which a command was typed."""
    return [f"\x1b[1;32m$\x1b[0m \x1b[1m{command}\x1b[0m"]


def drawn(text: str) -> str:
    """Terminal output as SVG, with nothing in it that changes from run to run or is fetched from elsewhere."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    for line in re.sub(r":\d{5}(?!\d)", ":48080", text).split("\n"):
        console.print(Text.from_ansi(line), no_wrap=True, crop=False)
    form = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    form = form.replace("Fira Code", "ui-monospace, SFMono-Regular, Menlo, Consolas, DejaVu Sans Mono")
    svg = console.export_svg(title="haulage", theme=SVG_EXPORT_THEME, code_format=form, unique_id="haulage")
    return "".join(f"{line.rstrip()}\n" for line in svg.splitlines())


if __name__ == "__main__":
    main()
