"""Carry an import out, and tell what became of each video."""

import contextlib
import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from attrs import define, field
from rich.console import Console
from rich.filesize import decimal

from haulage.cli.counting import counting
from haulage.cli.report import counted
from haulage.operations.importing.archive import Noted, note
from haulage.operations.importing.gather import Left
from haulage.operations.importing.identify import Identity
from haulage.operations.importing.importer import Importer, Progress, Taken, Wanted
from haulage.secrets import one_line, public_url

if TYPE_CHECKING:
    from haulage.pipeline.assembly import Assembly

_WORDS = {"new": "imported", "known": "known", "planned": "would import"}
_BESIDE = 25
"""How many columns of a line stand before a name."""


@define
class Report:
    """Prints what becomes of each video, and adds up.

    Attributes:
        dry_run: Whether nothing is done.
        as_json: Whether it is one JSON document.
        left: How many were not taken in.
    """

    dry_run: bool
    as_json: bool
    left: int = 0
    noted: Noted = field(factory=Noted)
    progress: Progress = field(factory=Progress)
    _taken: int = 0
    _known: int = 0
    _size: int = 0
    _printed: int = 0
    _ended: bool = False

    def add(self, each: Taken | Left) -> None:
        """Tell what became of one."""
        if isinstance(each, Left):
            self.left += 1
        elif each.state == "known":
            self._known += 1
        else:
            self._taken += 1
            self._size += each.size
        if self.as_json:
            told = json.dumps(_document(each), ensure_ascii=False)
            _say(f"{',' if self._printed else _FIRST}\n    {told}", end="")
        else:
            _say(_line(each))
        self._printed += 1

    def end(self, *, stopped: bool = False) -> None:
        """Tell what it comes to, once: an import that does not end is left while it may yet do so."""
        if self._ended:
            return
        self._ended = True
        if self.as_json:
            end = json.dumps(self._totals(stopped), indent=2)
            _say(("" if self._printed else _FIRST) + "\n  ],\n" + end[2:])
            return
        verb = "would be imported" if self.dry_run else "imported"
        already = self._known or self.progress.known
        lines = [f"{counted(self._taken, 'video')} {verb}, {decimal(self._size)}; {self.left:,} left out"]
        if self.noted.lines and not (self.left or self.progress.objects):
            lines = []  # there was an archive alone
        if already:
            lines.append(f"known already: {counted(self._known, 'video')}, {counted(self.progress.known, 'object')}")
        if self.progress.others:
            lines.append(f"passed over, as no files of videos: {counted(self.progress.others, 'object')}")
        if self.noted.lines:
            verb = "looked up" if self.dry_run else "new, and recorded as let go"
            lines.append(f"{counted(self.noted.lines, 'video')} of the archive: {self.noted.new:,} {verb}")
        if self.noted.without_page:
            lines.append(f"of {self.noted.without_page:,} of them the page is not known; --url TEMPLATE tells it")
        if self.dry_run and self._taken:
            lines.append("nothing was read but names: files are verified when they are imported")
        if stopped:
            lines.append("stopped; the same command goes on with it")
        for line in lines:
            _say(click.wrap_text(line, 80, subsequent_indent="  "))

    def _totals(self, stopped: bool) -> dict[str, Any]:
        progress, noted = self.progress, self.noted
        archive = {"lines": noted.lines, "new": noted.new, "without_page": noted.without_page}
        return {
            "dry_run": self.dry_run,
            "imported": self._taken,
            "bytes": self._size,
            "known": self._known,
            "left": self.left,
            "known_objects": progress.known,
            "other_objects": progress.others,
            "archive": archive,
            "stopped": stopped,
        }


_FIRST = '{\n  "videos": ['
"""Printed once there is something to tell, so that where nothing could be looked at there is no half document."""


def carry_out(
    assembly: "Assembly", wanted: Wanted | None, archive: Path | None, identity: Identity, report: Report
) -> None:
    """Import what is wanted, with a line on a terminal that tells how far it is.

    Raises:
        HaulageError: See Importer and note.
    """
    console = Console(stderr=True, highlight=False)
    with counting(console) as show:

        class Shown(Progress):
            def moved(self) -> None:
                lines = f", {self.lines:,} lines of the archive" if self.lines else ""
                show(f"{self.objects:,} objects listed, {self.videos:,} videos, {decimal(self.size)} verified{lines}")

        report.progress = progress = Shown()
        damaged = set[tuple[str, str]]()
        if wanted is not None:
            importer = Importer(assembly, wanted, progress)
            if not importer.measures:
                console.print("the fetcher cannot measure: files are taken by size and digest alone", markup=False)
            with contextlib.closing(importer.outcomes()) as outcomes:
                for each in outcomes:
                    report.add(each)
                    if isinstance(each, Left):
                        damaged.add(each.identity)
        if archive is not None:
            left = note(assembly, archive, identity, report.noted, progress, skip=damaged, dry_run=report.dry_run)
            for line in left:
                report.add(line)


def _document(each: Taken | Left) -> dict[str, Any]:
    """What became of a video as a JSON object: sizes in bytes."""
    if isinstance(each, Left):
        source, video_id = each.identity
        told = {"source": source or None, "video_id": video_id or None, "url": None, "job": None}
        return {"key": each.key, "state": "left", "reason": each.reason, "size": each.size, "objects": 0, **told}
    video = each.video
    told = {"source": video.source, "video_id": video.id, "url": public_url(video.url), "job": each.job}
    return {"key": each.key, "state": each.state, "reason": None, "size": each.size, "objects": each.objects, **told}


def _line(each: Taken | Left) -> str:
    word = "left" if isinstance(each, Left) else _WORDS[each.state]
    key, reason = one_line(each.key), one_line(each.reason) if isinstance(each, Left) else ""
    size = decimal(each.size) if each.size else ""
    if not sys.stdout.isatty():
        return "\t".join((word, size, key, reason)).rstrip("\t")
    width = shutil.get_terminal_size().columns
    room = max(width - _BESIDE, 20)
    shown = key if len(key) <= room else f"…{key[1 - room :]}"
    first = f"{word:<12} {size:>10}  {shown}"
    below = click.wrap_text(reason, width, initial_indent="  ", subsequent_indent="  ")
    return f"{first}\n{below}" if below else first


def _say(text: str, end: str = "\n") -> None:
    # Not by click, which would write past the line on a terminal.
    print(text, end=end, flush=True)  # noqa: T201
