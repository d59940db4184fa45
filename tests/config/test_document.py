# ruff: noqa: E501 - the tables hold messages as they are
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haulage.config.document import Document, Problem, dotted, parse
from haulage.errors import ConfigError, Kind


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("", {}),
        ("# nothing yet\n", {}),
        ("---\n", {}),
        ("\ufeffa: 1\n", {"a": 1}),
        ("a: 1\r\nb: {c: [x, 2]}\r\n", {"a": 1, "b": {"c": ["x", 2]}}),
        ("on: yes\noff: no\n", {"on": "yes", "off": "no"}),
        ("a: 2020-01-01\nb: 1:30\nc: 1_000\nd: 2020-01-01 10:00:00\n",
         {"a": "2020-01-01", "b": "1:30", "c": "1_000", "d": "2020-01-01 10:00:00"}),
        ("a: 010\nb: 0o10\nc: 0x1F\nd: -3\n", {"a": 10, "b": 8, "c": 31, "d": -3}),
        ("a: 1.5\nb: 1e3\nc: .5\nd: -.inf\n", {"a": 1.5, "b": 1000.0, "c": 0.5, "d": float("-inf")}),
        ("a: true\nb: 'true'\nc: ~\nd:\ne: ''\n", {"a": True, "b": "true", "c": None, "d": None, "e": ""}),
        ("1: x\ntrue: y\n", {"1": "x", "true": "y"}),
        ("<<: {a: 1}\n", {"<<": {"a": 1}}),
        ("a: |\n  x\n  y\n", {"a": "x\ny\n"}),
    ],
)  # fmt: skip
def test_plain_data(text, data):
    assert parse(text, "haulage.yaml").data == data


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("a: 1\nb: 2\na: 3\n", ["3:1: duplicate key 'a'; the first one is in line 1"]),
        (
            "s:\n  x: 1\n  x: 2\n  'x': 3\n",
            ["3:3: duplicate key 'x'; the first one is in line 2", "4:3: duplicate key 'x'; the first one is in line 2"],
        ),
        ("a:\n\tb: 1\n", ["2:1: a tab is used for indentation; use spaces"]),
        ("a:\n  b: 1\n  \tc: 2\n", ["3:3: a tab is used for indentation; use spaces"]),
        ("- a\n", ["1:1: expected a mapping, that is lines such as 'workers: 4'"]),
        ("\nhello\n", ["2:1: expected a mapping, that is lines such as 'workers: 4'"]),
        ("a: 1\n---\nb: 2\n", ["2:1: a second document begins here; a config has one"]),
        ("a: &x 1\n", ["1:4: anchors, such as &name, are not supported; put quotes around a text that begins with &"]),
        ("a: *x\n", ["1:4: aliases, such as *name, are not supported; write the value again"]),
        ("a: !foo x\n", ["1:4: tags, such as !name, are not supported; put quotes around a text that begins with !"]),
        ("# x\n%YAML 1.1\n---\na: on\n", ["2:1: directives, such as %YAML, are not supported"]),
        ("a: 1\n...\n%YAML 1.3\n---\na: on\n", ["1:1: directives, such as %YAML, are not supported"]),
        ("? [1, 2]\n: x\n", ["1:3: a key must be a text; put quotes around it"]),
        ("a: 'x\nb: 1\n", ["1:4: this quote is never closed"]),
        ("a: [1,\nb: 2\n", ["1:4: this bracket is never closed"]),
        ("a: [1\nb: 2]\n", ["2:2: expected a comma or the end of the bracket that opens in line 1"]),
        ("a: {b: ${X}}\n", ["1:8: put quotes around ${...} between brackets, such as {path: \"${NAME}\"}"]),
        ("a: b: c\n", ["1:5: no ':' is expected here; check the indentation, and put quotes around a text with ': '"]),
        ("a: 1\nb\n", ["2:1: expected a ':' after the key"]),
        ("a:\n  - b\n c: 1\n", ["3:2: this does not fit what is above it; check the indentation and the quotes"]),
        ("a: @x\n", ["1:4: a text cannot begin with this character; put quotes around it"]),
        ('a: "C:\\data"\n', ["1:8: this backslash means nothing in double quotes; use single quotes"]),
        ("a: |x\n  b\n", ["1:5: this is not YAML: expected chomping or indentation indicators, but found 'x'"]),
        ("a: 1\nb: x\x07\n", ["2:5: the character U+0007 is not allowed"]),
        ("a: " + "[" * 100, ["1:54: nested too deeply"]),
        ("a: '" + "x" * 1024 * 1024 + "'\n", ["1:1: longer than 1 MiB"]),
    ],
)  # fmt: skip
def test_bad_documents(text, problems):
    with pytest.raises(ConfigError) as caught:
        parse(text, "haulage.yaml")
    assert list(caught.value.problems) == [f"haulage.yaml:{problem}" for problem in problems]
    assert caught.value.failure.kind is Kind.CONFIG


def test_an_alias_bomb_does_no_harm():
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    with pytest.raises(ConfigError, match="anchors, such as &name, are not supported"):
        parse("\n".join(lines), "haulage.yaml")


def test_where():
    document = parse("storages:\n  nas: {type: local,\n        path: x}\nstore_to: [nas, archive]\n", "haulage.yaml")
    assert document.where(()) == "haulage.yaml:1:1"
    assert document.where(("storages",)) == "haulage.yaml:1:1"
    assert document.where(("storages", "nas", "path")) == "haulage.yaml:3:9"
    assert document.where(("storages", "nas", "bucket", 3)) == "haulage.yaml:2:3"
    assert document.where(("store_to", 1)) == "haulage.yaml:4:17"
    assert document.where(("workers",)) == "haulage.yaml:1:1"


def test_an_error_is_in_the_order_of_the_document():
    document = parse("a: 1\nb: [1, 2]\n", "x.yaml")
    error = document.error([Problem(("b", 1), "two"), Problem(("a",), "one"), Problem((), "none")])
    assert error.problems == ("x.yaml:1:1: a: one", "x.yaml:1:1: none", "x.yaml:2:8: b[1]: two")
    assert str(error) == "\n".join(error.problems)


def test_dotted_keeps_to_one_line():
    assert dotted(("storages", "a\nb", "")) == "storages.'a\\nb'.''"
    assert dotted((0, "x", 1)) == "[0].x[1]"


@given(st.text(alphabet="a1:-[]{}#&*!|>'\"%@`,? \t\n\r\ufeff\x00\x85\u2028<=~.${}", max_size=40))
def test_any_text_is_read_or_refused_in_words(text):
    try:
        assert isinstance(parse(text, "haulage.yaml"), Document)
    except ConfigError as error:
        for problem in error.problems:
            assert re.fullmatch(r"haulage\.yaml:[0-9]+:[0-9]+: .+", problem)


_TEXTS = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF, exclude_categories=("Cc", "Cs")), max_size=8)
_LEAVES = st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.floats(-1e6, 1e6) | _TEXTS


@given(
    st.dictionaries(
        _TEXTS,
        st.recursive(_LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3)),
        max_size=4,
    )
)
def test_what_json_says_yaml_says_too(data):
    text = json.dumps(data, ensure_ascii=False, indent=2)
    document = parse(text, "haulage.yaml")
    assert document.data == data
    for key in data:
        line, column = document.place((key,))
        assert text.splitlines()[line - 1][column - 1 :].startswith(json.dumps(key, ensure_ascii=False))
