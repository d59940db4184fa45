"""What a JSON Schema says of the values of options, by the types of their classes."""

import types
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Literal, Union, get_args, get_origin

import attrs

from haulage.config.document import parse
from haulage.config.hosts import Host
from haulage.config.options import describe
from haulage.config.primitives import DOLLARS, DURATION, SIZE
from haulage.config.sizes import Dollars, Size
from haulage.config.written import data
from haulage.errors import ConfigError

Schema = dict[str, Any]
_FACTORY: Any = attrs.Factory  # a class, which its stub calls a function

# As JavaScript and Python both read them: the grammar of haulage.config.interpolate.
_NAME = r"\$\{[A-Za-z_][A-Za-z0-9_]*(:-((?!\$\{)[^}])*)?\}"
_PLAIN = r"([^$]|\$\$|\$(?![${]))"
_TEXT = rf"^({_PLAIN}|{_NAME})*$"
_VARIABLE = rf"^{_PLAIN}*{_NAME}({_PLAIN}|{_NAME})*$"

_BROKEN = "this ${ begins no variable; write ${NAME} or ${NAME:-default}, and $$ for a dollar sign"


def pattern(expression: str, message: str) -> Schema:
    """Texts that match a regular expression, and what to say of others."""
    # Not a keyword of JSON Schema, which ignores it: editors show it instead of the pattern.
    return {"pattern": expression, "patternErrorMessage": message}


DEFINED: Schema = {
    "text": {"type": "string", **pattern(_TEXT, _BROKEN)},
    "variable": {"type": "string", **pattern(_VARIABLE, "expected a variable, such as ${NAME}")},
    "anything": {
        **pattern(_TEXT, _BROKEN),
        "items": {"$ref": "#/$defs/anything"},
        "additionalProperties": {"$ref": "#/$defs/anything"},
    },
}
TEXTS, VARIABLES, ANYTHING = ({"$ref": f"#/$defs/{name}"} for name in DEFINED)
_BOUNDS = {">=": "minimum", ">": "exclusiveMinimum", "<=": "maximum", "<": "exclusiveMaximum"}
_SECONDS = timedelta.max // timedelta(seconds=1) + 1


def mapping(kind: type, own: Mapping[str, Schema], more: Mapping[str, Schema] | None = None) -> Schema:
    """The mapping that an options class is read from.

    Args:
        kind: The class.
        own: By option, what counts instead of what its type says.
        more: Keys beside the options.
    """
    attrs.resolve_types(kind)
    fields = {each.alias or each.name: each for each in attrs.fields(kind) if each.init}
    required = [key for key, each in fields.items() if each.default is attrs.NOTHING]
    properties = {key: _described(each, own.get(key)) for key, each in fields.items()}
    return {
        "type": "object",
        "properties": {**(more or {}), **properties},
        **({"required": required} if required else {}),
        "additionalProperties": False,
    }


def _described(field: "attrs.Attribute[Any]", own: Schema | None) -> Schema:
    told = describe(field)
    found = {**(_of(field.type) if own is None else own), **_bounds(field.validator)}
    if told.help:
        found["description"] = told.help
    default = field.default
    if isinstance(default, _FACTORY):
        default = attrs.NOTHING if default.takes_self else default.factory()
    if default not in (attrs.NOTHING, None, ()):
        found["default"] = data(default)
    if told.example:
        found["examples"] = [_example(told.example)]
    return found


def _of(kind: Any) -> Schema:
    origin, arguments = get_origin(kind) or kind, get_args(kind)
    if kind in (str, Host):
        return TEXTS
    if kind in _SCALARS:
        return _SCALARS[kind]
    if isinstance(kind, type) and attrs.has(kind):
        return mapping(kind, {})
    if origin in (list, tuple, Sequence):
        return {"type": "array", "items": _of((arguments or (Any,))[0])}
    if origin in (dict, Mapping):
        return {"type": "object", "additionalProperties": _of((arguments or (str, Any))[1])}
    if origin is Literal:
        return {"anyOf": [{"enum": list(arguments)}, VARIABLES]}
    if origin in (Union, types.UnionType) and len(arguments) == 2 and types.NoneType in arguments:
        wanted = _of(next(each for each in arguments if each is not types.NoneType))
        return {"anyOf": [wanted, {"type": "null"}, VARIABLES]}
    return ANYTHING


_SCALARS: dict[Any, Schema] = {  # a pattern speaks of texts alone
    int: {"type": ["integer", "string"], **pattern(_VARIABLE, "expected a whole number")},
    float: {"type": ["number", "string"], **pattern(_VARIABLE, "expected a number")},
    bool: {"type": ["boolean", "string"], **pattern(_VARIABLE, "expected true or false")},
    Size: {
        "type": ["integer", "string"],
        "minimum": 0,
        **pattern(f"^({SIZE})$|{_VARIABLE}", "expected a size such as 500MB or 2GiB"),
    },
    Dollars: {
        "type": ["number", "string"],
        "minimum": 0,
        **pattern(f"^({DOLLARS})$|{_VARIABLE}", "expected an amount such as 20 USD"),
    },
    timedelta: {
        "type": ["number", "string"],
        "minimum": 0,
        "exclusiveMaximum": _SECONDS,
        **pattern(f"^({DURATION})$|{_VARIABLE}", "expected a duration such as 1s or 2h"),
    },
}


def _bounds(validator: Any) -> Schema:
    """The bounds that attrs' own validators put on a number; those of others are code, which no schema can say."""
    found: Schema = {}
    for each in getattr(validator, "_validators", (validator,)):
        each = getattr(each, "validator", each)  # what `validators.optional` holds
        keyword, bound = _BOUNDS.get(getattr(each, "compare_op", "")), getattr(each, "bound", None)
        if keyword and isinstance(bound, int | float):
            found[keyword] = bound
    return found


def _example(written: str) -> Any:
    try:
        return parse(f"example: {written}", "example").data["example"]
    except ConfigError:
        return written
