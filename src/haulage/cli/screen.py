"""How `status --watch` draws a snapshot on a terminal of some size."""

import itertools
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from attrs import frozen
from rich.console import Group, RenderableType
from rich.filesize import decimal
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from haulage import Site, Status
from haulage.cli.report import clock
from haulage.cli.snapshot import Failed, Running, Snapshot
from haulage.secrets import one_line

_QUEUE = (Status.PENDING, Status.DOWNLOADING, Status.FETCHED, Status.UPLOADING)
# What matters most comes first: on a narrow terminal the end of a line is cut off.
_ENDED = (
    *(Status.DOWNLOADED, Status.FAILED, Status.UNAVAILABLE),
    *(Status.DUPLICATE, Status.EXPANDED, Status.PRUNED),
)
_STYLES = {Status.DOWNLOADED: "green", Status.FAILED: "red", Status.UNAVAILABLE: "yellow"}

_STAGE = 6
"""How many columns the name of a stage takes."""

_WIDE = 64
"""From how many columns on there is room for bars."""


@frozen
class Part:
    """A part of the screen.

    Attributes:
        title: Its first line.
        items: The lines of each thing that it lists.
        whole: Whether it lists all there are, so that those without room are to be summed up.
    """

    title: Text
    items: Sequence[Sequence[RenderableType]]
    whole: bool = True

    @property
    def lines(self) -> list[RenderableType]:
        """The lines of all items."""
        return list(itertools.chain.from_iterable(self.items))

    def shown(self, room: int) -> list[RenderableType]:
        """What is shown in so many lines."""
        if len(self.lines) <= room or not self.whole:
            return self.lines[:room]
        fits = self.items[: max(room - 1, 0)]
        rest = Text(f"and {len(self.items) - len(fits)} more", "dim")
        return [*itertools.chain.from_iterable(fits), rest][:room]


def draw(snapshot: Snapshot, width: int, height: int) -> RenderableType:
    """Draw a snapshot; of what does not fit it is told how much that is.

    Args:
        snapshot: What there is to see; the time is in it.
        width: Columns of the terminal.
        height: Its lines; no more are drawn.
    """
    lines = _head(snapshot)
    parts = [_running(snapshot, width)]
    parts += [part for part in (_sites(snapshot), _failed(snapshot)) if part.items]
    free = height - len(lines) - 2 * len(parts)  # each has a title, and an empty line before it
    for part, room in zip(parts, share(free, [len(part.lines) for part in parts]), strict=True):
        lines += [Text(), part.title, *part.shown(room)]
    return Group(*lines[:height])


def share(room: int, wanted: Sequence[int]) -> list[int]:
    """Share lines among those who want some, so that nobody who gets less than wanted gets less than another one."""
    given = [0] * len(wanted)
    while room > 0 and given != list(wanted):
        for number, want in enumerate(wanted):
            if given[number] < want and room > 0:
                given[number] += 1
                room -= 1
    return given


def _line(*parts: str | tuple[str, str]) -> Text:
    return Text.assemble(*parts, no_wrap=True, overflow="ellipsis")


def _head(snapshot: Snapshot) -> list[RenderableType]:
    title = Table.grid(expand=True, padding=(0, 1))
    title.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    title.add_column(justify="right", no_wrap=True)
    title.add_row(
        _line(("haulage", "bold"), f"  {decimal(snapshot.stored_bytes)} stored"),
        _line((snapshot.at.astimezone().isoformat(" ", "seconds"), "dim")),
    )
    if not snapshot.counts:
        return [title, _line("Nothing yet; haul something with: haulage get URL")]
    owed = ", ".join(f"{count} to {storage}" for storage, count in snapshot.owed.items())
    return [
        title,
        _counts("queue", _QUEUE, snapshot),
        _counts("ended", _ENDED, snapshot),
        *([_line(("owed   ", "bold"), (owed, "yellow"))] if owed else []),
    ]


