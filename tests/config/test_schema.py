"""The schema and the loader say the same of a document."""

import copy
import json
import re
import types
from collections.abc import Mapping
from datetime import timedelta
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

import attrs
import jsonschema
import pytest
from attrs import Factory, frozen
from hypothesis import given, settings
from hypothesis import strategies as st

from haulage.config.document import dotted
from haulage.config.hosts import Host as HostName
from haulage.config.load import COMPONENTS, load
from haulage.config.model import TopLevel
from haulage.config.options import option
from haulage.config.schema import schema
from haulage.config.sizes import Size
from haulage.errors import ConfigError, Failure, Kind, PluginError
from haulage.registry.builtin import BackoffOptions, LocalOptions, SqlOptions, ThreadsOptions
from haulage.registry.components import (
    ExecutorComponent,
    FetcherComponent,
    MetadataStoreComponent,
    ObserverComponent,
    RetryPolicyComponent,
    StorageComponent,
)
from haulage.registry.host import Host


def _above_low(instance, attribute, value):
    if value <= instance.low:
        raise ValueError(f"{value} is not above low, which is {instance.low}")


@frozen
class Bucket:
    bucket: str = option(help="Its name.", example="videos")
    prefix: str = option("", help="What keys begin with.")
    token: str = option("", help="The key to it.", secret=True)


@frozen
class Inner:
    path: str = option(help="Where.", example="/mnt/videos")
    deep: int | None = option(None, help="How deep.", validator=attrs.validators.optional(attrs.validators.gt(0)))


@frozen
class Zoo:
    """One option of each type."""

    text: str = option(help="h")
    whole: int = option(1, help="h", validator=[attrs.validators.ge(1), attrs.validators.le(9)])
    number: float = option(1.5, help="h", validator=attrs.validators.lt(9))
    truth: bool = option(False, help="h")
    wait: timedelta = option(timedelta(0), help="h")
    maybe_text: str | None = option(None, help="h")
    maybe_list: list[int] | None = option(None, help="h")
    named: Mapping[str, float] = option(Factory(dict), help="h")
    choice: Literal["slow", "fast", 3] = option("slow", help="h")
    inner: Inner = option(Inner(path="here"), help="h")
    inners: tuple[Inner, ...] = option((), help="h")
    anything: Any = option(None, help="h")
    host: HostName = option(HostName("localhost"), help="h")
    low: int = option(0, help="h")
    high: int = option(10, help="h", validator=_above_low)


@frozen
class YtDlp:
    max_height: int | None = option(None, help="In lines.")
    audio_only: bool = option(False, help="The sound.")
    rate_limit: Size | None = option(None, help="In bytes a second.")


@frozen
class Metrics:
    port: int = option(9090, help="Where.")


@frozen
class Nothing:
    """A component without options."""


def build(options, context):
    raise AssertionError("neither the schema nor the loader builds anything")


OFFERED = (
    StorageComponent("local", "A folder.", LocalOptions, build),
    StorageComponent("s3", "A bucket.", Bucket, build),
    StorageComponent("zoo/of types", "All types.", Zoo, build),
    MetadataStoreComponent("sqlalchemy", "A database.", SqlOptions, build),
    FetcherComponent("yt-dlp", "Most sites.", YtDlp, build),
    RetryPolicyComponent("exponential", "Longer and longer.", BackoffOptions, build),
    RetryPolicyComponent("never", "Once is enough.", Nothing, build),
    ExecutorComponent("threads", "In this process.", ThreadsOptions, build),
    ExecutorComponent("zoo", "In all of them.", Zoo, build),
    ObserverComponent("prometheus", "Metrics.", Metrics, build),
    ObserverComponent("zoo", "All types.", Zoo, build),
)
ENVIRON = {"TEXT": "abc", "NUMBER": "4", "TRUTH": "true", "WAIT": "5s", "NULL": "null", "EMPTY": "", "LIBRARY": "nas"}


