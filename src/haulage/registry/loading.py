"""Ask one plugin what it offers, and say in words why it cannot be used."""

import difflib
import inspect
from collections.abc import Iterable, Iterator
from typing import Any

import attrs
import pluggy

from haulage.registry.components import KINDS, PROJECT, Component, Hooks
from haulage.secrets import redact

Found = tuple[type[Component[Any]], Component[Any]]


class Rejected(Exception):
    """A plugin does not keep to the hooks; the message says where."""


class Loader:
    """Holds the plugins that keep to the hooks."""

    def __init__(self) -> None:
        self._manager = pluggy.PluginManager(PROJECT)
        self._manager.add_hookspecs(Hooks)

    def ask(self, plugin: object) -> list[Found]:
        """Take a plugin in; all that it offers, and nothing where that was asked before.

        Raises:
            BaseException: Whatever it raises, or Rejected; it was not taken in.
        """
        if self._manager.is_registered(plugin):
            return []
        self._check_hooks(plugin)
        self._manager.register(plugin)
        try:
            return list(self._found(plugin))
        except BaseException:
            self._manager.unregister(plugin)
            raise

    def _check_hooks(self, plugin: object) -> None:
        # By ourselves: pluggy passes over unknown names, and does not say what may have been meant.
        known = [hook for hook, _ in KINDS.values()]
        hooks = 0
        for name in dir(plugin):
            marked = self._manager.parse_hookimpl_opts(plugin, name)
            if marked is None:
                continue
            hook = marked.get("specname") or name
            if hook not in known:
                raise Rejected(f"unknown hook '{hook}'{suggestion(hook, known)}")
            parameters = inspect.signature(getattr(plugin, name)).parameters.values()
            if asked := [each.name for each in parameters if each.default is each.empty]:
                raise Rejected(f"hook '{hook}' takes no arguments, and here it has '{', '.join(asked)}'")
            hooks += 1
        if not hooks:
            raise Rejected("it has no hook; mark its functions with @hookimpl")

    def _found(self, plugin: object) -> Iterator[Found]:
        for kind, (hook, what) in KINDS.items():
            names: set[str] = set()
            for record in self._records(plugin, hook):
                if not isinstance(record, kind):
                    raise Rejected(f"hook '{hook}' yields {type(record).__name__} instead of {kind.__name__}")
                if not (isinstance(record.name, str) and isinstance(record.summary, str)):
                    raise Rejected(f"hook '{hook}' yields a record whose name or summary is no text")
                if record.name in names:
                    raise Rejected(f"hook '{hook}' yields '{record.name}' twice")
                if not attrs.has(record.options):
                    raise Rejected(f"the options of {what} '{record.name}' are no attrs class")
                attrs.resolve_types(record.options)
                names.add(record.name)
                yield kind, record

    def _records(self, plugin: object, hook: str) -> Iterator[object]:
        # One implementation at a time: a call through pluggy would let one that raises take all others with it.
        for found in getattr(self._manager.hook, hook).get_hookimpls():
            if found.plugin is plugin:
                yield from found.function()


def suggestion(name: str, known: Iterable[str]) -> str:
    """What may have been meant, to be put behind a message; nothing where no name is near."""
    near = difflib.get_close_matches(name, sorted(known), 1)
    return f"; did you mean '{near[0]}'?" if near else ""


def reason(error: BaseException) -> str:
    """Say on one line why a plugin failed."""
    text = str(error) if isinstance(error, Rejected) else f"{type(error).__name__}: {error}"
    return redact(text).removesuffix(":")
