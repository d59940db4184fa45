"""`haulage config`: start, check and explain the config. Nothing is built or opened."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from haulage.cli.exits import Exit
from haulage.cli.settings import DEFAULT_CONFIG, Settings, common

if TYPE_CHECKING:
    from haulage.config.effective import Setting
    from haulage.contracts.policies import Recipe
    from haulage.registry.host import Host

SCHEMA = Path(".haulage", "schema.json")
"""Where `init` puts the schema, beside the config: with the rest of what haulage makes, and nobody commits."""

_as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


@click.group("config")
@common
def command() -> None:
    """Start, check and explain the config. Nothing is built or opened."""


@command.command("schema")
@common
@click.pass_context
def print_schema(ctx: click.Context) -> None:
    """Print the JSON Schema of configs.

    It has the options of all installed plugins. Editors complete, explain and check with it what `init` begins.
    """
    _print(_schema(_host(_recipe(ctx, empty=True))))


@command.command("init")
@click.option("--force", is_flag=True, help="Overwrite a config that is there.")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), required=False)
@common
@click.pass_context
def init(ctx: click.Context, force: bool, file: Path | None) -> None:
    """Write a config to start from.

    Every key in it is at its default, explained, and behind a comment sign. FILE is haulage.yaml in the current folder
    where none is named. A schema for editors is put into .haulage beside it.
    """
    from haulage.config.effective import effective
    from haulage.config.starter import starter

    path = file or ctx.ensure_object(Settings).source() or Path(DEFAULT_CONFIG)
    recipe = _recipe(ctx, empty=True)
    host = _host(recipe)
    defaults = effective(recipe.document, recipe.name, Path(recipe.folder), {}, host)
    text = starter(defaults, SCHEMA.as_posix())
    schema = path.parent / SCHEMA
    if path.exists() and not force:
        raise click.UsageError(f"{path} is there already; --force overwrites it")
    try:
        schema.parent.mkdir(exist_ok=True)
        schema.write_text(_document(_schema(host)) + "\n", encoding="utf-8")
        with path.open("w" if force else "x", encoding="utf-8") as opened:
            opened.write(text)
    except OSError as error:
        raise click.UsageError(f"cannot write {error.filename}: {error.strerror}") from None
    click.echo(f"wrote {path}, and {schema} for editors")


@command.command("check")
@_as_json
@common
@click.pass_context
def check(ctx: click.Context, as_json: bool) -> None:
    """Tell all that is wrong with the config."""
    from haulage.billing.rates import rates
    from haulage.cli.wrapped import lines
    from haulage.config.load import load
    from haulage.errors import ConfigError
    from haulage.operations.prune.prices import check_prices
    from haulage.pipeline.budget import uncounted

    recipe = _recipe(ctx)
    host = _host(recipe)
    try:
        config = load(recipe.document, recipe.name, Path(recipe.folder), os.environ, host)
        known = rates(config, host)
        check_prices(recipe, config.rules, known)
    except ConfigError as error:
        if not as_json:
            raise
        _print({"good": False, "problems": error.problems, "warnings": []})
        ctx.exit(Exit.USAGE)
    short = uncounted(config.budget, known)
    if as_json:
        _print({"good": True, "problems": [], "warnings": [str(short)] if short else []})
        return
    what = f"{recipe.name} is good" if ctx.ensure_object(Settings).source() else "no config here; the defaults are good"
    own = (name for each in config.subscriptions.values() for name in each.store_to)
    used = tuple(dict.fromkeys((*config.store_to, *own)))
    parts = {
        f"storage{'s' if len(used) > 1 else ''}": ", ".join(used),
        "database": config.database.type,
        "fetcher": config.fetcher.type,
        "retry": config.retry.type,
        "executor": config.executor.type,
    }
    click.echo(f"{what}: " + "; ".join(f"{part} {name}" for part, name in parts.items()))
    for line in lines(f"warning: {short}") if short else ():
        click.echo(line)


@command.command("explain")
@click.argument("key", required=False)
@_as_json
@common
@click.pass_context
def explain(ctx: click.Context, key: str | None, as_json: bool) -> None:
    """Show what the config comes to.

    That is each key, its value, where that is from, and what it is for. KEY, such as retry.attempts or storages, shows
    that one and what is under it. Secrets are masked.
    """
    from haulage.config.effective import effective

    recipe = _recipe(ctx)
    settings = effective(recipe.document, recipe.name, Path(recipe.folder), os.environ, _host(recipe))
    found = _under(key, settings) if key else settings
    if as_json:
        _print([_as_object(each) for each in found])
        return
    from haulage.config.written import line

    for each in found:
        variables = "".join(f", variable {name}" for name in each.variables)
        click.echo(f"{each.key}: {line(each.shown)}  # {each.place or 'default'}{variables}")
        click.echo(f"    {each.help}")


def _under(key: str, settings: "tuple[Setting, ...]") -> "tuple[Setting, ...]":
    from haulage.config.wording import meant

    wanted = _SHORT.get(key, key)
    found = tuple(each for each in settings if f"{each.key}.".startswith(f"{wanted}."))
    if not found:
        keys = {".".join(each.path[:length]) for each in settings for length in range(1, len(each.path) + 1)}
        near = meant(key, keys)
        cure = f"did you mean {near!r}?" if near else "without KEY, all are shown"
        raise click.UsageError(f"there is no key {key!r}; {cure}")
    return found


_SHORT = {"workers": "executor.workers"}


def _as_object(setting: "Setting") -> dict[str, Any]:
    return {
        "key": setting.key,
        "value": setting.shown,
        "place": setting.place,
        "variables": setting.variables,
        "help": setting.help,
        "secret": setting.secret,
    }


def _recipe(ctx: click.Context, empty: bool = False) -> "Recipe":
    from haulage import Pipeline
    from haulage.cli.logs import begin_logging

    settings = ctx.ensure_object(Settings)
    begin_logging(settings.log_format, settings.log_level)
    return Pipeline.from_config(
        None if empty else settings.source(), modules=settings.plugin, no_plugins=settings.no_plugins
    ).recipe


def _host(recipe: "Recipe") -> "Host":
    from haulage.registry.host import Host

    return Host(recipe.modules, no_plugins=recipe.no_plugins)


def _schema(host: "Host") -> dict[str, Any]:
    from haulage.config.schema import schema

    return schema(host)


def _print(document: object) -> None:
    click.echo(_document(document))


def _document(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