class Offered:
    def __init__(self, *components):
        self.all = components

    def find(self, kind, name):
        for component in self.all:
            if type(component) is kind and component.name == name:
                return component
        raise PluginError(Failure(Kind.CONFIG, f"nothing offers {name!r}"))

    distributions = ("haulage-tape", "abc")

    def disable(self, names):
        """Take note: here all components are of other distributions."""

    def components(self, kind):
        return [component for component in self.all if type(component) is kind]


def _pattern(validator, pattern, instance, schema):
    # As JavaScript has it, where $ is the end; in Python it is also what is before a last line feed.
    if isinstance(instance, str) and not re.search(re.sub(r"(?<!\\)\$(?=\||$)", r"\\Z", pattern), instance):
        yield jsonschema.ValidationError(f"{instance!r} does not match {pattern!r}")


Validator = jsonschema.validators.extend(jsonschema.Draft202012Validator, {"pattern": _pattern})
VALIDATOR = Validator(schema(Offered(*OFFERED)))


def problems(document, offered=OFFERED):
    """What the loader says, without the place in the text."""
    try:
        load(json.dumps(document, ensure_ascii=False), "f", Path("/srv"), ENVIRON, Offered(*offered))
    except ConfigError as error:
        return [re.sub(r"^f:\d+:\d+: ", "", problem) for problem in error.problems]
    return []


# What is wrong with a document that the schema takes, one of each: first what concerns several keys ...
LISTED = {
    "store_to names a storage that is not there": (
        {"storages": {"nas": "x"}, "store_to": ["nsa"]},
        r"store_to\[\d+\]: unknown storage .*",
    ),
    "store_to names a storage twice, once by a variable": (
        {"storages": {"nas": "x"}, "store_to": ["nas", "${LIBRARY}"]},
        r"store_to\[\d+\]: .* is there twice",
    ),
    "workers and executor are both there": (
        {"workers": 4, "executor": {"type": "threads"}},
        r"workers: short for executor: .*",
    ),
    "a validator compares two options": (
        {"executor": {"type": "zoo", "text": "", "low": 3, "high": 2}},
        r".*: -?\d+ is not above low, which is -?\d+",
    ),
    "plugins names a distribution that is not there": (
        {"plugins": {"disable": ["haulage-tap"]}},
        r"plugins\.disable\[\d+\]: unknown plugin .*",
    ),
    # ... then what only code can judge; whatever came from a variable is told apart by its place.
    "what a variable holds": ({"workers": "${TEXT}"}, None),
    "a variable that is not set": ({"workers": "${MISSING}"}, None),
    "a layout": ({"layout": "video.{ext}"}, r"layout: .*"),
    "a host": ({"private_hosts": ["a/b"]}, r"(.*\.)?(private_hosts\[\d+\]|host): expected a host name, .*"),
    "a path that is empty": ({"workspace": {"path": ""}}, r"workspace\.path: expected a path, got an empty text"),
    "a duration that is too short": ({"lease": "500ms"}, r"lease: expected at least 1s"),
    "a duration that is too long": ({"lease": "9999999999d"}, r".*: expected a duration .*, got '\d{9,}.*'"),
    # JSON has one kind of number, and no end of them.
    "3.0 for 3": (
        {"workers": 3.0},
        r".*: expected (a whole number|one of .*), got (-?[0-9.]+(\.0|e\+\d+)|a .* too large)",
    ),
    "a number beyond all floats": (
        {"retry": {"factor": 10**400}},
        r".*: expected a number, got a number that is too large",
    ),
}


def from_a_variable(document, problem):
    """Whether a problem is told of a value with a variable, or of options that a variable picks the type for."""
    place = problem.partition(": ")[0]
    for path, value in leaves(document):
        if isinstance(value, str) and "${" in value:
            about = dotted(path[:-1] if path[-1] == "type" else path)
            if re.match(rf"{re.escape(about)}($|[.\[])", place):
                return True
    return False


def leaves(value, path=()):
    """Every value of a document, with its path."""
    yield path, value
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from leaves(item, (*path, key))


def listed(document, problem):
    """Whether a document that the schema takes may have this problem."""
    patterns = [pattern for _, pattern in LISTED.values() if pattern]
    return from_a_variable(document, problem) or any(re.fullmatch(pattern, problem, re.DOTALL) for pattern in patterns)


