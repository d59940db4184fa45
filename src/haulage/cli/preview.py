"""What `get --dry-run` shows: what would be hauled, and what that comes to."""

import contextlib
import json
import logging
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import Any

import click
from rich.cells import set_cell_size
from rich.console import Console
from rich.filesize import decimal

from haulage import Kind, Pipeline, Request
from haulage.billing.rates import dollars
from haulage.cli.counting import counting
from haulage.cli.exits import Exit
from haulage.cli.report import price_text
from haulage.cli.settings import Settings
from haulage.cli.signals import graceful
from haulage.documents import failure_document
from haulage.operations.plan import Planned, State, Sum, Total, Unseen
from haulage.operations.survey import survey
from haulage.secrets import one_line, public_url
from haulage.values import size_text

MEASURED = timedelta(days=30)
"""The rate is that of what was stored within this time."""

_WORDS = {
    State.NEW: "would haul",
    State.STORED: "had already",
    State.PRUNED: "pruned",
    State.WAITS: "waits",
    State.FAILED: "failed",
    State.TWICE: "twice",
}
_BESIDE_THE_KEY = 39
"""How many columns of a line stand before it."""

_NOT_BLAMED = (Kind.UNAVAILABLE, Kind.GEO)
"""A list may hold such entries, and a haul of it is done all the same."""

_log = logging.getLogger(__name__)


def preview(settings: Settings, requests: Iterable[Request], *, as_json: bool = False) -> Exit:
    """Tell what would be hauled, and return the exit code: 1 if something cannot be looked at.

    Lists are expanded; nothing is put into the queue, and no video is downloaded.
    """
    console = Console(stderr=True, highlight=False, quiet=settings.log_format == "json")

    def say(text: str) -> None:
        console.print(text, markup=False, soft_wrap=True)

    def give_up() -> None:
        say("stopped; nothing was put into the queue")

    try:
        with graceful(lambda: False, say, give_up), settings.pipeline() as pipeline:
            return _preview(pipeline, requests, console, say, as_json)
    except KeyboardInterrupt:
        give_up()
        return Exit.STOPPED


def _preview(
    pipeline: Pipeline, requests: Iterable[Request], console: Console, say: Callable[[str], None], as_json: bool
) -> Exit:
    code, added = Exit.DONE, Sum()
    with counting(console) as show, contextlib.closing(survey(pipeline.assembly, requests)) as found:
        for number, each in enumerate(found, 1):
            show(f"{number:,} looked at")
            if isinstance(each, Planned):
                added.add(each)
            else:
                code = Exit.NOT_ALL if each.named or each.failure.kind not in _NOT_BLAMED else code
                _log.warning("%s", _failure_line(each), extra={"kind": each.failure.kind.value})
            if as_json:
                _print(json.dumps(_document(each, pipeline), ensure_ascii=False))
            elif isinstance(each, Planned):
                _print(_lines(each))
            else:
                say(_failure_line(each))
    config, store, rates = pipeline.assembly.config, pipeline.assembly.store, pipeline.assembly.rates
    total = added.total(config.store_to, rates, store.throughput(MEASURED))
    told = {"videos": total.videos, "size": total.size, "unknown": total.unknown, "monthly_cost": total.cost.known}
    _log.info("planned %d videos", total.videos, extra=told)
    if as_json:
        _print(json.dumps({"total": _total_document(total, pipeline)}, ensure_ascii=False))
    else:
        for line in _closing(total, pipeline):
            say(click.wrap_text(line, 80, subsequent_indent="  "))
    return code


def _print(text: str) -> None:
    # Not by click, which would write past the line on a terminal.
    print(text, flush=True)  # noqa: T201


