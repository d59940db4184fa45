# ruff: noqa: E501 - the tables hold messages as they are
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Any, Literal

import attrs
import pytest
from attrs import Factory, field, frozen
from hypothesis import given
from hypothesis import strategies as st

from haulage.config.document import dotted
from haulage.config.hosts import Host, is_host
from haulage.config.interpolate import interpolate
from haulage.config.options import Option, describe, option
from haulage.config.primitives import Misfit
from haulage.config.structure import structure


def _short(_, attribute, value):
    if len(value) > 8:
        raise ValueError(f"{attribute.name} must have at most 8 characters, not {len(value)}: {value!r}")


def _after_low(instance, attribute, value):
    if value <= instance.low:
        raise ValueError(f"{value} is not above low, which is {instance.low}")


@frozen
class Inner:
    path: str = option(help="Where.", example="/mnt/videos")


@frozen
class Everything:
    text: str = option("x", help="h", validator=_short)
    whole: int = option(1, help="h", validator=attrs.validators.ge(1))
    number: float = option(1.5, help="h")
    truth: bool = option(False, help="h")
    wait: timedelta = option(timedelta(0), help="h")
    maybe: int | None = option(None, help="h")
    maybe_text: str | None = option(None, help="h")
    several: tuple[str, ...] = option((), help="h")
    listed: list[int] = option(Factory(list), help="h")
    named: Mapping[str, float] = option(Factory(dict), help="h")
    choice: Literal["slow", "fast", 3] = option("slow", help="h")
    inner: Inner = option(Inner(path="here"), help="h")
    inners: tuple[Inner, ...] = option((), help="h")
    anything: Any = option(None, help="h")
    low: int = option(0, help="h")
    high: int = option(10, help="h", validator=_after_low)
    secret: str = option("", help="h", secret=True, validator=_short)
    secret_names: tuple[str, ...] = option((), help="h", secret=True)
    host: Host = option(Host("localhost"), help="h")


def problems(data, kind=Everything, environ=None):
    found = interpolate(data, environ or {})
    assert not found.problems
    with pytest.raises(Misfit) as caught:
        structure(found.data, kind)
    return [": ".join(filter(None, (dotted(each.path), each.text))) for each in caught.value.problems]


@pytest.mark.parametrize(
    ("key", "value", "made"),
    [
        ("text", "3", "3"),
        ("whole", 3, 3),
        ("number", 3, 3.0),
        ("truth", True, True),
        ("wait", "1s", timedelta(seconds=1)),
        ("wait", "90d", timedelta(days=90)),
        ("wait", "1.5h", timedelta(minutes=90)),
        ("wait", "2 m", timedelta(minutes=2)),
        ("wait", "500ms", timedelta(milliseconds=500)),
        ("wait", 90, timedelta(seconds=90)),
        ("wait", 0.25, timedelta(milliseconds=250)),
        ("maybe", None, None),
        ("maybe", 3, 3),
        ("several", ["a", "b"], ("a", "b")),
        ("listed", [1, 2], [1, 2]),
        ("named", {"a": 1}, {"a": 1.0}),
        ("choice", "fast", "fast"),
        ("choice", 3, 3),
        ("inner", {"path": "there"}, Inner(path="there")),
        ("inners", [{"path": "a"}], (Inner(path="a"),)),
        ("anything", {"a": [1, None]}, {"a": [1, None]}),
        ("host", "10.0.0.0/8", "10.0.0.0/8"),
    ],
)
def test_good_values(key, value, made):
    found = getattr(structure({key: value}, Everything), key)
    assert found == made
    assert type(found) is type(made)


