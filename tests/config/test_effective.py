"""What a config comes to, and the config to start from."""

import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from attrs import Factory, frozen
from hypothesis import given
from hypothesis import strategies as st

from haulage.config.document import parse
from haulage.config.effective import effective
from haulage.config.load import load
from haulage.config.options import option
from haulage.config.starter import starter
from haulage.config.structure import structure
from haulage.config.written import data, line
from haulage.errors import ConfigError, Failure, Kind, PluginError
from haulage.registry.builtin import LocalOptions, SqlOptions, ThreadsOptions
from haulage.registry.components import (
    ExecutorComponent,
    FetcherComponent,
    MetadataStoreComponent,
    RetryPolicyComponent,
    StorageComponent,
)


@frozen
class Site:
    name: str = option(help="Which site.")
    cookie: str = option("", help="What opens it.", secret=True)


@frozen
class Fetching:
    """Defaults that are hard to write."""

    pattern: str = option("^a$|${b}", help="A text with dollar signs.")
    truth: str = option("true", help="A text that looks like something else.")
    empty: str = option("", help="An empty text.")
    several: tuple[str, ...] = option(("a b", "c: d", "#e", "f"), help="Some texts.")
    wait: timedelta = option(timedelta(milliseconds=1500), help="A duration.")
    height: int | None = option(None, help="In lines.")
    headers: Mapping[str, str] = option(Factory(dict), help="To be sent.", secret=True)
    sites: tuple[Site, ...] = option((), help="Where one must log in.")
    site: Site = option(Site(name="example.com"), help="Where one may log in.")
    proxy: Site = option(Site(name=""), help="What stands between.", secret=True)


@frozen
class Bucket:
    bucket: str = option(help="Its name.")
    prefix: str = option("", help="What keys begin with.")
    token: str = option("", help="The key to it.", secret=True)


@frozen
class Nothing:
    """A component without options."""


def build(options, context):
    raise AssertionError("telling what a config comes to builds nothing")


COMPONENTS = [
    StorageComponent("local", "A folder.", LocalOptions, build),
    StorageComponent("s3", "A bucket.", Bucket, build),
    MetadataStoreComponent("sqlalchemy", "A database.", SqlOptions, build),
    FetcherComponent("yt-dlp", "Most sites.", Fetching, build),
    RetryPolicyComponent("exponential", "Longer and longer.", Nothing, build),
    ExecutorComponent("threads", "In this process.", ThreadsOptions, build),
]


class Offered:
    def find(self, kind, name):
        for component in COMPONENTS:
            if type(component) is kind and component.name == name:
                return component
        raise PluginError(Failure(Kind.CONFIG, f"nothing offers {name!r}"))


def told(text, **environ):
    """For each key, what is shown and where it is from."""
    found = effective(text, "f", Path("/srv"), environ, Offered())
    return {each.key: (each.shown, each.place, each.variables) for each in found}


def test_defaults():
    """Without a config every key has its default, and `store_to` names the storages that there are."""
    found = told("")
    assert list(found) == [
        *("storages.library.type", "storages.library.path", "store_to", "database.type", "database.url"),
        "database.password",
        *("fetcher.type", "fetcher.pattern", "fetcher.truth", "fetcher.empty", "fetcher.several", "fetcher.wait"),
        *("fetcher.height", "fetcher.headers", "fetcher.sites", "fetcher.site.name", "fetcher.site.cookie"),
        *("fetcher.proxy.name", "fetcher.proxy.cookie"),
        *("retry.type", "executor.type", "executor.workers"),
        *("workspace.path", "workspace.min_free", "workspace.max_size", "workspace.keep_failed"),
        *("prices", "budget.max_bytes", "budget.max_monthly_cost", "retention"),
        *("layout", "private_hosts", "lease"),
        "plugins.disable",
    ]
    assert {(place, variables) for _, place, variables in found.values()} == {(None, ())}
    assert found["store_to"][0] == ["library"]
    assert found["lease"][0] == "90s"