# Documents: what fits, made from the options classes, and then up to three mistakes.

TEXTS = st.sampled_from(["", "abc", "a b\n", "$5", "$$", "$${X}", "${TEXT}", "x-${TEXT:-y}", "${NO:-}", "true", "0123"])
SCALARS = {
    str: TEXTS,
    int: st.integers(1, 12) | st.sampled_from(["${NUMBER}", "${NO:-4}"]),
    float: st.integers(1, 12) | st.floats(1, 12) | st.sampled_from(["${NUMBER}", "${NO:-.5}"]),
    bool: st.booleans() | st.just("${TRUTH}"),
    timedelta: st.sampled_from(["1s", "90d", "1.5 h", "500ms", 1, 0.25, "${WAIT}", "${NUMBER}m"]),
    Size: st.sampled_from([0, 4096, "1B", "2.5 MiB", "500MB", "${NUMBER}", "${NUMBER}GB"]),
    HostName: st.sampled_from(["localhost", "10.0.0.0/8", "::1", "${TEXT}"]),
}
JUNK = st.sampled_from([
    None, True, 0, 1, -1, 10, 3.0, 2.5, 1e300, 10**400, [], {}, [None], ["a", "a"], {"a": 1}, {"type": "local"},
    {"type": "${TEXT}", "more": "$"}, {"type": "never"}, {"type": "zoo", "text": "${"}, "", "a", "4", "true", "local",
    "nas", "zoo", "1s", "1s\n", "1 fortnight", "9999999999d", "${", "${}", "${TEXT", "${MISSING}", "${NULL}",
    "${EMPTY}", "$${TEXT}", "$$${TEXT}", "${A:-${B}}", "${A:-}}", "s3://b", "S3://b//c", "s3://", "s3:///c", "s3://u@b",
    "gs://b", "ftp://x", "${TEXT}://x", "s3://${TEXT}", "{channel_id}/{video_id}.{ext}", "\u00e4\ntext",
]).map(copy.deepcopy)  # fmt: skip
KEYS = st.sampled_from(["", "type", "path", "workers", "executor", "storages", "Nas", "nas", "a b", "${TEXT}", "text"])


def fitting(kind):
    """Values of a type."""
    origin, arguments = get_origin(kind) or kind, get_args(kind)
    if kind in SCALARS:
        return SCALARS[kind]
    if attrs.has(kind):
        return options(kind)
    if origin in (list, tuple):
        return st.lists(fitting(arguments[0]), max_size=2)
    if origin is Mapping:
        return st.dictionaries(st.sampled_from(["a", "B c"]), fitting(arguments[1]), max_size=2)
    if origin is Literal:
        return st.sampled_from([*arguments, "${NO:-fast}"])
    if origin in (Union, types.UnionType):
        return st.sampled_from([None, "${NULL}"]) | fitting(arguments[0])
    assert kind is Any
    return JUNK


def options(kind, **own):
    """Options of a class; those that have a default may be missing."""
    attrs.resolve_types(kind)
    given = {each.name: own[each.name] if each.name in own else fitting(each.type) for each in attrs.fields(kind)}
    must = {each.name for each in attrs.fields(kind) if each.default is attrs.NOTHING}
    return st.fixed_dictionaries(
        {key: values for key, values in given.items() if key in must},
        optional={key: values for key, values in given.items() if key not in must},
    )


def component(kind, default=""):
    """A mapping that chooses a component."""
    made = []
    for each in OFFERED:
        if type(each) is kind:
            chosen = st.just(each.name) | st.just("${NO:-" + each.name + "}")
            made.append(st.builds(lambda type_, rest: {"type": type_, **rest}, chosen, options(each.options)))
            if each.name == default:
                made.append(options(each.options))
    return st.one_of(made)


