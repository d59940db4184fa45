"""Plain data from the events of a YAML document, and what it means that there are none."""

from collections.abc import Iterator
from typing import Any

from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from haulage.config.scalars import scalar
from haulage.errors import ConfigError

Path = tuple[str | int, ...]
DEEPEST = 50


class Reader:
    """Builds plain data from events: ruamel's own constructors would make dates, bytes and aliases of it."""

    def __init__(self, name: str, events: Iterator[Any]) -> None:
        self.name = name
        self.events = events
        self.problems: list[str] = []
        self.places: dict[Path, tuple[int, int]] = {}

    def read(self) -> dict[str, Any]:
        """Read the one document."""
        data: Any = None
        documents = 0
        for event in self.events:
            if isinstance(event, DocumentStartEvent):
                documents += 1
                root = next(self.events)
                value = self._node(root, ())
                if documents == 1:
                    data = {} if value is None else value
                    if not isinstance(data, dict):
                        self._complain(root, "expected a mapping, that is lines such as 'workers: 4'")
                elif documents == 2:
                    self._complain(event, "a second document begins here; a config has one")
        return data if isinstance(data, dict) else {}

    def _node(self, event: Any, path: Path) -> Any:
        if len(path) > DEEPEST:
            raise ConfigError(
                f"{self.name}:{event.start_mark.line + 1}:{event.start_mark.column + 1}: nested too deeply"
            )
        if isinstance(event, AliasEvent):
            self._complain(event, "aliases, such as *name, are not supported; write the value again")
        elif event.anchor is not None:
            self._complain(
                event,
                "anchors, such as &name, are not supported; put quotes around a text that begins with &",
            )
        elif event.tag is not None:
            self._complain(event, "tags, such as !name, are not supported; put quotes around a text that begins with !")
        if isinstance(event, MappingStartEvent):
            return self._mapping(path)
        if isinstance(event, SequenceStartEvent):
            return self._sequence(path)
        if isinstance(event, ScalarEvent):
            return event.value if event.style else scalar(event.value)
        return None

    def _mapping(self, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for event in self.events:
            if isinstance(event, MappingEndEvent):
                break
            self._node(event, (*path, ""))
            key = event.value if isinstance(event, ScalarEvent) else ""
            here = (*path, key)
            if isinstance(event, MappingStartEvent | SequenceStartEvent):
                self._complain(event, "a key must be a text; put quotes around it")
            elif key in found:
                self._complain(event, f"duplicate key {key!r}; the first one is in line {self.places[here][0]}")
            else:
                self.places[here] = (event.start_mark.line + 1, event.start_mark.column + 1)
            value = self._node(next(self.events), here)
            found.setdefault(key, value)
        return found

    def _sequence(self, path: Path) -> list[Any]:
        found: list[Any] = []
        for event in self.events:
            if isinstance(event, SequenceEndEvent):
                break
            here = (*path, len(found))
            self.places[here] = (event.start_mark.line + 1, event.start_mark.column + 1)
            found.append(self._node(event, here))
        return found

    def _complain(self, event: Any, said: str) -> None:
        self.problems.append(f"{self.name}:{event.start_mark.line + 1}:{event.start_mark.column + 1}: {said}")


def explain(error: MarkedYAMLError, text: str) -> tuple[tuple[int, int], str]:
    """Where it went wrong, and why in words; what ruamel says is about its own innards."""
    mark, start = error.problem_mark or error.context_mark, error.context_mark
    place = (mark.line, mark.column) if mark else (0, 0)
    problem, context = error.problem or "", error.context or ""
    line = dict(enumerate(text.split("\n"))).get(place[0], "")
    indent = line[: len(line) - len(line.lstrip())]
    if "\t" in indent:
        return (place[0], indent.index("\t")), "a tab is used for indentation; use spaces"
    if "flow" in context and line[: place[1]].endswith("$"):
        return (
            place[0],
            place[1] - 1,
        ), 'put quotes around ${...} between brackets, such as {path: "${NAME}"}'
    if "quoted scalar" in context and "end of" in problem and start:
        return (start.line, start.column), "this quote is never closed"
    if "flow" in context and "<stream end>" in problem and start:
        return (start.line, start.column), "this bracket is never closed"
    if "simple key" in context and start:
        return (start.line, start.column), "expected a ':' after the key"
    if "flow" in context and start:
        return place, f"expected a comma or the end of the bracket that opens in line {start.line + 1}"
    for said, meant in _MEANINGS.items():
        if said in problem:
            return place, meant
    return place, " ".join(f"this is not YAML: {problem}".split())


_MEANINGS = {
    "mapping values are not allowed": (
        "no ':' is expected here; check the indentation, and put quotes around a text with ': '"
    ),
    "expected <block end>": "this does not fit what is above it; check the indentation and the quotes",
    "cannot start any token": "a text cannot begin with this character; put quotes around it",
    "found unknown escape": "this backslash means nothing in double quotes; use single quotes",
}