@pytest.mark.parametrize(
    ("text", "key", "shown"),
    [
        ("workers: 8", "executor.workers", (8, "f:1", ())),
        ("\nexecutor:\n  workers: ${N}\n", "executor.workers", (8, "f:3", ("N",))),
        ("storages:\n  nas: ${NAS}/x\n", "storages.nas.path", ("/mnt/nas/x", "f:2", ("NAS",))),
        ("storages:\n  nas: ${NAS}/x\n", "storages.nas.type", ("local", "f:2", ())),
        ("storages: {a: 's3://b/${NAS}'}", "storages.a.prefix", ("mnt/nas", "f:1", ("NAS",))),
        ("storages: {a: 's3://b/c'}", "storages.a.token", ("", None, ())),
        ("storages:\n  a: {type: s3, bucket: b, token: x}", "storages.a.token", ("***", "f:2", ())),
        ("database: sqlite:///a b.db", "database.url", ("sqlite:///a b.db", "f:1", ())),
        ("database: postgresql://u:${PW}@h/d", "database.url", ("postgresql://h/d", "f:1", ("PW",))),
        ("database: 'postgresql://u:a/hunter2@h/d'", "database.url", ("postgresql://h/d", "f:1", ())),
        ("database: 'postgresql://u:a?hunter2@h/d'", "database.url", ("postgresql://h/d", "f:1", ())),
        ('database: "postgresql://u:a\'b hunter2@h/d"', "database.url", ("postgresql://h/d", "f:1", ())),
        ("database: postgresql://u@h/d?sslpassword=hunter2", "database.url", ("postgresql://h/d", "f:1", ())),
        ("fetcher: {headers: {a: '${PW}'}}", "fetcher.headers", ("***", "f:1", ("PW",))),
        ("fetcher: {site: {name: a, cookie: '${PW}'}}", "fetcher.site.cookie", ("***", "f:1", ("PW",))),
        ("fetcher: {proxy: {name: a}}", "fetcher.proxy.name", ("***", "f:1", ())),
        (
            "fetcher:\n  sites:\n  - {name: a, cookie: '${PW}'}\n  - {name: b}\n",
            "fetcher.sites",
            ([{"name": "a", "cookie": "***"}, {"name": "b", "cookie": ""}], "f:2", ("PW",)),
        ),
        ("workspace:\n  path: ${X:-/tmp}\n", "workspace.path", ("/tmp", "f:2", ())),
        ("private_hosts: ['${H}', a, '${H}']", "private_hosts", (["b", "a", "b"], "f:1", ("H",))),
    ],
)
def test_where_a_value_is_from(text, key, shown):
    """A value comes with its line and variables, short forms are written out, and secrets are masked."""
    assert told(text, N="8", NAS="/mnt/nas", PW="hunter2", H="b")[key] == shown


def test_a_secret_is_not_in_the_repr():
    """Neither is any other value, which may be a URL with a password."""
    found = effective("database: postgresql://u:hunter2@h/d", "f", Path("/srv"), {}, Offered())
    assert "hunter2" not in repr(found)
    assert "hunter2" in repr([each.value for each in found])


def test_a_wrong_config():
    """The problems are those of the loader."""
    with pytest.raises(ConfigError, match="f:1:1: wokers: unknown option"):
        told("wokers: 3")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8"))
        | st.floats(allow_nan=False, allow_infinity=False),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
        max_leaves=8,
    )
)  # fmt: skip
def test_a_line_is_read_as_it_was(value):
    """Plain data that was written on one line, alone or within a list, is the same when it is read."""
    assert parse(f"key: {line(value)}\n", "f").data == {"key": value}
    assert parse(f"within: [{line(value)}]\n", "f").data == {"within": [value]}


@given(st.timedeltas(timedelta(0), timedelta(days=10000)))
def test_a_duration_is_read_as_it_was(duration):
    """A duration that was written is the same when it is read."""
    assert structure(data(duration), timedelta) == duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (90, "90s"), (120, "2m"), (5400, "90m"), (86400, "1d"), (0.5, "500ms"), (1.0001, "1.0001s")],
)
def test_durations_are_short(seconds, text):
    """A duration is written in the largest unit that takes no fraction."""
    assert data(timedelta(seconds=seconds)) == text


def uncommented(text):
    return re.sub(r"(?m)^#(?! )|^#(?=  )", "", text)


def test_the_config_to_start_from():
    """As it is, and without its comment signs, it says what no config says; its first line names the schema."""
    defaults = effective("", "f", Path("/srv"), {}, Offered())
    text = starter(defaults, ".haulage/schema.json")
    assert text.startswith("# yaml-language-server: $schema=.haulage/schema.json\n")
    assert parse(text, "f").data == {}
    full = parse(uncommented(text), "f").data
    assert set(full) == {each.path[0] for each in defaults}
    environ: dict[str, str] = {}
    empty = load("", "f", Path("/srv"), environ, Offered())
    assert load(uncommented(text), "f", Path("/srv"), environ, Offered()) == empty
    assert {each.key: each.value for each in effective(uncommented(text), "f", Path("/srv"), {}, Offered())} == {
        each.key: each.value for each in defaults
    }


def test_how_the_config_to_start_from_looks():
    """Each key comes with its help and an example, each option with its help, above it and as far to the right."""
    text = starter(effective("", "f", Path("/srv"), {}, Offered()), "s.json")
    assert (
        """
# What downloads; yt-dlp by default.
# For example: {max_height: 1080}
#fetcher:
#  type: yt-dlp
#  # A text with dollar signs.
#  pattern: "^a$$|$${b}"
#  # A text that looks like something else.
#  truth: "true"
"""
        in text
    )
    assert (
        """
#  # Where one must log in.
#  sites: []
#  site:
#    # Which site.
#    name: example.com
#    # What opens it.
#    cookie: ""
"""
        in text
    )
