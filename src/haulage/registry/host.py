"""Find components: among the built-in ones, named modules, and installed plugins."""

import difflib
import importlib
import logging
from collections.abc import Iterable, Sequence
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import Any, TypeVar

import pluggy
from attrs import frozen

from haulage.errors import Failure, Kind, PluginError
from haulage.registry import builtin
from haulage.registry.catalogue import PACKAGES
from haulage.registry.components import (
    PROJECT,
    Component,
    ExecutorComponent,
    FetcherComponent,
    Hooks,
    MetadataStoreComponent,
    RetryPolicyComponent,
    StorageComponent,
)

GROUP = "haulage.v1"
"""The entry-point group of plugins. An entry point is named like the component and points to a module."""

KINDS: dict[type[Component[Any]], tuple[str, str]] = {
    FetcherComponent: ("haulage_fetchers", "fetcher"),
    StorageComponent: ("haulage_storages", "storage"),
    MetadataStoreComponent: ("haulage_metadata_stores", "metadata store"),
    RetryPolicyComponent: ("haulage_retry_policies", "retry policy"),
    ExecutorComponent: ("haulage_executors", "executor"),
}
"""For each kind of record its hook, and what people call it."""

_log = logging.getLogger(__name__)
_Record = TypeVar("_Record", bound=Component[Any])


@frozen
class Broken:
    """A plugin that could not be used. It is an error only for who needs it.

    Attributes:
        origin: The distribution or module it comes from.
        error: What happened, on one line.
    """

    origin: str
    error: str


def _origin(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else point.value


class Host:
    """Holds the plugins of one pipeline; not safe for use from several threads.

    Args:
        modules: Modules to load on top of the installed plugins.
        points: The installed plugins; those of the group `haulage.v1` by default.

    Raises:
        PluginError: One of the modules could not be loaded.
    """

    def __init__(self, modules: Sequence[str] = (), points: Iterable[EntryPoint] | None = None) -> None:
        self._manager = pluggy.PluginManager(PROJECT)
        self._manager.add_hookspecs(Hooks)
        self._offers: dict[tuple[type[Component[Any]], str], dict[str, Component[Any]]] = {}
        self._broken: dict[str, Broken] = {}
        self._points = sorted(
            entry_points(group=GROUP) if points is None else points, key=lambda p: (p.name, _origin(p))
        )
        self._loaded: set[EntryPoint] = set()
        self._register(builtin, "haulage")
        for name in modules:
            try:
                self._register(importlib.import_module(name), name)
            except Exception as error:
                raise PluginError(
                    Failure(Kind.CONFIG, f"plugin module {name} failed to load: {_one_line(error)}")
                ) from error

    def find(self, kind: type[_Record], name: str) -> _Record:
        """Look a component up, loading no more plugins than needed.

        Raises:
            PluginError: There is none of that name, it failed to load, or several offer it.
        """
        if (kind, name) not in self._offers:
            self._load([point for point in self._points if point.name == name])
        if (kind, name) not in self._offers and name not in self._broken:
            self._load(self._points)
        offers = self._offers.get((kind, name), {})
        if len(offers) > 1:
            raise PluginError(
                Failure(
                    Kind.CONFIG,
                    f"{_what(kind)} '{name}' is offered by {' and by '.join(offers)}",
                    cure="uninstall one",
                )
            )
        for record in offers.values():
            assert isinstance(record, kind)
            return record
        raise PluginError(self._missing(kind, name))

    def _missing(self, kind: type[Component[Any]], name: str) -> Failure:
        if broken := self._broken.get(name):
            return Failure(
                Kind.ENVIRONMENT,
                f"{_what(kind)} '{name}': {broken.origin} offers it but failed to load: {broken.error}",
            )
        if name in PACKAGES:
            return Failure(
                Kind.ENVIRONMENT,
                f"{_what(kind)} '{name}' is not installed",
                cure=f"install it with: pip install {PACKAGES[name]}",
            )
        names = sorted(offered for record, offered in self._offers if record is kind)
        near = difflib.get_close_matches(name, names, 1)
        cure = f"did you mean '{near[0]}'?" if near else f"there are: {', '.join(names)}"
        return Failure(Kind.CONFIG, f"there is no {_what(kind)} '{name}'", cure=cure)

    def _load(self, points: Iterable[EntryPoint]) -> None:
        for point in points:
            if point in self._loaded:
                continue
            self._loaded.add(point)
            try:
                self._register(point.load(), _origin(point))
            except Exception as error:
                self._broken[point.name] = Broken(_origin(point), _one_line(error))
                _log.debug("plugin %s failed to load", point.name, exc_info=True)

    def _register(self, module: ModuleType, origin: str) -> None:
        if self._manager.is_registered(module):
            return
        offers: list[tuple[type[Component[Any]], Component[Any]]] = []
        try:
            self._manager.register(module)
            self._manager.check_pending()
            for kind, (hook, _) in KINDS.items():
                for record in self._records(module, hook):
                    if not isinstance(record, kind):
                        raise TypeError(f"{hook} yields {type(record).__name__} instead of {kind.__name__}")
                    offers.append((kind, record))
        except Exception:
            if self._manager.is_registered(module):
                self._manager.unregister(module)
            raise
        for kind, record in offers:  # all that it offers, or nothing
            self._offers.setdefault((kind, record.name), {})[origin] = record

    def _records(self, module: ModuleType, hook: str) -> list[object]:
        # One implementation at a time: a call through pluggy would let one that raises take all others with it.
        implementations = getattr(self._manager.hook, hook).get_hookimpls()
        return [record for found in implementations if found.plugin is module for record in found.function()]


def _what(kind: type[Component[Any]]) -> str:
    return KINDS[kind][1]


def _one_line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())