STORAGES = TEXTS | st.sampled_from(["/mnt/nas", "s3://b/c", "${TEXT}"]) | component(StorageComponent)
OWN = {
    **{key: component(kind, default) for key, (kind, default) in COMPONENTS.items()},
    "storages": st.dictionaries(st.sampled_from(["nas", "a-1"]), STORAGES, min_size=1),
    "variants": st.dictionaries(st.sampled_from(["audio", "720p"]), options(YtDlp), max_size=2),
    "observers": st.dictionaries(TEXTS, st.sampled_from(["prometheus", "zoo"]) | component(ObserverComponent)),
    "store_to": st.lists(st.sampled_from(["nas", "a-1", "${LIBRARY}"]), min_size=1, max_size=2, unique=True),
    "workers": SCALARS[int],
    "layout": st.sampled_from(["{channel_id}/{video_id}.{ext}", "${NO:-x}{video_id}.{ext}"]),
}
OWN["database"] = TEXTS | OWN["database"]
FITTING = options(TopLevel, **OWN)


@st.composite
def documents(draw):
    """Documents with no mistake, or with a few."""
    document = draw(FITTING)
    for _ in range(draw(st.integers(0, 3))):
        path = draw(st.sampled_from([path for path, _ in leaves(document)]))
        target = document
        for key in path[:-1]:
            target = target[key]
        if isinstance(target, dict) and draw(st.booleans()):
            target[draw(KEYS)] = draw(JUNK)
        elif path:
            target[path[-1]] = draw(JUNK)
            if draw(st.booleans()):
                del target[path[-1]]
    return document


@settings(max_examples=500, deadline=None)
@given(documents())
def test_what_structures_is_valid(document):
    """The schema takes every document that the loader takes."""
    if not problems(document):
        VALIDATOR.validate(document)


@settings(max_examples=500, deadline=None)
@given(documents())
def test_what_is_valid_structures(document):
    """The loader takes every document that the schema takes, but for a listed reason."""
    if VALIDATOR.is_valid(document):
        assert [problem for problem in problems(document) if not listed(document, problem)] == []


@pytest.mark.parametrize("name", LISTED)
def test_what_the_schema_cannot_say(name):
    """Each listed problem is one that the schema takes and the loader tells."""
    document, pattern = LISTED[name]
    VALIDATOR.validate(document)
    [problem] = problems(document)
    assert re.fullmatch(pattern, problem) if pattern else from_a_variable(document, problem)


EDGES = [
    ({}, True),
    ({"storages": {}}, False),
    ({"storages": {"Nas": "x"}}, False),
    ({"storages": {"nas": None}}, False),
    ({"storages": {"nas": {}}}, False),
    ({"storages": {"nas": "S3://bucket//prefix/"}}, True),
    ({"storages": {"nas": "s3://me@bucket"}}, False),
    ({"storages": {"nas": "ftp://x"}}, False),
    ({"storages": {"nas": "${"}}, False),
    ({"storages": {"nas": {"type": "${NO:-local}", "path": "x"}}}, True),
    ({"storages": {"nas": {"type": "${NO:-local}", "path": "${"}}}, False),
    ({"storages": {"nas": {"type": "${NO:-s3}", "bucket": "x", "prefix": "${A:-}}"}}}, True),
    ({"store_to": []}, False),
    ({"store_to": ["library", "library"]}, False),
    ({"store_to": ["library"]}, True),
    ({"fetcher": None}, False),
    ({"fetcher": {"max_height": None}}, True),
    ({"fetcher": {"max_height": "${NULL}"}}, True),
    ({"executor": {"type": "zoo", "text": "", "maybe_list": "${NULL}"}}, True),
    ({"executor": {"type": "zoo", "text": "", "maybe_list": "null"}}, False),
    ({"executor": {"type": "zoo", "text": "", "anything": [{"a": "$${"}]}}, True),
    ({"executor": {"type": "zoo", "text": "", "anything": [{"a": "${"}]}}, False),
    ({"executor": {"type": "zoo"}}, False),
    ({"workers": 256}, True),
    ({"workers": 257}, False),
    ({"workers": True}, False),
    ({"workers": "4"}, False),
    ({"workers": "${NUMBER}"}, True),
    ({"workers": "$${NUMBER}"}, False),
    ({"retry": {"type": "never", "attempts": 3}}, False),
    ({"retry": {"jitter": 1.5}}, False),
    ({"lease": 86399999999999.9}, True),
    ({"lease": 86400000000000}, False),
    ({"lease": "90s\n"}, False),
    ({"lease": "${NUMBER}m"}, True),
    ({"layout": None}, False),
]


