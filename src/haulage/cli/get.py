"""`haulage get`: haul videos from URLs."""

import itertools
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from haulage.cli.settings import Settings, common

if TYPE_CHECKING:
    from haulage import Job, JobId, Pipeline


@click.command("get")
@click.argument("urls", nargs=-1, metavar="URL...")
@click.option("-a", "--file", "files", multiple=True, metavar="FILE", help="Read URLs from a file, one a line.")
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON for each video that ends.")
@common
@click.pass_context
def command(ctx: click.Context, urls: tuple[str, ...], files: tuple[str, ...], as_json: bool) -> int:
    """Haul the videos behind URLs; "-" reads URLs from standard input.

    What has been hauled before is not hauled again; what failed before is tried again. In files and on standard
    input, empty lines and lines that begin with # are passed over.
    """
    if not urls and not files:
        raise click.UsageError("no URL; give one or more, -a FILE, or - for standard input")
    named = _checked((f"argument {number}", url) for number, url in enumerate(urls, 1) if url != "-")
    named += _checked(itertools.chain.from_iterable(_file(file) for file in files))
    piped = (url for _, url in _lines("standard input", sys.stdin)) if "-" in urls else ()
    return haul(ctx.ensure_object(Settings), itertools.chain(named, piped), as_json)


def haul(settings: Settings, urls: Iterable[str], as_json: bool) -> int:
    """Haul, show how it goes, and return the exit code."""
    from haulage import Status
    from haulage.cli.display import Display
    from haulage.cli.report import document

    display = Display(quiet=settings.log_format == "json")
    named: list[JobId] = []
    outcomes: dict[JobId, Job] = {}
    with settings.pipeline(display) as pipeline, display:
        for job in pipeline.run(_noted(urls, named)):
            outcomes[job.id] = job
            if as_json:
                print(json.dumps(document(job, pipeline), ensure_ascii=False), flush=True)  # noqa: T201
            else:
                display.result(job, pipeline)
        if not as_json:
            display.summary(outcomes.values())
        good = all(_good(outcomes[each], pipeline) for each in named)
        failed = any(job.status is Status.FAILED for job in outcomes.values())
    return 0 if good and not failed else 1


def _good(job: "Job", pipeline: "Pipeline") -> bool:
    """Whether what was named is stored; where another job has the same video, whether that one stored it."""
    from haulage import Query, Status

    if job.status is Status.DUPLICATE and job.twin is not None:
        return all(_good(twin, pipeline) for twin in pipeline.find(Query(ids=(job.twin,))))
    return job.status in (Status.DOWNLOADED, Status.EXPANDED)


def _noted(urls: Iterable[str], named: "list[JobId]") -> Iterator[str]:
    from haulage import Request

    for url in urls:
        named.append(Request(url).id)
        yield url


def _checked(urls: Iterable[tuple[str, str]]) -> list[str]:
    """The URLs, if all of them are; otherwise every one that is not is told, with its place."""
    from haulage import ConfigError, check_url

    good, problems = [], []
    for place, url in urls:
        try:
            good.append(check_url(url))
        except ConfigError as error:
            problems.append(f"{place}: {error}")
    if problems:
        raise ConfigError(*problems)
    return good


def _file(file: str) -> Iterator[tuple[str, str]]:
    try:
        text = Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise click.UsageError(f"cannot read the list {file}: {reason}") from error
    return _lines(file, text.splitlines())


def _lines(name: str, lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(lines, 1):
        url = line.strip()
        if url and not url.startswith("#"):
            yield f"{name}:{number}", url
