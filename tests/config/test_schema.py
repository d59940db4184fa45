"""The schema and the loader say the same of a document."""

import json
import re
from importlib.metadata import EntryPoint
from pathlib import Path

import jsonschema
import pytest
from documents import documents, leaves
from hypothesis import given, settings
from offered_components import OFFERED, Nothing, Offered, build

from haulage.config.document import dotted
from haulage.config.load import load
from haulage.config.schema import schema
from haulage.errors import ConfigError
from haulage.registry.components import FetcherComponent, MetadataStoreComponent
from haulage.registry.host import Host

ENVIRON = {"TEXT": "abc", "NUMBER": "4", "TRUTH": "true", "WAIT": "5s", "NULL": "null", "EMPTY": "", "LIBRARY": "nas"}


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
        r"(subscriptions\..*\.)?store_to\[\d+\]: unknown storage .*",
    ),
    "store_to names a storage twice, once by a variable": (
        {"storages": {"nas": "x"}, "store_to": ["nas", "${LIBRARY}"]},
        r"(subscriptions\..*\.)?store_to\[\d+\]: .* is there twice",
    ),
    "prices names a storage that is not there": (
        {"storages": {"nas": "x"}, "prices": {"nsa": {"storage": "1 USD"}}},
        r"prices\..*: unknown storage .*",
    ),
    "a subscription names a variant that is not there": (
        {"subscriptions": {"news": {"url": "https://a.test/b", "variant": "adio"}}},
        r"subscriptions\..*\.variant: unknown variant .*",
    ),
    "two subscriptions are the same": (
        {"subscriptions": {"news": "https://a.test/b", "talks": {"url": "https://a.test/b"}}},
        r"subscriptions\..*\.url: subscription '.*' has the same URL.* already; write one",
    ),
    "a URL that nobody hauls": (
        {"subscriptions": {"news": "https://:80"}},
        r"subscriptions\..*\.url: .* is not a URL that can be hauled; .*",
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
    "a rule of retention without any": (
        {"retention": [{}]},
        r"(subscriptions\..*\.)?retention\[\d+\]: a rule that says neither .*",
    ),
    "a rule with nothing for a value": (
        {"retention": [{"keep_last": 1, "max_age": None}]},
        r"(subscriptions\..*\.)?retention\[\d+\]\.\w+: expected a value, got nothing; .*",
    ),
    "a rule for a storage that is not there": (
        {"retention": [{"keep_last": 1, "storage": "xyzzy"}]},
        r"(subscriptions\..*\.)?retention\[\d+\]\.storage: unknown storage .*",
    ),
    "a rule for a subscription that is not there": (
        {"retention": [{"keep_last": 1, "subscription": "xyzzy"}]},
        r"retention\[\d+\]\.subscription: unknown subscription .*",
    ),
    "a rule under a subscription that names one": (
        {"subscriptions": {"news": {"url": "https://a.test/b", "retention": [{"keep_last": 1, "subscription": "x"}]}}},
        r"subscriptions\..*\.retention\[\d+\]\.subscription: the rule is about the subscription .*",
    ),
    "a rule for what has no name": (
        {"retention": [{"keep_last": 1, "channel": ""}]},
        r"(subscriptions\..*\.)?retention\[\d+\]\.(channel|storage|subscription): expected a name, got an empty text",
    ),
    "a rule for whatever is there": (
        {"retention": [{"max_age": 0}]},
        r"(subscriptions\..*\.)?retention\[\d+\]\.max_age: expected more than 0s, .*",
    ),
    "a rule that keeps nothing": (
        {"retention": [{"keep": []}]},
        r"(subscriptions\..*\.)?retention\[\d+\]\.keep: expected .*patterns?, .*",
    ),
    "a rule that keeps all": (
        {"retention": [{"max_age": 1, "keep": ["*"]}]},
        r"(subscriptions\..*\.)?retention\[\d+\]\.keep: keeps all that the rule is about, .*",
    ),
    "two rules for the same": (
        {"retention": [{"keep_last": 1}, {"keep_last": 2}]},
        r"(subscriptions\..*\.)?retention\[\d+\]\.\w+: .*retention\[\d+\] has a \w+ for the same videos already; .*",
    ),
    "no bytes and no dollars at all": ({"retention": [{"max_total": "0B"}]}, r".*: 'max_\w+' must be > 0: 0(\.0)?"),
    "a duration that is too short": ({"lease": "500ms"}, r"lease: expected at least 1s"),
    "a duration that is too long": ({"lease": "9999999999d"}, r".*: expected a duration .*, got '\d{9,}.*'"),
    # JSON has one kind of number, and no end of them.
    "3.0 for 3": (
        {"workers": 3.0},
        r".*: expected (a whole number|a size such as .*|one of .*), got (-?[0-9.]+(\.0|e\+\d+)|a .* too large)",
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


def listed(document, problem):
    """Whether a document that the schema takes may have this problem."""
    patterns = [pattern for _, pattern in LISTED.values() if pattern]
    return from_a_variable(document, problem) or any(re.fullmatch(pattern, problem, re.DOTALL) for pattern in patterns)


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
        "observer.jsonl",
    }
    assert made["required"] == ["fetcher"]