def _lines(planned: Planned) -> str:
    """A video for people: a line that fits on a terminal, and what is to be said of it below; fields in a pipe."""
    verdict, estimate = planned.verdict, planned.estimate
    size = "?"
    if estimate is not None and estimate.size is not None:
        size = f"{'' if estimate.exact else '~'}{decimal(estimate.size)}"
    elif not verdict.hauls:
        size = ""
    chosen = one_line(" ".join(filter(None, (estimate.resolution, estimate.format))) if estimate else "")
    url = one_line(public_url(planned.request.url))
    word = _WORDS[verdict.state]
    if not sys.stdout.isatty():
        return "\t".join((word, size, chosen, planned.key or "", url, one_line(verdict.reason)))
    width = shutil.get_terminal_size().columns
    room = max(width - _BESIDE_THE_KEY, 20)
    name = planned.key or url
    shown = name if len(name) <= room else f"…{name[1 - room :]}"
    first = f"{word:<11}  {size:>9}  {set_cell_size(chosen, 12)}  {shown}"
    below = click.wrap_text(one_line(verdict.reason), width, initial_indent="  ", subsequent_indent="  ")
    return f"{first}\n{below}" if below else first


def _failure_line(unseen: Unseen) -> str:
    return one_line(f"{public_url(unseen.request.url)}: {unseen.failure}")


def _closing(total: Total, pipeline: Pipeline) -> Iterator[str]:
    least = "at least " if total.unknown else ""
    others = (f"{count:,} {_WORDS[state]}" for state, count in total.states.items() if state is not State.NEW)
    unknown = f", and {total.unknown:,} of unknown size" if total.unknown else ""
    size = f"{'' if total.exact else 'about '}{size_text(total.size)}{unknown}"
    yield "; ".join((f"{total.videos:,} to haul: {size}", *others))
    if not total.videos:
        return
    if total.rate is None or total.seconds is None:
        yield "how long it takes is not known yet: nothing was stored within the last 30 days"
    else:
        yield f"{least}{_hours(total.seconds)} at {size_text(total.rate)} a second, as the last 30 days went"
    cost = "unknown" if total.cost.known is None else f"{least}{dollars(total.cost.known)}"
    partly = f", without {', '.join(total.cost.unpriced)}" if total.cost.unpriced and total.cost.known else ""
    yield f"{cost} a month more{partly}" if total.cost.known is not None else "what it costs a month is not known"
    for name, each in total.costs.items():
        known = "" if each.known is None or len(total.costs) == 1 else f"{dollars(each.known)} a month for "
        yield f"{known}{price_text(name, pipeline.assembly.rates[name])}"


def _hours(seconds: float) -> str:
    if seconds < 3600:
        return f"{seconds:.0f} s" if seconds < 60 else f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:,.1f} h"


def _document(each: Planned | Unseen, pipeline: Pipeline) -> dict[str, Any]:
    """What was looked at as a JSON object: sizes in bytes, durations in seconds."""
    planned = each if isinstance(each, Planned) else None
    video, estimate = planned and planned.video, planned and planned.estimate
    return {
        "source": video and video.source,
        "video_id": video and video.id,
        "variant": each.request.variant,
        "channel_id": video and video.channel_id,
        "title": video and video.title,
        "url": public_url(each.request.url),
        "state": planned and planned.verdict.state.value,
        "hauls": planned is not None and planned.verdict.hauls,
        "reason": planned and planned.verdict.reason,
        "duration": video and video.duration,
        "width": estimate and estimate.width,
        "height": estimate and estimate.height,
        "resolution": estimate and estimate.resolution,
        "format": estimate and estimate.format,
        "size": estimate and estimate.size,
        "exact": estimate and estimate.exact,
        "storage": (planned.store_to if planned else pipeline.assembly.config.store_to)[0],
        "key": planned and planned.key,
        "error": None if isinstance(each, Planned) else failure_document(each.failure),
    }


def _total_document(total: Total, pipeline: Pipeline) -> dict[str, Any]:
    return {
        "videos": total.videos,
        "unknown": total.unknown,
        "size": total.size,
        "exact": total.exact,
        "states": {state.value: count for state, count in total.states.items()},
        "rate": total.rate,
        "seconds": total.seconds,
        "currency": "USD",
        "monthly_cost": total.cost.known,
        "unpriced": list(total.cost.unpriced),
        "storages": {
            name: {"monthly_cost": cost.known, "origin": pipeline.assembly.rates[name].origin}
            for name, cost in total.costs.items()
        },
    }
