import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haulage.config.document import Problem
from haulage.config.interpolate import Substituted, interpolate, part, plain

ENVIRON = {
    "WORKERS": "4",
    "HOST": "db",
    "EMPTY": "",
    "PADDED": " yes\n",
    "ODD": "${HOST} $$ [x]",
    "ON": "true",
}


@pytest.mark.parametrize(
    ("text", "as_text", "as_scalar"),
    [
        ("plain", "plain", "plain"),
        ("$HOME costs $5$", "$HOME costs $5$", "$HOME costs $5$"),
        ("$$", "$", "$"),
        ("$${HOST}", "${HOST}", "${HOST}"),
        ("$$${HOST}", "$db", "$db"),
        ("${HOST}", "db", "db"),
        ("${WORKERS}", "4", 4),
        ("x${WORKERS}", "x4", "x4"),
        ("${WORKERS}${WORKERS}", "44", "44"),
        ("postgresql://${HOST}/${NAME:-haulage}", "postgresql://db/haulage", "postgresql://db/haulage"),
        ("${NONE:-}", "", None),
        ("${NONE:-7}", "7", 7),
        ("${NONE:-a b:-c}", "a b:-c", "a b:-c"),
        ("${EMPTY}", "", None),
        ("${EMPTY:-8}", "8", 8),
        ("${WORKERS:-8}", "4", 4),
        ("${PADDED}", " yes\n", "yes"),
        ("${ON}", "true", True),
        ("${ODD}", "${HOST} $$ [x]", "${HOST} $$ [x]"),
    ],
)
def test_texts(text, as_text, as_scalar):
    found = interpolate({"key": [text]}, ENVIRON)
    value = found.data["key"][0]
    assert found.problems == ()
    assert str(value) == as_text
    assert plain(found.data) == {"key": [as_scalar]}
    assert type(plain(value)) is type(as_scalar)


def test_only_leaves_that_are_texts():
    data = {"${HOST}": 1, "b": [True, None, 1.5]}
    assert interpolate(data, ENVIRON).data == data


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("${BUCKET}", ["environment variable BUCKET is not set; set it or write ${BUCKET:-default}"]),
        (
            "${A}/${WORKERS}/${B}/${A}",
            [
                "environment variable A is not set; set it or write ${A:-default}",
                "environment variable B is not set; set it or write ${B:-default}",
            ],
        ),
        *(
            (
                text,
                ["this ${ begins no variable; write ${NAME} or ${NAME:-default}, and $$ for a dollar sign"],
            )
            for text in ("${", "${}", "${1A}", "${A-b}", "${ A }", "${A:-${HOST}}")
        ),
    ],
)
def test_problems(text, said):
    found = interpolate({"a": {"b": [0, text]}, "c": "${HOST}"}, ENVIRON)
    assert [problem for problem in found.problems if problem.path == ("a", "b", 1)][: len(said)] == [
        Problem(("a", "b", 1), line) for line in said
    ]
    assert found.data["a"]["b"][1] == text
    assert found.data["c"] == "db"


def test_a_text_knows_its_variables():
    data = interpolate({"a": "${HOST}:${WORKERS}:${NONE:-x}", "b": "${NONE:-x}"}, ENVIRON).data
    assert data["a"].names == ("HOST", "WORKERS")
    assert data["b"].names == ()
    assert part(data["a"], "db").names == ("HOST", "WORKERS")
    assert not isinstance(part("plain", "pl"), Substituted)
    copy = pickle.loads(pickle.dumps(data["a"]))
    assert (copy, copy.names, copy.scalar) == (data["a"], data["a"].names, data["a"].scalar)


@given(st.text())
def test_doubling_the_dollars_keeps_any_text(text):
    found = interpolate({"a": text.replace("$", "$$")}, {})
    assert found.data == {"a": text}
    assert not found.problems
