"""The text of a config as plain data that knows where it was written."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from attrs import field, frozen
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.reader import ReaderError

from haulage.config.reader import Path, Reader, explain
from haulage.errors import ConfigError

LONGEST = 1024 * 1024

_DIRECTIVE = re.compile(r"\ufeff?(?:[ \t]*(?:#.*)?\r?\n)*(?=%)")


@frozen
class Problem:
    """Something in a config that cannot be.

    Attributes:
        path: Where in the data.
        text: What is wrong there.
        discreet: What to say instead where the value is secret, if `text` may show it.
    """

    path: Path
    text: str
    discreet: str = ""

    def under(self, *path: str | int) -> "Problem":
        """Give the same problem, seen from further up."""
        return Problem((*path, *self.path), self.text, self.discreet)


@frozen
class Document:
    """A config as it was written.

    Attributes:
        name: What to call it in messages.
        data: Mappings, lists, texts, numbers, true, false and None.
    """

    name: str
    data: dict[str, Any]
    _places: Mapping[Path, tuple[int, int]] = field(factory=dict, repr=False)

    def place(self, path: Path) -> tuple[int, int]:
        """Find the line and the column of a key, or of the nearest thing around it that was written."""
        while path and path not in self._places:
            path = path[:-1]
        return self._places.get(path, (1, 1))

    def where(self, path: Path) -> str:
        """Say the same as a text, such as "haulage.yaml:5:5"."""
        line, column = self.place(path)
        return f"{self.name}:{line}:{column}"

    def error(self, problems: Iterable[Problem]) -> ConfigError:
        """Make one error of all problems, in the order of the document."""
        ordered = sorted(problems, key=lambda problem: self.place(problem.path))
        return ConfigError(*(": ".join(filter(None, (self.where(p.path), dotted(p.path), p.text))) for p in ordered))


def dotted(path: Path) -> str:
    """Write a path as people do: storages.archive.path, store_to[1]."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{_key(part)}" for part in path)
    return "".join(parts).removeprefix(".")


def _key(key: str) -> str:
    return key if key.isprintable() and 0 < len(key) <= 60 else repr(key[:60])


def parse(text: str, name: str) -> Document:
    """Read the text of a config; an empty one is an empty mapping.

    Raises:
        ConfigError: It is not YAML 1.2, its root is not a mapping, a key is there twice, or it uses what
            a config does without: anchors, aliases, tags, directives, more than 1 MiB.
    """
    if len(text.encode("utf-8", "replace")) > LONGEST:
        raise ConfigError(f"{name}:1:1: longer than 1 MiB")
    if directive := _DIRECTIVE.match(text):
        raise _at(text, name, directive.end(), "directives, such as %YAML, are not supported")
    reader = Reader(name, YAML(typ="safe", pure=True).parse(text))
    try:
        data = reader.read()
    except MarkedYAMLError as error:
        mark, said = explain(error, text)
        raise ConfigError(f"{name}:{mark[0] + 1}:{mark[1] + 1}: {said}") from None
    except ReaderError as error:
        character = f"U+{ord(text[error.position]):04X}"
        raise _at(text, name, error.position, f"the character {character} is not allowed") from None
    except AssertionError:  # ruamel's answer to a %YAML directive of a later document
        raise ConfigError(f"{name}:1:1: directives, such as %YAML, are not supported") from None
    if reader.problems:
        raise ConfigError(*reader.problems)
    return Document(name, data, reader.places)


def _at(text: str, name: str, position: int, said: str) -> ConfigError:
    before = text[:position]
    return ConfigError(f"{name}:{before.count(chr(10)) + 1}:{position - before.rfind(chr(10))}: {said}")
