"""Environment variables in a config: `${VAR}` and `${VAR:-default}`."""

import re
from collections.abc import Mapping
from typing import Any

from attrs import frozen

from haulage.config.document import Problem
from haulage.config.reader import Path
from haulage.config.scalars import scalar

_VARIABLE = re.compile(
    r"\$(?:(?P<dollar>\$)|\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>(?:(?!\$\{)[^}])*))?\}|(?P<broken>\{))"
)


class Substituted(str):
    """A text in which variables were replaced. What it was is the text; what it means depends on who asks.

    A password of digits is a text, and so is a folder called "true", though YAML would read something else:
    where a text is wanted the text counts, and everywhere else the scalar.

    Attributes:
        names: The variables whose values are in it, and which messages name instead of showing it.
        scalar: What YAML reads in it, where it is exactly one variable; otherwise the text.
    """

    __slots__ = ("names", "scalar")
    names: tuple[str, ...]
    scalar: object

    def __new__(cls, text: str, names: tuple[str, ...] = (), scalar: object = None) -> "Substituted":
        """Make one from its parts."""
        made = super().__new__(cls, text)
        made.names, made.scalar = names, scalar
        return made

    def __reduce__(self) -> tuple[type["Substituted"], tuple[str, tuple[str, ...], object]]:
        return type(self), (str(self), self.names, self.scalar)


def part(whole: str, text: str) -> str:
    """Keep a text that was cut from another as discreet as that one."""
    return Substituted(text, whole.names, text) if isinstance(whole, Substituted) else text


def plain(value: Any) -> Any:
    """Give the data as YAML reads it, without a trace of where it came from."""
    match value:
        case Substituted():
            return value.scalar
        case dict():
            return {key: plain(item) for key, item in value.items()}
        case list():
            return [plain(item) for item in value]
    return value


@frozen
class Interpolated:
    """Data in which variables were replaced.

    Attributes:
        data: The data; texts that had variables are `Substituted`.
        problems: What could not be replaced, and was left as it was written.
    """

    data: Any
    problems: tuple[Problem, ...]


def interpolate(data: Any, environ: Mapping[str, str]) -> Interpolated:
    """Replace `${VAR}` and `${VAR:-default}` in all texts, though not in keys; `$$` stands for a dollar sign.

    As in a shell, the default is taken for an empty variable too.
    """
    problems: list[Problem] = []
    return Interpolated(_walk(data, (), environ, problems), tuple(problems))


def _walk(value: Any, path: Path, environ: Mapping[str, str], problems: list[Problem]) -> Any:
    match value:
        case dict():
            return {key: _walk(item, (*path, key), environ, problems) for key, item in value.items()}
        case list():
            return [_walk(item, (*path, index), environ, problems) for index, item in enumerate(value)]
        case str() if "$" in value:
            return _replace(value, path, environ, problems)
    return value


def _replace(text: str, path: Path, environ: Mapping[str, str], problems: list[Problem]) -> str:
    names: dict[str, None] = {}
    wrong: dict[str, None] = {}

    def value_of(found: re.Match[str]) -> str:
        name, default = found["name"], found["default"]
        if found["dollar"]:
            return "$"
        if found["broken"]:
            wrong["this ${ begins no variable; write ${NAME} or ${NAME:-default}, and $$ for a dollar sign"] = None
        elif name in environ and (environ[name] or default is None):
            names[name] = None
            return environ[name]
        elif default is not None:
            return str(default)
        else:
            wrong[f"environment variable {name} is not set; set it or write ${{{name}:-default}}"] = None
        return found.group()

    replaced = _VARIABLE.sub(value_of, text)
    if wrong:
        problems.extend(Problem(path, said) for said in wrong)
        return text
    whole = _VARIABLE.fullmatch(text)
    if whole and whole["name"]:
        return Substituted(replaced, tuple(names), scalar(replaced.strip()))
    return Substituted(replaced, tuple(names), replaced) if names else replaced
