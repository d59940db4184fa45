"""A JSON Schema of configs, made from the classes that read them, so that an editor knows what haulage knows.

It describes a document as it is written: `${NAME}` may stand wherever a single value does. Every keyword but `$defs`
is known to draft 7 too, since editors lag behind, and each choice is an `if`, whose messages point at the very option.
"""

from collections.abc import Sequence
from typing import Any, Protocol, TypeVar
from urllib.parse import quote

import attrs

from haulage.config import shorthand
from haulage.config.load import COMPONENTS, choose
from haulage.config.model import Offered, TopLevel
from haulage.config.primitives import Misfit
from haulage.config.schema_values import ANYTHING, DEFINED, TEXTS, VARIABLES, Schema, mapping, pattern
from haulage.config.subscriptions import Subscription
from haulage.registry.components import (
    Component,
    FetcherComponent,
    MetadataStoreComponent,
    ObserverComponent,
    StorageComponent,
)

C = TypeVar("C", bound=Component[Any])

_SHORT = {  # for each short form of a storage, one of that form and how to tell
    "library": r"^(?![A-Za-z][A-Za-z0-9+.-]*://)",
    "s3://bucket/prefix": r"^[sS]3://[A-Za-z0-9._-]+(/[\s\S]*)?$",
    "gs://bucket/prefix": r"^[gG][sS]://[A-Za-z0-9._-]+(/[\s\S]*)?$",
}

_STORE_TO: Schema = {"type": "array", "items": TEXTS, "minItems": 1, "uniqueItems": True}
_URLS: Schema = {**TEXTS, "anyOf": [pattern(r"^[hH][tT][tT][pP][sS]?://\S+$", "expected a URL to haul"), VARIABLES]}


class Listed(Offered, Protocol):
    """The components that there are, and which they are."""

    def components(self, kind: type[C]) -> Sequence[C]:
        """List those of a kind that can be used."""


def schema(offered: Listed) -> Schema:
    """Make the JSON Schema (draft 2020-12) of configs that may use these components."""
    defined = dict(DEFINED)
    storages = _choice(offered, StorageComponent, "", defined)
    own: dict[str, Schema] = {
        key: _choice(offered, kind, default, defined) for key, (kind, default) in COMPONENTS.items()
    }
    own["database"] = _or_text(
        own["database"], TEXTS if _fits(offered, MetadataStoreComponent, "sqlite:///haulage.db") else False
    )
    defined["storage"] = _or_text(storages, _storage_text(offered))
    own["storages"] = {
        "type": "object",
        "minProperties": 1,
        "propertyNames": {"pattern": f"^{shorthand.NAME}$"},
        "additionalProperties": {"$ref": "#/$defs/storage"},
    }
    types = [each.name for each in offered.components(ObserverComponent) if _needs_nothing(each)]
    observers = _or_text(_choice(offered, ObserverComponent, "", defined), {"anyOf": [{"enum": types}, VARIABLES]})
    own["observers"] = {"type": "object", "additionalProperties": observers}
    own["variants"] = {
        "type": "object",
        "propertyNames": {"pattern": f"^{shorthand.NAME}$"},
        "additionalProperties": _variant(offered),
    }
    own["subscriptions"] = {
        "type": "object",
        "propertyNames": {"pattern": f"^{shorthand.NAME}$"},
        "additionalProperties": _or_text(mapping(Subscription, {"url": _URLS, "store_to": _STORE_TO}), _URLS),
    }
    own["store_to"] = _STORE_TO
    threads = defined.get("executor.threads", {"properties": {}})["properties"]
    own["workers"] = threads.get("workers", {"not": {}})
    top = mapping(TopLevel, own)
    absent = [key for key, (kind, default) in COMPONENTS.items() if not _offers(offered, kind, default)]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "haulage.yaml",
        "description": "The config of haulage.",
        **top,
        **({"required": absent} if absent else {}),
        "$defs": defined,
    }


def _offers(offered: Listed, kind: type[Component[Any]], name: str) -> bool:
    return any(component.name == name for component in offered.components(kind))


def _variant(offered: Listed) -> Schema:
    """Some options of a fetcher; of which one stands elsewhere in the document."""
    properties: Schema = {}
    for component in offered.components(FetcherComponent):
        for name, found in mapping(component.options, {})["properties"].items():
            properties[name] = {"anyOf": [properties[name], found]} if name in properties else found
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _needs_nothing(component: Component[Any]) -> bool:
    return all(each.default is not attrs.NOTHING for each in attrs.fields(component.options) if each.init)


def _choice(offered: Listed, kind: type[Component[Any]], default: str, defined: Schema) -> Schema:
    """The mapping that chooses a component by `type`, and gives it options."""
    components = offered.components(kind)
    names = [{"const": each.name, "description": each.summary} for each in components]
    rules: list[Schema] = []
    for each in components:
        name = f"{_WORDS[kind]}.{each.name}"
        defined[name] = mapping(each.options, {}, {"type": {}})
        required = {} if each.name == default else {"required": ["type"]}
        rules.append(
            {
                "if": {"properties": {"type": {"const": each.name}}, **required},
                "then": {"$ref": "#/$defs/" + quote(name.replace("~", "~0").replace("/", "~1"))},
            }
        )
    rules.append(
        {
            "if": {"properties": {"type": VARIABLES}, "required": ["type"]},
            "then": {"additionalProperties": ANYTHING},
        }
    )
    found = _offers(offered, kind, default)
    chosen = {"description": "Which one.", "anyOf": [*names, VARIABLES], **({"default": default} if found else {})}
    return {
        "type": "object",
        "properties": {"type": chosen},
        **({} if found else {"required": ["type"]}),
        "allOf": rules,
    }


_WORDS: dict[type[Component[Any]], str] = {
    StorageComponent: "storage",
    ObserverComponent: "observer",
    **{kind: key for key, (kind, _) in COMPONENTS.items()},
}


def _or_text(written_out: Schema, text: Schema | bool) -> Schema:
    return {"type": ["object", "string"], "if": {"type": "string"}, "then": text, "else": written_out}


def _storage_text(offered: Listed) -> Schema:
    message = "expected a path, s3://bucket/prefix, gs://bucket/prefix, or a mapping with a type"
    forms = [pattern(form, message) for short, form in _SHORT.items() if _fits(offered, StorageComponent, short)]
    return {**TEXTS, "anyOf": [*forms, VARIABLES]}


def _fits(offered: Listed, kind: type[Component[Any]], text: str) -> bool:
    """Whether a short form can be used: what it stands for is installed, and needs no more than that."""
    try:
        choose(offered, kind, shorthand.storage(text) if kind is StorageComponent else shorthand.database(text))
    except Misfit:
        return False
    return True
