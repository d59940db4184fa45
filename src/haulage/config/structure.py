"""Plain data made into typed values, strictly, with every problem told in words.

cattrs finds the hook for each type. The hooks are our own: its own ones turn 3 into "3", and its errors speak
of Python and lose both the place of a validator's complaint and its words.
"""

import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

import attrs
from cattrs import Converter

from haulage.config.document import Problem
from haulage.config.interpolate import plain
from haulage.config.options import describe
from haulage.config.primitives import PRIMITIVES, Misfit, Read
from haulage.config.wording import expected, meant, scrub, show, unknown

T = TypeVar("T")
Hook = Callable[[Any, Any], Any]
_FACTORY: Any = attrs.Factory  # a class, which its stub calls a function


def structure(data: Any, kind: type[T]) -> T:
    """Make a value of a type from plain data.

    Raises:
        Misfit: The data does not fit; all problems are in it.
    """
    made: T = _converter().structure(data, kind)
    return made


def fill(data: Mapping[str, Any], kind: type) -> tuple[dict[str, Any], list[Problem]]:
    """Make values for the fields of an attrs class that are given and fit, and tell what does not."""
    attrs.resolve_types(kind)
    fields = {each.alias or each.name: each for each in attrs.fields(kind) if each.init}
    problems = [unknown("option", key, fields).under(key) for key in data if key not in fields]
    misspelt = {meant(key, fields) for key in data if key not in fields}
    values: dict[str, Any] = {}
    for key, each in fields.items():
        if key in data:
            try:
                values[key] = structure(data[key], each.type or object)
            except Misfit as misfit:
                secret = describe(each).secret
                problems += [_discreet(found, secret).under(key) for found in misfit.problems]
        elif each.default is attrs.NOTHING and key not in misspelt:
            problems.append(Problem((), f"missing option {key!r}"))
    refused = _validate(data, kind, values)
    for problem in refused:
        values.pop(str(problem.path[0]), None)
    return values, problems + refused


def _discreet(problem: Problem, secret: bool) -> Problem:
    return attrs.evolve(problem, text=problem.discreet or problem.text) if secret else problem


def _validate(data: Mapping[str, Any], kind: type, values: Mapping[str, Any]) -> list[Problem]:
    # One by one: left to `__init__`, the first complaint would hide the others, and its own place.
    bare: Any = object.__new__(kind)
    for each in attrs.fields(kind):
        default = each.default
        if isinstance(default, _FACTORY):
            default = default.factory(bare) if default.takes_self else default.factory()
        value = values.get(each.alias or each.name, default)
        if value is not attrs.NOTHING:
            object.__setattr__(bare, each.name, value)
    problems = []
    for each in attrs.fields(kind):
        key = each.alias or each.name
        if each.validator is None or each.converter is not None or key not in values:
            continue
        try:
            each.validator(bare, each, values[key])
        except ValueError as error:
            secret = describe(each).secret
            problems.append(Problem((key,), scrub(_said(error), data[key], values[key], secret=secret), "not accepted"))
        except AttributeError:
            # It looked at another option, and that one has a problem of its own.
            if all(hasattr(bare, other.name) for other in attrs.fields(kind)):
                raise
    return problems


def _said(error: ValueError) -> str:
    # The validators of attrs put the attribute and the value behind their words.
    return str(error.args[0]) if error.args else "not accepted"


@cache
def _converter() -> Converter:
    converter = Converter()
    for kind, read in PRIMITIVES.items():
        converter.register_structure_hook(kind, _exactly(kind, read))
    for predicate, factory in _FACTORIES:
        converter.register_structure_hook_factory(predicate, factory)
    return converter


def _exactly(kind: Any, read: Read) -> Hook:
    def hook(value: Any, wanted: Any) -> Any:
        # cattrs comes here for subclasses too, such as enums, and would silently get what is none.
        if isinstance(wanted, type) and wanted is not kind:
            raise TypeError(f"an option cannot be of type {wanted.__name__}; for a choice, use Literal")
        return read(value)

    return hook


def _each(items: Iterable[tuple[str | int, Any]], kind: Any) -> list[Any]:
    made, problems = [], []
    for place, item in items:
        try:
            made.append(structure(item, kind))
        except Misfit as misfit:
            problems += [found.under(place) for found in misfit.problems]
    if problems:
        raise Misfit(problems)
    return made


def _list(value: Any, kind: Any) -> Any:
    if not isinstance(value, list):
        raise Misfit([expected("a list", value)])
    made = _each(enumerate(value), (get_args(kind) or (object,))[0])
    return tuple(made) if (get_origin(kind) or kind) is tuple else made


def _mapping(value: Any, kind: Any) -> Any:
    if not isinstance(value, dict):
        raise Misfit([expected("a mapping", value)])
    return dict(zip(value, _each(value.items(), (get_args(kind) or (str, object))[1]), strict=True))


def _options(value: Any, kind: Any) -> Any:
    if not isinstance(value, dict):
        raise Misfit([expected("a mapping", value)])
    values, problems = fill(value, kind)
    if problems:
        raise Misfit(problems)
    try:
        return kind(**values)
    except ValueError as error:
        hidden = {field.alias for field in attrs.fields(kind) if describe(field).secret}
        text = scrub(_said(error), value)
        text = scrub(text, {key: item for key, item in value.items() if key in hidden}, secret=True)
        raise Misfit([Problem((), text, "not accepted")]) from None


def _choice(value: Any, kind: Any) -> Any:
    choices = get_args(kind)
    given = str(value) if isinstance(value, str) and str(value) in choices else plain(value)
    for choice in choices:
        if given == choice and type(given) is type(choice):
            return choice
    raise Misfit([expected("one of " + ", ".join(map(show, choices)), value)])


def _optional(value: Any, kind: Any) -> Any:
    wanted = next(each for each in get_args(kind) if each is not types.NoneType)
    if value is None or (wanted is not str and plain(value) is None):
        return None
    return structure(value, wanted)


def _is_optional(kind: Any) -> bool:
    return (
        get_origin(kind) in (Union, types.UnionType) and len(get_args(kind)) == 2 and types.NoneType in get_args(kind)
    )


_FACTORIES: list[tuple[Callable[[Any], bool], Callable[[Any], Hook]]] = [
    (lambda kind: kind in (object, Any), lambda _: lambda value, _: plain(value)),
    (attrs.has, lambda _: _options),
    (lambda kind: (get_origin(kind) or kind) in (list, tuple, Sequence), lambda _: _list),
    (lambda kind: (get_origin(kind) or kind) in (dict, Mapping), lambda _: _mapping),
    (lambda kind: get_origin(kind) is Literal, lambda _: _choice),
    (_is_optional, lambda _: _optional),
]
