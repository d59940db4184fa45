"""Find components: among the built-in ones, named modules, and installed plugins."""

import contextlib
import importlib
import logging
import sys
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import EntryPoint
from typing import Any, TypeVar

from attrs import frozen

from haulage.errors import Failure, Kind, PluginError
from haulage.registry import builtin
from haulage.registry.catalogue import PACKAGES
from haulage.registry.components import KINDS, Component
from haulage.registry.installed import distribution, installed, normal, origin
from haulage.registry.loading import Loader, reason, suggestion
from haulage.secrets import public_traceback

BUILT_IN = "built in"
"""Where the components come from that haulage brings."""

_DISABLE = "disable one with plugins: {disable: [...]}"

_log = logging.getLogger(__name__)
_Record = TypeVar("_Record", bound=Component[Any])


@frozen
class Offer:
    """A component that a plugin offers.

    Attributes:
        kind: The class of its record.
        record: Its record.
        origin: The distribution and its version, or the module, that it comes from; BUILT_IN for our own.
    """

    kind: type[Component[Any]]
    record: Component[Any]
    origin: str

    @property
    def what(self) -> str:
        """What people call its kind."""
        return KINDS[self.kind][1]


@frozen
class Broken:
    """A plugin that could not be used. It is an error only for who needs it.

    Attributes:
        name: The name of its entry point.
        origin: The distribution that it comes from, and its version.
        error: What happened, on one line.
    """

    name: str
    origin: str
    error: str