@pytest.mark.parametrize(
    ("key", "value", "environ", "made"),
    [
        ("text", "${X}", "0123", "0123"),
        ("text", "${X}", "true", "true"),
        ("maybe_text", "${X}", "", ""),
        ("whole", "${X}", "4", 4),
        ("number", "${X}", "1e3", 1000.0),
        ("truth", "${X}", "false", False),
        ("wait", "${X}", "90", timedelta(seconds=90)),
        ("wait", "${X}m", "90", timedelta(minutes=90)),
        ("maybe", "${X}", "", None),
        ("choice", "${X}", "3", 3),
        ("choice", "${X}", "slow", "slow"),
        ("anything", ["${X}"], "4", [4]),
    ],
)
def test_a_variable_means_what_is_asked_of_it(key, value, environ, made):
    found = getattr(structure(interpolate({key: value}, {"X": environ}).data, Everything), key)
    assert found == made
    assert type(found) is type(made)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"text": 3}, "text: expected text in quotes, got 3"),
        ({"text": None}, "text: expected text, got nothing"),
        ({"text": ["x"]}, "text: expected text, got a list"),
        ({"whole": "many"}, "whole: expected a whole number, got 'many'"),
        ({"whole": "3"}, "whole: expected a whole number, got '3'"),
        ({"whole": True}, "whole: expected a whole number, got true"),
        ({"whole": 3.0}, "whole: expected a whole number, got 3.0"),
        ({"number": False}, "number: expected a number, got false"),
        ({"number": float("inf")}, "number: expected a number, got a number that is too large"),
        ({"number": 10**400}, "number: expected a number, got a number that is too large"),
        ({"truth": 1}, "truth: expected true or false, got 1"),
        ({"truth": "yes"}, "truth: expected true or false, got 'yes'"),
        ({"wait": "1 fortnight"}, "wait: expected a duration such as 1s or 2h, got '1 fortnight'"),
        ({"wait": "90"}, "wait: expected a duration such as 1s or 2h, got '90'"),
        ({"wait": -1}, "wait: expected a duration such as 1s or 2h, got -1"),
        ({"wait": True}, "wait: expected a duration such as 1s or 2h, got true"),
        ({"wait": "9999999999d"}, "wait: expected a duration such as 1s or 2h, got '9999999999d'"),
        ({"wait": float("nan")}, "wait: expected a duration such as 1s or 2h, got a number that is too large"),
        ({"maybe": "x"}, "maybe: expected a whole number, got 'x'"),
        ({"several": "abc"}, "several: expected a list, got 'abc'"),
        ({"several": ["a", 2]}, "several[1]: expected text in quotes, got 2"),
        ({"named": ["a"]}, "named: expected a mapping, got a list"),
        ({"named": {"a": "b"}}, "named.a: expected a number, got 'b'"),
        ({"choice": "quick"}, "choice: expected one of 'slow', 'fast', 3, got 'quick'"),
        ({"choice": "3"}, "choice: expected one of 'slow', 'fast', 3, got '3'"),
        ({"inner": "x"}, "inner: expected a mapping, got 'x'"),
        ({"inner": {}}, "inner: missing option 'path'"),
        ({"inners": [{"path": "x", "pat": 1}]}, "inners[0].pat: unknown option 'pat'; did you mean 'path'?"),
        ({"inner": {"path": "x", "zzz": 1}}, "inner.zzz: unknown option 'zzz'; there is only path"),
        ({"text": "far too long"}, "text: text must have at most 8 characters, not 12: 'far too long'"),
        ({"whole": 0}, "whole: 'whole' must be >= 1: 0"),
        ({"low": 5, "high": 4}, "high: 4 is not above low, which is 5"),
        ({"host": "10.0.0.300"}, "host: expected a host name, an address, or a network such as 10.0.0.0/8, got '10.0.0.300'"),
        ({"text": 3, "whole": 0}, "text: expected text in quotes, got 3|whole: 'whole' must be >= 1: 0"),
        ({"low": "x", "high": 4}, "low: expected a whole number, got 'x'"),
    ],
)  # fmt: skip
def test_problems(data, said):
    assert problems(data) == said.split("|")


@pytest.mark.parametrize(
    ("data", "environ", "said"),
    [
        ({"whole": "${X}"}, "hunter2", "whole: expected a whole number, got the value of ${X}"),
        ({"whole": "${X}"}, "0", "whole: 'whole' must be >= 1: the value of ${X}"),
        ({"whole": "1${X}"}, "hunter2", "whole: expected a whole number, got the value of ${X}"),
        (
            {"text": "${X}"},
            "hunter22222",
            "text: text must have at most 8 characters, not 11: the value of ${X}",
        ),
        ({"choice": "${X}"}, "hunter2", "choice: expected one of 'slow', 'fast', 3, got the value of ${X}"),
        ({"choice": "${NONE:-x}"}, "", "choice: expected one of 'slow', 'fast', 3, got 'x'"),
        ({"secret": 12345}, "", "secret: expected text in quotes"),
        (
            {"secret": "hunter2hunter2"},
            "",
            "secret: secret must have at most 8 characters, not 14: the value",
        ),
        ({"secret_names": ["a", 5]}, "", "secret_names[1]: expected text in quotes"),
        ({"secret_names": {"hunter2": 1}}, "", "secret_names: expected a list"),
    ],
)
def test_what_is_never_shown(data, environ, said):
    assert problems(data, environ={"X": environ}) == [said]


