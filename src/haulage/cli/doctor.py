"""`haulage doctor`: look at everything that a haul needs."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from haulage.cli.exits import Exit
from haulage.cli.settings import Settings, common

if TYPE_CHECKING:
    from haulage.contracts.findings import Finding

_SIGNS = {"good": "ok", "warning": "warning", "bad": "bad"}


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@common
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> int:
    """Look at everything that a haul needs, before it is needed, and say how to mend what is bad.

    The config, plugins, workspace and database, what the fetcher needs, and each storage, where a small object is
    written, read back and deleted. The exit code is 2 where the config is wrong, and 3 where something else is bad.
    """
    from attrs import asdict, evolve

    from haulage.secrets import redact

    findings = []
    for told in _findings(ctx.ensure_object(Settings)):
        finding = evolve(told, message=redact(told.message), cure=redact(told.cure))
        findings.append(finding)
        if not as_json:
            cure = f"; {finding.cure}" if finding.cure else ""
            click.echo(f"{_SIGNS[finding.level]:<8} {finding.about}: {finding.message}{cure}")
    if as_json:
        click.echo(json.dumps([asdict(each) for each in findings], indent=2, ensure_ascii=False))
    bad = [each for each in findings if each.level == "bad"]
    if not bad:
        return Exit.DONE
    return Exit.USAGE if bad[0].about == "config" else Exit.UNUSABLE


def _findings(settings: Settings) -> "Iterator[Finding]":
    from haulage.contracts.findings import Finding
    from haulage.errors import ConfigError
    from haulage.operations.doctor import examine

    try:
        with settings.pipeline() as pipeline:
            source = settings.source()
            yield Finding("config", "good", str(source) if source else "none here; everything is at its default")
            yield from examine(pipeline.assembly)
    except ConfigError as error:
        for problem in error.problems:
            yield Finding("config", "bad", problem)
