# ruff: noqa: E501 - the tables hold messages as they are
from datetime import timedelta
from pathlib import Path

import attrs
import pytest
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st

from haulage.config.load import disable, load
from haulage.config.model import Workspace
from haulage.config.options import option
from haulage.errors import ConfigError, Failure, Kind, PluginError
from haulage.keys import DEFAULT_LAYOUT
from haulage.registry.components import (
    ExecutorComponent,
    FetcherComponent,
    MetadataStoreComponent,
    ObserverComponent,
    RetryPolicyComponent,
    StorageComponent,
)

FOLDER = Path("/srv/videos")


@frozen
class Local:
    path: str = option(help="Where.", example="/mnt/videos")


@frozen
class S3:
    bucket: str = option(help="Its name.")
    prefix: str = option("", help="What keys begin with.")
    token: str = option("", help="The key to it.", secret=True)


@frozen
class SQL:
    url: str = option(help="Where.")
    password: str | None = option(None, help="Kept out of the URL.", secret=True)


@frozen
class YtDlp:
    max_height: int | None = option(None, help="In lines.")


@frozen
class Exponential:
    attempts: int = option(3, help="How many tries.", validator=attrs.validators.ge(1))
    initial: timedelta = option(timedelta(seconds=1), help="The first wait.")


@frozen
class Never:
    pass


@frozen
class Log:
    level: str = option("info", help="How much.")


@frozen
class Threads:
    workers: int = option(4, help="How many.")


def build(options, context):
    raise AssertionError("loading builds nothing")


OFFERED = [
    StorageComponent("local", "A folder.", Local, build),
    StorageComponent("s3", "A bucket.", S3, build),
    StorageComponent("gcs", "A bucket.", S3, build),
    MetadataStoreComponent("sqlalchemy", "A database.", SQL, build),
    FetcherComponent("yt-dlp", "Most sites.", YtDlp, build),
    RetryPolicyComponent("exponential", "Longer and longer.", Exponential, build),
    RetryPolicyComponent("never", "Once is enough.", Never, build),
    ExecutorComponent("threads", "In this process.", Threads, build),
    ObserverComponent("log", "Writes it down.", Log, build),
]


class Offered:
    distributions = ("haulage-s3", "haulage-tape")

    def __init__(self):
        self.disabled = ()

    def disable(self, names):
        self.disabled = tuple(names)

    def find(self, kind, name):
        for component in OFFERED:
            if type(component) is kind and component.name == name:
                return component
        raise PluginError(Failure(Kind.CONFIG, f"nothing offers {name!r}", cure=f"install haulage-{name}"))


def loaded(text, **environ):
    return load(text, "haulage.yaml", FOLDER, environ, Offered())


def problems(text, **environ):
    with pytest.raises(ConfigError) as caught:
        loaded(text, **environ)
    assert caught.value.__cause__ is None
    return [problem.removeprefix("haulage.yaml:") for problem in caught.value.problems]


def test_observers_are_named_and_each_has_a_type():
    """The type alone is enough; without the key there are none."""
    config = loaded("observers: {short: log, long: {type: log, level: debug}}\n")
    assert {name: (each.type, each.options) for name, each in config.observers.items()} == {
        "short": ("log", Log()),
        "long": ("log", Log(level="debug")),
    }
    assert loaded("").observers == {}


@pytest.mark.parametrize("read", [load, disable], ids=["load", "disable"])
def test_plugins_are_disabled_by_their_distributions(read):
    """However the name of the distribution is written."""
    offered = Offered()
    arguments = ["plugins: {disable: [Haulage_Tape]}\n", "haulage.yaml", {}, offered]
    if read is load:
        arguments.insert(2, FOLDER)
    read(*arguments)
    assert offered.disabled == ("Haulage_Tape",)


def test_plugins_can_be_disabled_whatever_else_is_wrong():
    """Only the one key is read then, and it is read strictly."""
    offered = Offered()
    disable("wrokers: x\nfetcher: {type: none}\nplugins: {disable: [haulage-s3]}\n", "a.yaml", {}, offered)
    assert offered.disabled == ("haulage-s3",)
    with pytest.raises(ConfigError) as caught:
        disable("wrokers: x\nplugins: {disable: ['${NAME}', '${LOST}']}\n", "a.yaml", {"NAME": "xyzzy"}, offered)
    assert caught.value.problems == (
        "a.yaml:2:21: plugins.disable[0]: unknown plugin the value of ${NAME}; there are haulage-s3, haulage-tape",
        "a.yaml:2:32: plugins.disable[1]: environment variable LOST is not set; set it or write ${LOST:-default}",
    )


