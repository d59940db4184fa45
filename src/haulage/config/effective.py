"""What a config comes to: the value of every key, and where it is from."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
from attrs import field, frozen

from haulage.config import reader, shorthand
from haulage.config.document import Document, dotted, parse
from haulage.config.interpolate import Substituted, interpolate
from haulage.config.load import COMPONENTS, load
from haulage.config.model import Chosen, Offered, TopLevel
from haulage.config.options import describe
from haulage.config.structure import fill
from haulage.config.written import data, mask
from haulage.registry.components import Component, ObserverComponent, StorageComponent
from haulage.secrets import MASK, password_in, redact


@frozen
class Setting:
    """One key of a config.

    Attributes:
        path: Where it is, with short forms written out.
        value: Its value as plain data; a secret as it is.
        shown: The same, without what must not be shown.
        place: The file and the line that give the value; None for a default.
        variables: The environment variables that are in the value.
        help: What the key is for.
        secret: Whether the value must not be shown.
    """

    path: tuple[str, ...]
    value: Any = field(repr=False)
    shown: Any
    place: str | None
    variables: tuple[str, ...]
    help: str
    secret: bool

    @property
    def key(self) -> str:
        """The path as people write it."""
        return dotted(self.path)


_BY_NAME: dict[str, tuple[type[Component[Any]], Callable[[Any], Any]]] = {
    "storages": (StorageComponent, shorthand.storage),
    "observers": (ObserverComponent, shorthand.observer),
}


def effective(text: str, name: str, folder: Path, environ: Mapping[str, str], offered: Offered) -> tuple[Setting, ...]:
    """Read a config and tell what it comes to; the arguments and errors are those of `load`."""
    config = load(text, name, folder, environ, offered)
    document = parse(text, name)
    written: dict[str, Any] = interpolate(document.data, environ).data
    if "subscriptions" in written:
        written["subscriptions"] = shorthand.subscriptions(written["subscriptions"])
    top = TopLevel(**fill(written, TopLevel)[0])
    found: list[Setting] = []
    for each in attrs.fields(TopLevel):
        key = each.name
        if key in _BY_NAME:
            kind, write_out = _BY_NAME[key]
            for inner, chosen in getattr(config, key).items():
                full = write_out(written[key][inner]) if key in written else {}
                part = _Part(document, (key, inner), (key, inner))
                found += _chosen(part, offered, kind, chosen, full)
        elif key == "variants":
            for inner, chosen in config.variants.items():
                part = _Part(document, (key, inner), (key, inner))
                differs = attrs.fields_dict(type(chosen.options))  # type: ignore[arg-type]
                for name in written[key][inner]:
                    found += part.field(differs[name], getattr(chosen.options, name), written[key][inner])
        elif key == "subscriptions":
            for inner, subscription in config.subscriptions.items():
                part = _Part(document, (key, inner), (key, inner))
                for one in attrs.fields(type(subscription)):
                    found += part.field(one, getattr(subscription, one.name), written[key][inner])
        elif key in COMPONENTS:
            short = key == "executor" and "workers" in written
            full = shorthand.executor(written["workers"]) if short else written.get(key, {})
            full = shorthand.database(full) if key == "database" else full
            part = _Part(document, (key,), ("workers",) if short else (key,))
            found += _chosen(part, offered, COMPONENTS[key][0], getattr(config, key), full)
        elif key == "store_to":
            found.append(_Part(document).setting(key, config.store_to, written, describe(each).help))
        elif key != "workers":
            found += _Part(document).field(each, getattr(top, key), written)
    return tuple(found)


@frozen
class _Part:
    """A mapping of a config: where it is once it is written out, and where it was written."""

    document: Document
    path: tuple[str, ...] = ()
    written: reader.Path = ()
    secret: bool = False

    def setting(self, key: str, value: Any, given: Mapping[str, Any], told: str) -> Setting:
        place = None
        if key in given:
            place = f"{self.document.name}:{self.document.place((*self.written, key))[0]}"
        variables = tuple(dict.fromkeys(_variables(given.get(key))))
        plain = data(value)
        shown = mask(plain) if self.secret else _public(data(value, masked=True))
        return Setting((*self.path, key), plain, shown, place, variables, told, self.secret)

    def field(self, each: "attrs.Attribute[Any]", value: Any, given: Mapping[str, Any]) -> Iterator[Setting]:
        told, key = describe(each), each.alias or each.name
        here = attrs.evolve(self, secret=self.secret or told.secret)
        if not attrs.has(type(value)):
            yield here.setting(key, value, given, told.help)
            return
        inner = attrs.evolve(here, path=(*self.path, key), written=(*self.written, key))
        for one in attrs.fields(type(value)):
            if one.init:
                yield from inner.field(one, getattr(value, one.name), given.get(key, {}))


def _chosen(
    part: _Part, offered: Offered, kind: type[Component[Any]], chosen: Chosen, given: Mapping[str, Any]
) -> Iterator[Setting]:
    yield part.setting("type", chosen.type, given, offered.find(kind, chosen.type).summary)
    for each in attrs.fields(type(chosen.options)):  # type: ignore[arg-type]
        if each.init:
            yield from part.field(each, getattr(chosen.options, each.name), given)


def _variables(value: Any) -> Iterator[str]:
    match value:
        case Substituted():
            yield from value.names
        case dict():
            for item in value.values():
                yield from _variables(item)
        case list():
            for item in value:
                yield from _variables(item)


def _public(value: Any) -> Any:
    match value:
        case str() if "://" in value and ("@" in value or "?" in value):
            password = password_in(value)  # which may have a space or a quote in it
            return redact(value.replace(password, MASK) if password else value)
        case dict():
            return {key: _public(item) for key, item in value.items()}
        case list():
            return [_public(item) for item in value]
    return value
