"""What every command takes, before its name or behind it: which config, which plugins, how to log."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from attrs import define

if TYPE_CHECKING:
    from haulage import Observer, Pipeline

_Function = TypeVar("_Function", bound=Callable[..., Any])

DEFAULT_CONFIG = "haulage.yaml"


@define
class Settings:
    """The options that every command takes.

    Attributes:
        config: The config file that was named.
        plugin: Plugin modules to load.
        log_format: "text" or "json".
        log_level: The least severe level to show.
    """

    config: str | None = None
    plugin: tuple[str, ...] = ()
    log_format: str = "text"
    log_level: str | None = None

    def source(self) -> Path | None:
        """The config file: the one named, that of HAULAGE_CONFIG, or the one in the current folder if there is one."""
        named = self.config or os.environ.get("HAULAGE_CONFIG")
        if named:
            return Path(named)
        default = Path(DEFAULT_CONFIG)
        return default if default.exists() else None

    def pipeline(self, *observers: "Observer") -> "Pipeline":
        """The pipeline of the config; logging begins."""
        from haulage import Pipeline
        from haulage.cli.logs import begin_logging

        begin_logging(self.log_format, self.log_level)
        return Pipeline.from_config(self.source(), modules=self.plugin, observers=observers)


def _remember(ctx: click.Context, parameter: click.Parameter, value: Any) -> None:
    if value not in (None, ()):
        setattr(ctx.ensure_object(Settings), str(parameter.name), value)


def common(command: _Function) -> _Function:
    """Give a command, or the program, the options that every command takes."""
    remembered: dict[str, Any] = {"expose_value": False, "callback": _remember}
    options = (
        click.option("-c", "--config", metavar="FILE", help=f"The config; {DEFAULT_CONFIG} by default.", **remembered),
        click.option(
            "-p",
            "--plugin",
            metavar="MODULE",
            multiple=True,
            help="Load a plugin from a module.",
            **remembered,
        ),
        click.option(
            "--log-format",
            type=click.Choice(["text", "json"]),
            help="How to log, to standard error.",
            **remembered,
        ),
        click.option(
            "--log-level",
            type=click.Choice(["debug", "info", "warning", "error"]),
            help="The least to log; by default error as text, info as JSON.",
            **remembered,
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command
