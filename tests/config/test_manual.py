from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import pytest
from attrs import Factory, field, frozen
from hypothesis import given
from hypothesis import strategies as st

from haulage.config.document import parse
from haulage.config.hosts import Host as Address
from haulage.config.load import load
from haulage.config.manual import Entry, entries, example, word, written
from haulage.config.options import option
from haulage.config.structure import structure
from haulage.plugin import ExecutorComponent, FetcherComponent, ObserverComponent, StorageComponent, hookimpl
from haulage.registry.host import Host


@frozen
class Inner:
    path: str = option("here", help="Where.")
    depth: int = option(3, help="How deep.")


@frozen
class Options:
    bucket: str = option(help="Its name.", example='"${BUCKET}"')
    size: int = option(help="How large.")
    wait: timedelta = option(timedelta(hours=1), help="How long.", example="5m")
    names: tuple[str, ...] = option(Factory(lambda: ("a", "b c")), help="Which.")
    inner: Inner = option(Factory(Inner), help="More of it.")
    later: str = option(Factory(lambda self: self.bucket, takes_self=True), help="Made of another.")
    maybe: float | None = option(None, help="Perhaps.")
    secret: str = option("", help="The key.", secret=True)
    plain: "bool" = False
    hidden: int = field(init=False, default=0)


def component(kind=StorageComponent, name="tape", options=Options):
    return kind(name, "A tape.", options, lambda options, context: None)


def test_options_are_described():
    """In their order, with defaults as they would be written, and without what cannot be given."""
    assert entries(component()) == (
        Entry("bucket", "text", None, "Its name.", '"${BUCKET}"', False),
        Entry("size", "whole number", None, "How large.", "", False),
        Entry("wait", "duration", "1h", "How long.", "5m", False),
        Entry("names", "list of text", '[a, "b c"]', "Which.", "", False),
        Entry("inner", "mapping", "{path: here, depth: 3}", "More of it.", "", False),
        Entry("later", "text", "", "Made of another.", "", False),
        Entry("maybe", "number or nothing", "", "Perhaps.", "", False),
        Entry("secret", "text", '""', "The key.", "", True),
        Entry("plain", "true or false", "false", "", "", False),
    )


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (str, "text"),
        (int, "whole number"),
        (float, "number"),
        (bool, "true or false"),
        (timedelta, "duration"),
        (Address, "host or network"),
        (Any, "anything"),
        (str | None, "text or nothing"),
        (Literal["slow", "very fast", 3], 'slow or "very fast" or 3'),
        (tuple[Address, ...], "list of host or network"),
        (list, "list"),
        (Mapping[str, int], "mapping"),
        (Inner, "mapping"),
        (complex, "complex"),
    ],
)
def test_types_are_told_in_words(kind, said):
    """Nothing of Python is left in them."""
    assert word(kind) == said


def test_an_example_has_what_must_be_given_and_what_has_an_example():
    """A placeholder stands where there is none."""
    assert example(component()) == (
        'storages:\n  archive:\n    type: tape\n    bucket: "${BUCKET}"\n    size: ...\n    wait: 5m'
    )
    assert example(component(ObserverComponent, "on", Inner)) == "observers:\n  watcher:\n    type: on"
    assert example(component(ExecutorComponent, "3", Inner)) == 'executor:\n  type: "3"'
    assert example(component(FetcherComponent, "a: b", Inner)) == 'fetcher:\n  type: "a: b"'


class Everything:
    """All built-in components, and a fetcher, since nothing goes without one."""

    @hookimpl
    def haulage_fetchers(self):
        yield component(FetcherComponent, "yt-dlp", Inner)


def test_the_examples_of_what_is_built_in_work_as_they_are(monkeypatch):
    """Each can be pasted into an empty config."""
    import sys

    monkeypatch.setitem(sys.modules, "everything", Everything())
    host = Host(["everything"], points=[])
    offers = [offer for offer, _ in host.survey()[0]]
    assert len(offers) >= 5
    for offer in offers:
        config = load(example(offer.record), "haulage.yaml", Path("/srv"), {}, host)
        chosen = {config.database, config.fetcher, config.retry, config.executor}
        chosen |= {*config.storages.values(), *config.observers.values()}
        assert offer.record.name in {each.type for each in chosen}


texts = st.text(st.characters(codec="utf-8"))
values = st.one_of(
    texts,
    st.integers(),
    st.booleans(),
    st.none(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.lists(texts),
    st.dictionaries(st.from_regex(r"[a-z]+", fullmatch=True), st.integers()),
)


@given(values)
def test_what_is_written_is_read_again(value):
    """Whatever a default is, it can be copied into a config."""
    assert parse(f"x: {written(value)}\ny: [{written(value)}]\n", "a.yaml").data == {"x": value, "y": [value]}


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=36500)))
def test_durations_are_written_as_people_do(value):
    """With the largest unit of which they are a whole number."""
    assert structure(written(value), timedelta) == value
    assert written(timedelta(0)) == "0s"
    assert [written(timedelta(**each)) for each in ({"hours": 24}, {"seconds": 90}, {"milliseconds": 1500})] == [
        "1d",
        "90s",
        "1500ms",
    ]


def test_values_of_options_classes_are_mappings():
    """As they would be written."""
    assert written(Inner()) == "{path: here, depth: 3}"
