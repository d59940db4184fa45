"""What every command takes, before its name or behind it: which config, which plugins, how to log."""

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from attrs import define

from haulage.cli.moments import Duration
from haulage.cli.sizes import Size

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
        no_plugins: Use none of the installed plugins.
        log_format: "text" or "json".
        log_level: The least severe level to show.
        storage: The storages to use, whatever the config says.
        workers: How many threads work, whatever the config says.
        max_duration: How long a run may take.
        max_bytes: How much a run may store.
    """

    config: str | None = None
    plugin: tuple[str, ...] = ()
    no_plugins: bool = False
    log_format: str = "text"
    log_level: str | None = None
    storage: tuple[str, ...] = ()
    workers: int | None = None
    max_duration: timedelta | None = None
    max_bytes: int | None = None

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
        return Pipeline.from_config(
            self.source(),
            modules=self.plugin,
            no_plugins=self.no_plugins,
            observers=observers,
            store_to=self.storage,
            workers=self.workers,
        )


def remember(ctx: click.Context, parameter: click.Parameter, value: Any) -> None:
    """Keep the value of an option in the settings; a callback of options."""
    if value not in (None, (), False):
        setattr(ctx.ensure_object(Settings), str(parameter.name), value)


def working(command: _Function) -> _Function:
    """Give a command that hauls the options of such commands."""
    remembered: dict[str, Any] = {"expose_value": False, "callback": remember}
    options = (
        click.option(
            "--workers", type=click.IntRange(1, 256), metavar="NUMBER", help="How many videos at once.", **remembered
        ),
        click.option(
            "--max-duration",
            type=Duration(),
            metavar="DURATION",
            help="End after that long, such as 50m; what runs then goes on with the next run.",
            **remembered,
        ),
        click.option(
            "--max-bytes",
            type=Size(),
            metavar="SIZE",
            help="Begin nothing new once so much was stored, such as 20GB.",
            **remembered,
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def common(command: _Function) -> _Function:
    """Give a command, or the program, the options that every command takes."""
    remembered: dict[str, Any] = {"expose_value": False, "callback": remember}
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
            "--no-plugins",
            is_flag=True,
            help="Use no installed plugin: only what is built in, and what -p names.",
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