@pytest.mark.parametrize("text", ["", "# later\n", "{}\n"])
def test_no_config_at_all(text):
    config = loaded(text)
    assert {name: (each.type, each.options) for name, each in config.storages.items()} == {
        "library": ("local", Local(path="library"))
    }
    assert config.store_to == ("library",)
    assert (config.database.type, config.database.options) == ("sqlalchemy", SQL(url="sqlite:///haulage.db"))
    assert (config.fetcher.type, config.fetcher.options) == ("yt-dlp", YtDlp())
    assert (config.retry.type, config.retry.options) == ("exponential", Exponential())
    assert (config.executor.type, config.executor.options) == ("threads", Threads())
    workspace = config.workspace
    assert (workspace.path, workspace.min_free, workspace.max_size) == (".haulage/work", 2 * 2**30, None)
    assert workspace.keep_failed == timedelta(days=7)
    assert config.layout == DEFAULT_LAYOUT
    assert config.private_hosts == ()
    assert config.lease == timedelta(seconds=90)
    assert config.folder == FOLDER


def test_everything():
    config = loaded(
        """
        storages:
          archive: {type: s3, bucket: "${BUCKET}", prefix: videos, token: "${TOKEN}"}
          nas: /mnt/nas/videos
          other:
            type: local
            path: ../other
        store_to: [nas, archive]
        database: {url: postgresql://haulage@db/haulage, password: "${PASSWORD}"}
        fetcher: {max_height: 1080}
        retry: {type: never}
        executor: {type: threads, workers: 2}
        workspace: {path: /mnt/fast, min_free: 10GiB, max_size: 1TB, keep_failed: 12h}
        layout: "{source}/{video_id}.{ext}"
        private_hosts: [media.corp, 10.0.0.0/8, "::1"]
        lease: 2m
        """,
        BUCKET="b",
        TOKEN="t",
        PASSWORD="0123",
    )
    assert list(config.storages) == ["archive", "nas", "other"]
    assert config.storages["archive"].options == S3(bucket="b", prefix="videos", token="t")
    assert config.storages["other"].options == Local(path="../other")
    assert config.store_to == ("nas", "archive")
    assert config.database.options == SQL(url="postgresql://haulage@db/haulage", password="0123")
    assert config.fetcher.options == YtDlp(max_height=1080)
    assert (config.retry.type, config.retry.options) == ("never", Never())
    assert config.executor.options == Threads(workers=2)
    assert config.workspace == Workspace(
        path="/mnt/fast", min_free=10 * 2**30, max_size=10**12, keep_failed=timedelta(hours=12)
    )
    assert config.layout == "{source}/{video_id}.{ext}"
    assert config.private_hosts == ("media.corp", "10.0.0.0/8", "::1")
    assert config.lease == timedelta(minutes=2)
    assert "0123" not in repr(config)


@pytest.mark.parametrize(
    ("short", "type_", "options"),
    [
        ("videos", "local", Local(path="videos")),
        ("/mnt/nas/videos", "local", Local(path="/mnt/nas/videos")),
        ("'C:\\videos'", "local", Local(path="C:\\videos")),
        ("s3://bucket", "s3", S3(bucket="bucket")),
        ("s3://bucket/", "s3", S3(bucket="bucket")),
        ("s3://bucket/a/b/", "s3", S3(bucket="bucket", prefix="a/b")),
        ("gs://bucket/a", "gcs", S3(bucket="bucket", prefix="a")),
        ("${URL}", "s3", S3(bucket="bucket", prefix="env")),
        ("s3://${NAME}/x", "s3", S3(bucket="2024", prefix="x")),
        ("${NAME}", "local", Local(path="2024")),
    ],
)
def test_short_forms_of_a_storage(short, type_, options):
    config = loaded(f"storages:\n  nas: {short}\n", URL="s3://bucket/env", NAME="2024")
    assert (config.storages["nas"].type, config.storages["nas"].options) == (type_, options)
    assert type(next(iter(attrs.asdict(config.storages["nas"].options).values()))) is str