def test_a_url_in_a_message_has_no_password():
    assert problems({"whole": "https://me:hunter2@host/"}) == ["whole: expected a whole number, got 'https://host/'"]


@frozen
class Pair:
    user: str = option("", help="h")
    password: str = option("", help="h", secret=True)

    def __attrs_post_init__(self) -> None:
        if self.user == self.password:
            raise ValueError(f"{self.user} and {self.password.upper()} must differ")


def test_what_a_class_says_of_itself():
    assert problems({}, Pair) == ["and must differ"]
    assert problems({"user": "hunter2", "password": "hunter2"}, Pair) == ["the value is not accepted"]
    environ = {"U": "hunter2"}
    assert problems({"user": "${U}", "password": "hunter2"}, Pair, environ) == ["the value of ${U} is not accepted"]


@frozen
class Range:
    low: int = option(help="h")
    high: int = option(help="h", validator=_after_low)


def test_a_validator_that_looks_at_an_option_that_is_not_there():
    assert problems({"high": 4}, Range) == ["missing option 'low'"]
    assert problems({"low": "x", "high": 4}, Range) == ["low: expected a whole number, got 'x'"]
    assert problems({"low": 4, "high": 4}, Range) == ["high: 4 is not above low, which is 4"]


def test_a_broken_validator_is_a_bug_of_the_plugin():
    @frozen
    class Broken:
        low: int = option(help="h", validator=lambda instance, attribute, value: instance.lo)

    with pytest.raises(AttributeError):
        structure({"low": 1}, Broken)


def test_fields_that_no_option_made():
    @frozen
    class Foreign:
        _hidden: int = 3
        upper: str = field(default="x", converter=str.upper, validator=attrs.validators.in_(["X", "Y"]))
        made: int = field(init=False, default=1)

    assert structure({"hidden": 4, "upper": "y"}, Foreign) == Foreign(hidden=4, upper="y")
    assert problems({"hiden": 4, "made": 2}, Foreign) == [
        "hiden: unknown option 'hiden'; did you mean 'hidden'?",
        "made: unknown option 'made'; there are hidden, upper",
    ]
    assert problems({"upper": "z"}, Foreign) == ["'upper' must be in ['X', 'Y'] (got 'Z')"]


def test_a_type_that_no_option_can_have_is_a_bug_of_the_plugin():
    class Colour(StrEnum):
        RED = "red"

    @frozen
    class Coloured:
        colour: Colour = option(help="h")

    with pytest.raises(TypeError, match="cannot be of type Colour; for a choice, use Literal"):
        structure({"colour": "red"}, Coloured)


def test_an_option_explains_itself():
    fields = attrs.fields_dict(Inner)
    assert describe(fields["path"]) == Option(help="Where.", example="/mnt/videos", secret=False)
    assert describe(attrs.fields_dict(Everything)["secret"]).secret
    assert "hunter2" not in repr(Everything(secret="hunter2"))
    assert describe(attrs.fields_dict(attrs.make_class("Bare", ["x"]))["x"]) == Option()
    with pytest.raises(TypeError):
        Inner()


@pytest.mark.parametrize(
    "text",
    [
        "localhost",
        "media.corp",
        "media.corp.",
        "a_b-c.d",
        "3com.com",
        "10.0.0.1",
        "10.0.0.0/8",
        "::1",
        "fd00::/8",
    ],
)
def test_hosts(text):
    assert is_host(text)


@pytest.mark.parametrize(
    "text",
    ["", " ", "10.0.0.1/8", "10.0.0", "10.0.0.300", "a/b", "http://a", "a:80", "[::1]", "*.corp", "a..b", "-a", "x" * 64,
     "a.b\n", "a." * 130],
)  # fmt: skip
def test_no_hosts(text):
    assert not is_host(text)


@given(st.integers(0, 10**6), st.sampled_from(["ms", "s", "m", "h", "d"]))
def test_durations(count, unit):
    seconds = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}[unit]
    assert abs(structure(f"{count}{unit}", timedelta).total_seconds() - count * seconds) < 1e-3