@pytest.mark.parametrize(("document", "good"), EDGES)
def test_edges(document, good):
    """The schema and the loader agree where chance would seldom lead."""
    assert VALIDATOR.is_valid(document) == good
    assert (problems(document) == []) == good


def valid(document, *offered):
    """Whether a schema of these components takes a document; the loader must say the same."""
    found = Validator(schema(Offered(*offered))).is_valid(document)
    assert found == (problems(document, offered) == [])
    return found


def test_a_default_that_is_not_installed():
    """Where the default type is missing, another must be written."""
    others = [each for each in OFFERED if each.name != "yt-dlp"]
    curl = FetcherComponent("curl", "Files.", Nothing, build)
    assert not valid({}, *others, curl)
    assert not valid({"fetcher": {}}, *others, curl)
    assert valid({"fetcher": {"type": "curl"}}, *others, curl)


def test_a_short_form_of_what_is_not_installed():
    """A short form is taken where the component is there that it stands for."""
    buckets = {"storages": {"archive": "s3://bucket/prefix"}}
    assert valid(buckets, *OFFERED)
    assert not valid(buckets, *(each for each in OFFERED if each.name != "s3"))
    others = [each for each in OFFERED if each.name != "sqlalchemy"]
    memory = MetadataStoreComponent("memory", "Forgets.", Nothing, build)
    assert valid({"database": {"type": "memory"}}, *others, memory)
    assert not valid({"database": "sqlite:///x.db"}, *others, memory)
    others = [each for each in OFFERED if each.name != "threads"]
    assert not valid({"workers": 4, "executor": {"type": "zoo", "text": ""}}, *others)


def test_what_an_editor_is_told():
    """A key comes with its help, default and example; a type with its summary; bounds are those of the validators."""
    made = schema(Offered(*OFFERED))
    assert made["properties"]["lease"] == {
        "type": ["number", "string"],
        "minimum": 0,
        "exclusiveMaximum": 86400000000000,
        "pattern": made["properties"]["lease"]["pattern"],
        "patternErrorMessage": "expected a duration such as 1s or 2h",
        "description": "How long a worker may be silent before another takes over its job.",
        "default": "90s",
        "examples": ["90s"],
    }
    workers = made["properties"]["workers"]
    assert (workers["default"], workers["minimum"], workers["maximum"]) == (4, 1, 256)
    assert workers["description"].startswith("How many videos at once; short for")
    assert made["properties"]["retry"]["properties"]["type"] == {
        "description": "Which one.",
        "anyOf": [
            {"const": "exponential", "description": "Longer and longer."},
            {"const": "never", "description": "Once is enough."},
            {"$ref": "#/$defs/variable"},
        ],
        "default": "exponential",
    }


def parts(value):
    """Every schema in a schema that has a default or examples."""
    if isinstance(value, dict):
        if isinstance(value.get("description"), str):
            yield value
        for item in value.values():
            yield from parts(item)


def test_defaults_and_examples_are_valid():
    """Whatever an editor proposes is what the schema takes."""
    made = schema(Offered(*OFFERED))
    proposed = [(part, each) for part in parts(made) for each in [*part.get("examples", ()), part.get("default", ...)]]
    assert len(proposed) > 40
    for part, value in proposed:
        if value is not ...:
            Validator({**part, "$defs": made["$defs"]}).validate(value)


def test_what_is_installed():
    """The schema of the built-in components is a good one; a plugin that does not load is left out."""
    made = schema(Host(points=[EntryPoint("s3", "no_such_module", "haulage.v1")]))
    Validator.check_schema(made)
    assert {name for name in made["$defs"] if "." in name} == {
        "storage.local",
        "storage.memory",
        "database.memory",
        "database.sqlalchemy",
        "retry.exponential",
        "executor.threads",
    }
    assert made["required"] == ["fetcher"]