def test_other_short_forms():
    config = loaded("workers: ${WORKERS}\ndatabase: sqlite:///other.db\n", WORKERS="7")
    assert (config.executor.type, config.executor.options) == ("threads", Threads(workers=7))
    assert config.database.options == SQL(url="sqlite:///other.db")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("wrokers: 4\n", "1:1: wrokers: unknown option 'wrokers'; did you mean 'workers'?"),
        (
            "xyzzy: {}\n",
            "1:1: xyzzy: unknown option 'xyzzy'; there are budget, database, executor, fetcher, layout, lease, observers,"
            " plugins, prices, private_hosts, retention, retry, storages, store_to, subscriptions, variants, workers,"
            " workspace",
        ),
        ("observers: [watch]\n", "1:1: observers: expected a mapping, got a list"),
        ("observers: {w: 3}\n", "1:13: observers.w: expected a mapping, got 3"),
        ("observers: {w: {level: 3}}\n", "1:13: observers.w: missing option 'type'"),
        ("observers: {w: {type: log, lvl: 3}}\n", "1:28: observers.w.lvl: unknown option 'lvl'; did you mean 'level'?"),
        ("observers: {w: bell}\n", "1:13: observers.w.type: nothing offers 'bell'; install haulage-bell"),
        ("plugins: {disabled: []}\n", "1:11: plugins.disabled: unknown option 'disabled'; did you mean 'disable'?"),
        ("plugins: {disable: haulage-tape}\n", "1:11: plugins.disable: expected a list, got 'haulage-tape'"),
        (
            "plugins: {disable: [haulage-tap]}\n",
            "1:21: plugins.disable[0]: unknown plugin 'haulage-tap'; did you mean 'haulage-tape'?",
        ),
        ("workspace: {free: 2GiB}\n", "1:13: workspace.free: unknown option 'free'; did you mean 'min_free'?"),
        ("workspace: {max_size: much}\n", "1:13: workspace.max_size: expected a size such as 500MB or 2GiB, got 'much'"),
        ("workspace: {path: ''}\n", "1:13: workspace.path: expected a path, got an empty text"),
        ("storages: [a]\n", "1:1: storages: expected a mapping, got a list"),
        ("storages:\n", "1:1: storages: expected a mapping, got nothing"),
        ("storages: {}\n", "1:1: storages: expected at least one storage"),
        ("storages:\n  a: 3\n", "2:3: storages.a: expected a mapping, got 3"),
        ("storages:\n  a:\n    path: x\n", "2:3: storages.a: missing option 'type'"),
        ("storages:\n  a:\n    type: local\n", "2:3: storages.a: missing option 'path'"),
        (
            "storages:\n  a:\n    type: s3\n    buckt: x\n    bucket: x\n",
            "4:5: storages.a.buckt: unknown option 'buckt'; did you mean 'bucket'?",
        ),
        (
            "storages:\n  a: {type: ftp, host: x}\n",
            "2:7: storages.a.type: nothing offers 'ftp'; install haulage-ftp",
        ),
        ("storages:\n  a: {type: 3}\n", "2:7: storages.a.type: expected text in quotes, got 3"),
        (
            "storages:\n  a: ftp://x/y\n",
            "2:3: storages.a: expected a path, s3://bucket/prefix, gs://bucket/prefix, or a mapping with a type,"
            " got 'ftp://x/y'",
        ),
        (
            "storages:\n  a: s3://key:hunter2@bucket\n",
            "2:3: storages.a: expected s3://bucket/prefix without user name and password, got 's3://bucket'",
        ),
        (
            "storages:\n  My NAS: x\n",
            "2:3: storages.My NAS: 'My NAS' is no name for a storage; use a-z 0-9 _ -, and a letter or a digit first",
        ),
        ("store_to: archive\n", "1:1: store_to: expected a list, got 'archive'"),
        ("store_to: []\n", "1:1: store_to: expected at least one storage"),
        ("store_to: [3]\n", "1:12: store_to[0]: expected text in quotes, got 3"),
        ("store_to: [libary]\n", "1:12: store_to[0]: unknown storage 'libary'; did you mean 'library'?"),
        ("store_to: [library, library]\n", "1:21: store_to[1]: 'library' is there twice"),
        ("database: 3\n", "1:1: database: expected a mapping, got 3"),
        ("database: {password: x}\n", "1:1: database: missing option 'url'"),
        ("database: {url: x, password: 12345}\n", "1:20: database.password: expected text in quotes"),
        ("fetcher: yt-dlp\n", "1:1: fetcher: expected a mapping, got 'yt-dlp'"),
        ("fetcher: {max_hight: 3}\n", "1:11: fetcher.max_hight: unknown option 'max_hight'; did you mean 'max_height'?"),
        ("retry: {attempts: 0}\n", "1:9: retry.attempts: 'attempts' must be >= 1: 0"),
        ("retry: {type: never, attempts: 0}\n", "1:22: retry.attempts: unknown option 'attempts'"),
        ("workers: many\n", "1:1: workers: expected a whole number, got 'many'"),
        (
            "executor: {workers: 2}\nworkers: 2\n",
            "2:1: workers: short for executor: {type: threads, workers: ...}; write only one of the two",
        ),
        ("executor: {type: dask}\n", "1:12: executor.type: nothing offers 'dask'; install haulage-dask"),
        ("layout: '{video_id}'\n",
         "1:1: layout: '{video_id}': it must end in .{ext}, so that the files of one video lie together"),
        ("layout: 3\n", "1:1: layout: expected text in quotes, got 3"),
        ("lease: 900ms\n", "1:1: lease: expected at least 1s"),
        ("lease: soon\n", "1:1: lease: expected a duration such as 1s or 2h, got 'soon'"),
        (
            "private_hosts: [media.corp, 10.0.0.1/8]\n",
            "1:29: private_hosts[1]: expected a host name, an address, or a network such as 10.0.0.0/8, got '10.0.0.1/8'",
        ),
    ],
)  # fmt: skip
def test_bad_documents(text, said):
    assert problems(text) == [said]