def _counts(word: str, states: Iterable[Status], snapshot: Snapshot) -> Text:
    told = [
        (f"{snapshot.counts[each]} {each.value}", _STYLES.get(each, "")) for each in states if each in snapshot.counts
    ]
    parts: list[str | tuple[str, str]] = []
    for each in told:
        parts += [", ", each] if parts else [each]
    return _line((f"{word}  ", "bold"), *(parts or ["nothing"]))


def _running(snapshot: Snapshot, width: int) -> Part:
    title = _line((f"Running: {len(snapshot.running) or 'nothing'}", "bold"))
    for stage in ("fetch", "store"):
        if (rate := snapshot.rate(stage)) is not None:
            title.append(f"  {stage} {_speed(rate)}")
    return Part(title, [[_progress(each, width)] for each in snapshot.running])


def _progress(job: Running, width: int) -> Table:
    # Which storage it goes to is not shown: eighty columns are not many.
    cells: list[tuple[RenderableType, int]] = []
    if width >= _WIDE:
        bar = ProgressBar(job.total, min(job.done, job.total), width=12) if job.total else Text()
        cells += [(bar, 12), (Text(f"{100 * job.done // job.total} %" if job.total else ""), 5)]
    cells += [
        (Text(decimal(job.total or job.done)), 8),
        (Text("" if job.rate is None else _speed(job.rate)), 10),
        (Text("" if job.left is None else _clock(job.left)), 8),
    ]
    room = max(1, width - _STAGE - 1 - sum(columns + 1 for _, columns in cells))
    # What tells URLs apart stands at their end.
    shown = f"…{job.name[1 - room :]}" if job.name == job.url and len(job.name) > room > 1 else job.name
    row = Table.grid(padding=(0, 1, 0, 0))
    row.add_column(width=_STAGE, no_wrap=True)
    row.add_column(width=room, no_wrap=True, overflow="ellipsis")
    for _, columns in cells:
        row.add_column(width=columns, justify="right", no_wrap=True)
    row.add_row(job.stage.partition(":")[0] or "begin", _line(shown), *(cell for cell, _ in cells))
    return row


def _sites(snapshot: Snapshot) -> Part:
    closed = snapshot.closed
    return Part(_line((f"Closed sites: {len(closed)}", "bold")), [[_site(each, snapshot.at)] for each in closed])


def _site(site: Site, now: datetime) -> Text:
    strikes = f"{site.strikes} {'strike' if site.strikes == 1 else 'strikes'}"
    when = (
        f"opens at {site.opens.astimezone():%H:%M:%S}, in {_clock(site.opens - now)}" if site.opens else "waits for you"
    )
    cure = "" if site.opens else f"; then: haulage resume {site.name}"
    return _line((site.name, "yellow"), f"  {when}, {strikes}: {one_line(site.reason)}{cure}")


def _failed(snapshot: Snapshot) -> Part:
    items = [_failure(each, snapshot.at) for each in snapshot.failed]
    return Part(_line(("Latest failures", "bold")), items, whole=False)


def _failure(failed: Failed, now: datetime) -> list[RenderableType]:
    recent = now - failed.at < timedelta(hours=20)
    when = f"{failed.at.astimezone():{'%H:%M:%S' if recent else '%Y-%m-%d'}}"
    style = _STYLES.get(failed.status, "")
    again = "" if failed.status in (Status.FAILED, Status.UNAVAILABLE) else ", waits"
    head = _line((f"{when:<10} ", "dim"), (f"{failed.failure.kind.value}{again}", style), f"  {failed.name}")
    indented = (failed.failure.message, failed.failure.cure and f"cure: {failed.failure.cure}")
    return [head, *(_line((f"{'':<11}{one_line(each)}", "dim")) for each in indented if each)]


def _speed(rate: float) -> str:
    return f"{decimal(round(rate))}/s"


def _clock(left: timedelta) -> str:
    return clock(max(left.total_seconds(), 0))
