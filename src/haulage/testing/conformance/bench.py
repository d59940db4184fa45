"""Builds components for tests as core does: found by the host, and with options that were checked as in YAML."""

import contextlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

from haulage.config import shorthand
from haulage.config.load import COMPONENTS, choose
from haulage.config.model import Chosen
from haulage.config.primitives import Misfit
from haulage.config.written import data
from haulage.contracts.context import BuildContext
from haulage.errors import ConfigError
from haulage.registry.components import Component, MetadataStoreComponent, StorageComponent
from haulage.registry.host import Host

_Record = TypeVar("_Record", bound=Component[Any])
_DEFAULTS = dict(COMPONENTS.values())
_SHORTHAND = {StorageComponent: shorthand.storage, MetadataStoreComponent: shorthand.database}


class Bench(Generic[_Record]):
    """Builds any number of one component, and closes them all.

    Args:
        kind: The class of its record.
        config: As it stands in a config; or what was chosen by one already.
        modules: Plugin modules that are not installed.
        folder: Where relative paths in the config start.

    Raises:
        ConfigError: The config is wrong.
        PluginError: There is no such component.

    Attributes:
        record: The component's record.
        options: Its options.
        modules: As given.
        folder: As given.
    """

    def __init__(self, kind: type[_Record], config: object, modules: Sequence[str], folder: Path) -> None:
        self.modules = tuple(modules)
        host = Host(self.modules)
        chosen = config if isinstance(config, Chosen) else _chosen(host, kind, config)
        self.record = host.find(kind, chosen.type)
        self.options: Any = chosen.options
        self.folder = folder
        self._stack = contextlib.ExitStack()

    def build(self, options: Any = None) -> Any:
        """Build another one, with these options if any are given."""
        context = BuildContext("checked", self.folder, dict(os.environ))
        built = self.record.build(self.options if options is None else options, context)
        self._stack.callback(_close, built)
        return built

    def close(self) -> None:
        """Close all that were built; what they raise is no business of any law by now."""
        self._stack.close()


def _chosen(host: Host, kind: type[Component[Any]], config: object) -> Chosen:
    try:
        written = config if isinstance(config, Mapping) else _SHORTHAND[kind](config)
        return choose(host, kind, data(written), _DEFAULTS.get(kind, ""))
    except Misfit as misfit:
        places = ((".".join(map(str, problem.path)), problem.text) for problem in misfit.problems)
        raise ConfigError(
            *(f"config.{place}: {text}" if place else f"config: {text}" for place, text in places)
        ) from None


def _close(built: Any) -> None:
    with contextlib.suppress(Exception):
        built.close()