class Host:
    """Holds the plugins of one pipeline; not safe for use from several threads.

    A component is looked for among the built-in ones and the named modules; then in the installed plugin whose entry
    point has its name, which is the only one that is loaded then; then in all installed plugins. So what is found does
    not depend on what was looked for before.

    Args:
        modules: Modules to load on top of the installed plugins.
        points: The installed plugins; those of the group `haulage.v1` by default.
        no_plugins: Use none of the installed plugins.

    Raises:
        PluginError: One of the modules could not be loaded.
    """

    def __init__(
        self, modules: Sequence[str] = (), points: Iterable[EntryPoint] | None = None, *, no_plugins: bool = False
    ) -> None:
        self._loader = Loader()
        self._offers: list[Offer] = []
        self._broken: list[Broken] = []
        self._points = sorted(installed() if points is None else points, key=lambda point: (point.name, origin(point)))
        self._loaded: set[EntryPoint] = set()
        self._no_plugins = no_plugins
        self._disabled = {normal(each) for each in self.distributions} if no_plugins else set[str]()
        self._take_in(builtin, BUILT_IN)
        for name in modules:
            try:
                self._take_in(importlib.import_module(name), name)
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                said = f"plugin module {name} failed to load: {reason(error)}"
                raise PluginError(Failure(Kind.CONFIG, said)) from error
        self._named = tuple(self._offers)

    @property
    def distributions(self) -> tuple[str, ...]:
        """The names of the distributions with plugins, in order."""
        return tuple(sorted({distribution(point) for point in self._points}))

    def disable(self, names: Iterable[str]) -> None:
        """Use no plugin of these distributions from now on; called before anything is looked for."""
        self._disabled |= {normal(name) for name in names}

    def find(self, kind: type[_Record], name: str) -> _Record:
        """Look a component up, loading no more plugins than needed.

        Raises:
            PluginError: There is none of that name, it failed to load, or several offer it.
        """
        record = self._find(kind, name).record
        assert isinstance(record, kind)
        return record

    def components(self, kind: type[_Record]) -> tuple[_Record, ...]:
        """List what can be used of a kind, by name; this loads every plugin."""
        usable = (offer.record for offer, obstacle in self.survey()[0] if offer.kind is kind and not obstacle)
        return tuple(sorted((each for each in usable if isinstance(each, kind)), key=lambda each: each.name))

    def survey(self) -> tuple[tuple[tuple[Offer, str], ...], tuple[Broken, ...]]:
        """Load all plugins, and build nothing.

        Returns:
            All that is offered, each with the reason why it cannot be used or an empty text, and the broken plugins.
        """
        self._load(self._enabled())
        return tuple((offer, self._obstacle(offer)) for offer in self._offers), tuple(self._broken)

    def missing(self, name: str, kind: type[Component[Any]] | None = None) -> PluginError:
        """Say why there is no component of a name, of any kind unless one is given, and what to do about it."""
        what = KINDS[kind][1] if kind else "component"
        for broken in self._broken:
            if broken.name == name:
                said = f"{what} '{name}': {broken.origin} offers it but failed to load: {broken.error}"
                return PluginError(Failure(Kind.ENVIRONMENT, said))
        for point in self._points:
            if point.name == name and not self._is_enabled(point):
                said = f"{what} '{name}': {origin(point)} offers it but is disabled"
                cure = "leave out --no-plugins" if self._no_plugins else "take it out of plugins: {disable: [...]}"
                return PluginError(Failure(Kind.CONFIG, said, cure=cure))
        packages = {known: package for (of, known), package in PACKAGES.items() if kind in (None, of)}
        if name in packages:
            cure = f"install it with: pip install {packages[name]}"
            return PluginError(Failure(Kind.ENVIRONMENT, f"{what} '{name}' is not installed", cure=cure))
        names = {offer.record.name for offer in self._offers if kind in (None, offer.kind)}
        there = f"; there are: {', '.join(sorted(names))}" if names else ""
        near = suggestion(name, names | packages.keys())
        return PluginError(Failure(Kind.CONFIG, f"there is no {what} '{name}'{near or there}"))

    def _find(self, kind: type[Component[Any]], name: str) -> Offer:
        if named := self._one(kind, name, self._named, "leave out one of the modules"):
            return named
        points = [point for point in self._enabled() if point.name == name]
        origins = sorted({origin(point) for point in points})
        if len(origins) > 1:
            raise _conflict(kind, name, origins, _DISABLE)
        self._load(points)
        if any(each.name == name for each in self._broken):
            raise self.missing(name, kind)
        own = [offer for offer in self._offers if offer.origin in origins]
        if found := self._one(kind, name, own, _DISABLE):
            return found
        self._load(self._enabled())
        if found := self._one(kind, name, self._offers, _DISABLE):
            return found
        raise self.missing(name, kind)

    def _one(self, kind: type[Component[Any]], name: str, offers: Iterable[Offer], cure: str) -> Offer | None:
        found = [offer for offer in offers if offer.kind is kind and offer.record.name == name]
        if len(found) > 1:
            raise _conflict(kind, name, [offer.origin for offer in found], cure)
        return found[0] if found else None

    def _obstacle(self, offer: Offer) -> str:
        try:
            found = self._find(offer.kind, offer.record.name)
        except PluginError as error:
            return str(error)
        return "" if found is offer else f"not used; that of {_owner(found.origin)} comes first"

    def _is_enabled(self, point: EntryPoint) -> bool:
        return normal(distribution(point)) not in self._disabled

    def _enabled(self) -> Iterator[EntryPoint]:
        return filter(self._is_enabled, self._points)

    def _load(self, points: Iterable[EntryPoint]) -> None:
        for point in points:
            if point in self._loaded:
                continue
            self._loaded.add(point)
            try:
                with contextlib.redirect_stdout(sys.stderr):  # standard output is for results, and may be JSON
                    self._take_in(point.load(), origin(point))
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # SystemExit too, and the panics of compiled modules
                self._broken.append(Broken(point.name, origin(point), reason(error)))
                _log.debug("plugin %s failed to load", point.name, extra={"traceback": public_traceback(error)})

    def _take_in(self, plugin: object, origin: str) -> None:
        self._offers += [Offer(kind, record, origin) for kind, record in self._loader.ask(plugin)]


def _conflict(kind: type[Component[Any]], name: str, origins: Iterable[str], cure: str) -> PluginError:
    said = f"{KINDS[kind][1]} '{name}' is offered by {' and by '.join(map(_owner, origins))}"
    return PluginError(Failure(Kind.CONFIG, said, cure=cure))


def _owner(origin: str) -> str:
    return "haulage" if origin == BUILT_IN else origin
