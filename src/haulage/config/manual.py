"""What people read about a component: its options as they are written, and lines to paste into a config."""

import types
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Literal, Union, get_args, get_origin

import attrs
from attrs import frozen

from haulage.config.hosts import Host
from haulage.config.options import describe
from haulage.config.sizes import Dollars, Size
from haulage.config.written import data, line
from haulage.registry.components import (
    Component,
    ExecutorComponent,
    FetcherComponent,
    MetadataStoreComponent,
    ObserverComponent,
    RetryPolicyComponent,
    StorageComponent,
)

PLACES: dict[type[Component[Any]], tuple[str, ...]] = {
    FetcherComponent: ("fetcher",),
    StorageComponent: ("storages", "archive"),
    MetadataStoreComponent: ("database",),
    RetryPolicyComponent: ("retry",),
    ExecutorComponent: ("executor",),
    ObserverComponent: ("observers", "watcher"),
}
"""Where in a config a component of each kind is named."""

_WORDS: dict[Any, str] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    timedelta: "duration",
    Host: "host or network",
    Size: "size",
    Dollars: "amount",
    Any: "anything",
    object: "anything",
}

_FACTORY: Any = attrs.Factory  # a class, which its stub calls a function


@frozen
class Entry:
    """An option, as people read about it.

    Attributes:
        name: What stands before the colon.
        type: What may stand behind it, in words.
        default: What it is where nothing is written, as it would be written; None where something must be.
        help: What it is for.
        example: A value, as it is written.
        secret: Whether its value is kept out of messages.
    """

    name: str
    type: str
    default: str | None
    help: str
    example: str
    secret: bool


def entries(component: Component[Any]) -> tuple[Entry, ...]:
    """Describe the options of a component, in the order of their weight."""
    attrs.resolve_types(component.options)
    made = []
    for each in attrs.fields(component.options):
        if each.init:
            told = describe(each)
            made.append(
                Entry(each.alias or each.name, word(each.type), _default(each), told.help, told.example, told.secret)
            )
    return tuple(made)


def example(component: Component[Any]) -> str:
    """Write lines for a config: the type, what must be given, and what has an example."""
    *above, last = PLACES[type(component)]
    lines = [f"{'  ' * depth}{key}:" for depth, key in enumerate([*above, last])]
    indent = "  " * len(lines)
    lines.append(f"{indent}type: {written(component.name)}")
    for each in entries(component):
        if each.example or each.default is None:
            lines.append(f"{indent}{each.name}: {each.example or '...'}")
    return "\n".join(lines)


def word(kind: Any) -> str:
    """Say what may be written for a type."""
    origin, arguments = get_origin(kind) or kind, get_args(kind)
    if kind in _WORDS:
        return _WORDS[kind]
    if origin is Literal:
        return " or ".join(written(each) for each in arguments)
    if origin in (Union, types.UnionType):
        return " or ".join("nothing" if each is types.NoneType else word(each) for each in arguments)
    if origin in (list, tuple, Sequence):
        return f"list of {word(arguments[0])}" if arguments else "list"
    return "mapping" if origin in (dict, Mapping) or attrs.has(kind) else str(getattr(kind, "__name__", kind))


def written(value: Any) -> str:
    """Write a value as it may stand in a config."""
    return line(data(value))


def _default(each: "attrs.Attribute[Any]") -> str | None:
    default = each.default
    if default is attrs.NOTHING:
        return None
    if isinstance(default, _FACTORY):
        return "" if default.takes_self else written(default.factory())
    return "" if default is None else written(default)
