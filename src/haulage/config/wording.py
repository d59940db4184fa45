"""What messages say, and what they must not show."""

import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import Any

from haulage.config.document import Problem
from haulage.config.interpolate import Substituted
from haulage.secrets import redact

_LONGEST = 60


def show(value: object) -> str:
    """Show a value in a message; one from the environment is named instead."""
    match value:
        case Substituted() if value.names:
            return "the value of " + " and ".join(f"${{{name}}}" for name in value.names)
        case str():
            text = redact(value)
            return repr(text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "...")
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value) if abs(value) < 10**20 else "a number that is too large"
        case list():
            return "a list"
        case dict():
            return "a mapping"
    return "something else"


def expected(wanted: str, value: object) -> Problem:
    """Tell of a value that is not what was wanted."""
    return Problem((), f"expected {wanted}, got {show(value)}", f"expected {wanted}")


def meant(name: str, known: Iterable[str]) -> str | None:
    """The name that the writer may have meant; None where none is near."""
    return next(iter(get_close_matches(name, sorted(set(known)), 1)), None)


def suggest(name: str, known: Iterable[str]) -> str:
    """Say what the writer may have meant, to be put behind a message."""
    names = sorted(set(known))
    near = meant(name, names)
    if near:
        return f"; did you mean {near!r}?"
    return f"; there are {', '.join(names)}" if len(names) > 1 else f"; there is only {names[0]}" if names else ""


def unknown(what: str, name: str, known: Iterable[str]) -> Problem:
    """Tell of a name that nobody knows, and of the one that may have been meant."""
    return Problem((), f"unknown {what} {show(name)}{suggest(name, known)}", f"unknown {what}")


def scrub(text: str, written: object, *structured: object, secret: bool = False) -> str:
    """Put a text by others on one line, without what must not be shown.

    Args:
        text: What a validator or a plugin said.
        written: What it was said about, as it was written.
        structured: What became of it.
        secret: Whether nothing of it may be shown, rather than only nothing that came from the environment.
    """
    for leaf in _leaves(written):
        if not (secret or (isinstance(leaf, Substituted) and leaf.names)):
            continue
        name = show(leaf) if isinstance(leaf, Substituted) and leaf.names else "the value"
        forms = {form for value in (str(leaf), *structured) for form in (repr(value), str(value)) if form}
        for form in sorted(forms, key=len, reverse=True):
            text = re.sub(rf"(?<!\w){re.escape(form)}(?!\w)", name, text)
        # A validator may well have split the value, or changed its case.
        said = text.replace(name, "").casefold()
        if any(run.casefold() in said for run in re.findall(r"\w{3,}", str(leaf))):
            return f"{name} is not accepted"
    return redact(text)


def _leaves(value: Any) -> Iterator[Any]:
    match value:
        case dict():
            for item in value.values():
                yield from _leaves(item)
        case list():
            for item in value:
                yield from _leaves(item)
        case None:
            pass
        case _:
            yield value