def test_a_default_that_nothing_offers():
    class Nothing:
        def find(self, kind, name):
            raise PluginError(Failure(Kind.CONFIG, f"nothing offers {name!r}"))

    with pytest.raises(ConfigError) as caught:
        load("retry: {}\n", "haulage.yaml", FOLDER, {}, Nothing())
    assert "haulage.yaml:1:1: fetcher: nothing offers 'yt-dlp'" in caught.value.problems


def test_all_problems_at_once_in_the_order_of_the_document():
    text = """
workers: many
storages:
  archive: {type: s3, bucket: "${BUCKET}", buckt: x}
  nas: "${NAS}/videos"
store_to: [archive, "${FIRST}", nass]
lease: 0
retry: {attempts: "${ATTEMPTS}", initial: x}
wrokspace: {}
"""
    assert problems(text, NAS="") == [
        "2:1: workers: expected a whole number, got 'many'",
        "4:23: storages.archive.bucket: environment variable BUCKET is not set; set it or write ${BUCKET:-default}",
        "4:44: storages.archive.buckt: unknown option 'buckt'; did you mean 'bucket'?",
        "6:21: store_to[1]: environment variable FIRST is not set; set it or write ${FIRST:-default}",
        "6:33: store_to[2]: unknown storage 'nass'; did you mean 'nas'?",
        "7:1: lease: expected at least 1s",
        "8:9: retry.attempts: environment variable ATTEMPTS is not set; set it or write ${ATTEMPTS:-default}",
        "8:34: retry.initial: expected a duration such as 1s or 2h, got 'x'",
        "9:1: wrokspace: unknown option 'wrokspace'; did you mean 'workspace'?",
    ]


def test_syntax_comes_first():
    assert problems("a: 1\na: 2\nwrokers: ${X}\n") == ["2:1: duplicate key 'a'; the first one is in line 1"]


@given(st.text("GHJKQXZ0123456789", min_size=8, max_size=20).map(lambda text: f"X{text}"))
def test_what_the_environment_gave_is_never_shown(value):
    text = """
storages:
  "a": {type: "${X}", bucket: b}
  "b": ftp://${X}/x
  "c": s3://${X}@/x
store_to: ["${X}", a]
database: {url: ["${X}"], password: {x: "${X}"}}
fetcher: ${X}
retry: {attempts: "${X}", initial: "${X}s"}
executor: {type: "x${X}"}
layout: ${X}/{video_id}
lease: ${X}
private_hosts: ["${X}/8"]
workspace: ${X}
"""
    said = problems(text, X=value)
    assert len(said) == 14
    assert not [line for line in said if value in line]
    assert sum("the value of ${X}" in line for line in said) == 12
