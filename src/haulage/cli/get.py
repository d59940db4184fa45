"""`haulage get`: haul videos from URLs."""

import io
import itertools
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from haulage.cli.settings import Settings, common, remember, working


@click.command("get")
@click.argument("urls", nargs=-1, metavar="URL...")
@click.option("-a", "--file", "files", multiple=True, metavar="FILE", help="Read URLs from a file, one a line.")
@click.option("--variant", "variants", multiple=True, metavar="NAME", help="Haul this variant of the config.")
@click.option(
    "--storage",
    multiple=True,
    metavar="NAME",
    expose_value=False,
    callback=remember,
    help="Store here, whatever store_to says.",
)
@click.option("--dry-run", is_flag=True, help="Tell what would be hauled, and what that comes to; download nothing.")
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print a line of JSON for each video that ends; with --dry-run, for each, and one for all.",
)
@working
@common
@click.pass_context
def command(
    ctx: click.Context,
    urls: tuple[str, ...],
    files: tuple[str, ...],
    variants: tuple[str, ...],
    dry_run: bool,
    as_json: bool,
) -> int:
    """Haul the videos behind URLs; "-" reads URLs from standard input.

    What has been hauled before is not hauled again; what failed before is tried again. In files and on standard
    input, empty lines and lines that begin with # are passed over.
    """
    if not urls and not files:
        raise click.UsageError("no URL; give one or more, -a FILE, or - for standard input")
    named = _checked((f"argument {number}", url) for number, url in enumerate(urls, 1) if url != "-")
    named += _checked(itertools.chain.from_iterable(_file(file) for file in files))
    piped = _piped() if "-" in urls else ()
    from haulage import Request

    asked = (Request(url, variant) for url in itertools.chain(named, piped) for variant in variants or ("",))
    settings = ctx.ensure_object(Settings)
    if dry_run:
        from haulage.cli.preview import preview

        return preview(settings, asked, as_json=as_json)
    from haulage.cli.haul import haul

    return haul(settings, asked, as_json=as_json)


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


def _piped() -> Iterator[str]:
    """Read URLs as they come: the wrong one ends it, and what was committed before it stays."""
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(encoding="utf-8", errors="surrogateescape")  # then a wrong byte is a wrong URL
    for each in _lines("standard input", sys.stdin or ()):
        yield from _checked([each])


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
