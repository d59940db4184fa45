"""Makes picture.svg: what `haulage get` and `haulage list` show on a terminal, in a real haul from the loopback site.

`nox -s picture` runs this. The program runs in a pseudo-terminal, and its output is taken at the moment that tells
most: while all bars are under way.
"""

import fcntl
import io
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

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.terminal_theme import SVG_EXPORT_THEME
from rich.text import Text

from haulage.testing import LoopbackSite, Recipe

PICTURE = Path(__file__).with_name("picture.svg")
COLUMNS = 80
RECIPES = {  # with the bytes a second at which the site serves each
    Recipe("mountain-goats", duration=48, width=1280, height=720, size=31_400_000): 3_400_000,
    Recipe("evening-trains", duration=30, width=854, height=480, hue=90, size=12_800_000): 1_900_000,
    Recipe("harbour-at-six", duration=75, width=640, height=360, hue=180, size=22_600_000): 2_100_000,
    Recipe("rain-on-a-roof", duration=21, width=1280, height=720, hue=270, size=17_900_000): 2_900_000,
}
_STEP = re.compile(r"\x1b\[\?25[hl]|\x1b\[2K|\x1b\[1A|\r|\n|(?:\x1b\[[0-9;]*m|[^\x1b\r\n])+")
_UNDER_WAY = re.compile(r"^\S*fetch .* MB/s.* \d+:\d\d", re.MULTILINE)
_STYLE = re.compile(r"\x1b\[[0-9;]*m")


def main() -> None:
    """Haul, and write the picture."""
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
    shown = [*prompt("haulage get -a urls.txt"), frames[len(frames) * 2 // 3], "", *prompt("haulage list"), listed]
    PICTURE.write_text(drawn("\n".join(shown)), encoding="utf-8")
    print(f"{PICTURE.name}: {PICTURE.stat().st_size} bytes")


def typed(folder: Path, *arguments: str) -> str:
    """What the program writes to a terminal."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, COLUMNS, 0, 0))
    unwanted = ("HAULAGE_CONFIG", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES")
    environ: Mapping[str, str] = {key: value for key, value in os.environ.items() if key not in unwanted}
    environ = {**environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    command = [sys.executable, "-m", "haulage", *arguments]
    with subprocess.Popen(command, cwd=folder, env=environ, stdin=theirs, stdout=theirs, stderr=theirs):
        os.close(theirs)
        written = bytearray()
        try:
            while some := os.read(ours, 65536):
                written += some
        except OSError:
            pass  # how Linux says that the other side has closed it
        os.close(ours)
    return written.decode()


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
    for line in re.sub(r"(127\.0\.0\.1):\d{5}", r"\1:48080", text).split("\n"):
        console.print(Text.from_ansi(line), no_wrap=True, crop=False)
    form = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    form = form.replace("Fira Code", "ui-monospace, SFMono-Regular, Menlo, Consolas, DejaVu Sans Mono")
    svg = console.export_svg(title="haulage", theme=SVG_EXPORT_THEME, code_format=form, unique_id="haulage")
    return "".join(f"{line.rstrip()}\n" for line in svg.splitlines())


if __name__ == "__main__":
    main()
