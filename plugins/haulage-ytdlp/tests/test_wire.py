"""What haulage and a fetch process say to each other."""

import enum
import json
import types
import typing
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, Union

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from haulage.plugin import Size, Video
from haulage_ytdlp import wire

MESSAGES = (*typing.get_args(wire.Order), *typing.get_args(wire.Report))

ANY_TEXT = st.text(st.characters())
"""Lone surrogates among it: they stand for the bytes of file names that are no UTF-8."""


def _of(hint: Any) -> st.SearchStrategy[Any]:
    """Values of a type, from its annotations alone, so that a new field is tested without a change here."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    simple: dict[Any, st.SearchStrategy[Any]] = {
        str: ANY_TEXT,
        int: st.integers(),
        bool: st.booleans(),
        Size: st.integers().map(Size),
        float: st.floats(allow_nan=False),
        type(None): st.none(),
        Path: ANY_TEXT.filter(lambda text: "\0" not in text).map(Path),
        timedelta: st.timedeltas(timedelta(0), timedelta(days=36500)),
        wire.Began: st.builds(wire.Began, st.integers(min_value=2)),
    }
    if hint is wire.Growing:
        names = st.from_regex(r"[A-Za-z0-9._-]+", fullmatch=True)
        return st.builds(hint, names, _of(wire.Video), ANY_TEXT, ANY_TEXT)
    if hint in simple:
        return simple[hint]
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin in (Union, types.UnionType):
        return st.one_of([_of(each) for each in arguments])
    if origin is tuple:
        assert arguments[1:] == (...,)
        return st.lists(_of(arguments[0]), max_size=3).map(tuple)
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return st.sampled_from(list(hint))
    hints = typing.get_type_hints(hint)
    # A number with a validator is a bound of something: at least 1.
    bound = st.none() | st.integers(1)
    return st.builds(
        hint, **{each.name: bound if each.validator else _of(hints[each.name]) for each in attrs.fields(hint)}
    )


@given(st.one_of([_of(each) for each in MESSAGES]))
def test_round_trip(message: Any) -> None:
    """Every message is read as it was written, whatever stands in it, and is one line."""
    written = wire.line(message)
    assert written.endswith(b"\n")
    assert written.count(b"\n") == 1
    assert wire.message(written) == message


def test_signs() -> None:
    """Line ends, quotes, zeros and signs beyond the basic plane stay what they are."""
    title = 'a\nb\r\nc\u2028d\0e"f\\g\x85\U0001f4fc\udcff'
    found = wire.FoundVideo(Video("generic", title, "", "https://example.org/", title=title))
    assert wire.message(wire.line(found)) == found


@given(st.binary())
def test_any_bytes(junk: bytes) -> None:
    """Bytes that are no message raise ValueError and nothing else."""
    with pytest.raises(ValueError, match="not a message"):
        wire.message(junk)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.one_of(JSON, st.tuples(st.text(), JSON), st.tuples(st.sampled_from(["Fetched", "Failed", "Began"]), JSON)))
def test_any_json(junk: Any) -> None:
    """JSON that is no message raises ValueError and nothing else."""
    with pytest.raises(ValueError, match="not a message"):
        wire.message(json.dumps(junk).encode())


@pytest.mark.parametrize(
    "words",
    [
        b"",
        b"\n",
        b"null\n",
        b"[]\n",
        b'["Began"]\n',
        b'["Began", {}]\n',
        b'["Began", {"pid": "many"}]\n',
        b'["Began", {"pid": 1}]\n',
        b'["Began", {"pid": 0}]\n',
        b'["Began", {"pid": -4321}]\n',
        b'["Began", {"pid": 4321}, 2]\n',
        b'["Failed", {"failure": {"kind": "unheard-of", "message": ""}}]\n',
        b'["Failed", {"failure": null}]\n',
        b'["Fetched", {"result": {"video": {}, "files": [], "facts": {}}}]\n',
        b'["__class__", {}]\n',
        b'["Began", {"pid": 4321}',
        b"[" * 100_000,
        b"\xff\xfe",
    ],
    ids=lambda words: words[:40].decode("latin-1"),
)
def test_junk(words: bytes) -> None:
    """What is cut, of an unknown name, short of a field, or the number of no process of ours is no message."""
    with pytest.raises(ValueError, match="not a message"):
        wire.message(words)


def test_long_junk_is_shown_short() -> None:
    """The complaint about a message does not repeat all of it."""
    with pytest.raises(ValueError, match="not a message") as caught:
        wire.message(b"x" * 100_000)
    assert len(str(caught.value)) < 300
