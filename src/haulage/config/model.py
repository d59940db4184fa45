"""What a config says: as it may be written, and as the rest of haulage reads it."""

from collections.abc import Collection, Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol, TypeVar

from attrs import Factory, field, frozen, validators

from haulage.config.hosts import Host
from haulage.config.options import option
from haulage.config.retention import Place, Rule, under
from haulage.config.sizes import Dollars, Size
from haulage.config.subscriptions import Subscription
from haulage.errors import ConfigError
from haulage.keys import DEFAULT_LAYOUT, check_layout
from haulage.registry.components import Component

C = TypeVar("C", bound=Component[Any])


class Offered(Protocol):
    """The components that there are."""

    def find(self, kind: type[C], name: str) -> C:
        """Find a component.

        Raises:
            PluginError: It is missing, broken or offered twice; the message names the cure.
        """

    @property
    def distributions(self) -> Collection[str]:
        """The names of the installed distributions that offer any."""

    def disable(self, names: Iterable[str]) -> None:
        """Find nothing that these distributions offer."""


@frozen
class Chosen:
    """A component that the config names.

    Attributes:
        type: Its name.
        options: An instance of its options class.
    """

    type: str
    options: object = field(repr=False)  # the URL of a database may hold a password


def _layout(_: object, __: object, layout: str) -> None:
    try:
        check_layout(layout)
    except ConfigError as error:
        raise ValueError(error.problems[0].removeprefix("layout ")) from None


def _at_least_a_second(_: object, __: object, duration: timedelta) -> None:
    if duration < timedelta(seconds=1):
        raise ValueError("expected at least 1s")


def _not_empty(_: object, __: object, text: str) -> None:
    if not text:
        raise ValueError("expected a path, got an empty text")


@frozen
class Workspace:
    """Where downloads lie until they are stored."""

    path: str = option(
        ".haulage/work",
        help="The folder, on a local disk.",
        example="/mnt/fast/haulage",
        validator=_not_empty,
    )
    min_free: Size = option(
        Size(2 << 30),
        help="Nothing is downloaded while less than this is free on its disk.",
        example="10GiB",
    )
    max_size: Size | None = option(
        None,
        help="Nothing is downloaded while it holds as much as this; without, only its disk counts.",
        example="200GiB",
    )
    keep_failed: timedelta = option(
        timedelta(days=7),
        help="How long what was downloaded but could not be stored is kept for another try.",
        example="12h",
    )


@frozen
class Plugins:
    """Which of the installed plugins are used."""

    disable: tuple[str, ...] = option(
        (), help="The distributions whose plugins are not used.", example="[haulage-tape]"
    )


@frozen
class Price:
    """What one storage costs; it counts instead of what a table of prices says."""

    storage: Dollars | None = option(None, help="For a GB and month.", example="0.01 USD")
    write: Dollars | None = option(None, help="For 1,000 requests that write.", example="0.005 USD")


@frozen
class Budget:
    """How large and how dear the archive may get."""

    max_bytes: Size | None = option(
        None,
        help="Nothing is downloaded while all storages together hold as much as this.",
        example="500GB",
        validator=validators.optional(validators.gt(0)),
    )
    max_monthly_cost: Dollars | None = option(
        None,
        help="Nothing is downloaded while what is stored costs as much as this a month, as far as prices are known.",
        example="20 USD",
        validator=validators.optional(validators.gt(0)),
    )


@frozen
class TopLevel:
    """The keys of a config; what a component is told is read by its own options class."""

    storages: Mapping[str, Any] = option(
        Factory(lambda: {"library": {"type": "local", "path": "library"}}),
        help="Where videos go, by name: a path, s3://bucket/prefix, gs://bucket/prefix, or {type: ...}.",
        example='{nas: /mnt/nas/videos, archive: {type: s3, bucket: "${AWS_S3_BUCKET}"}}',
    )
    store_to: tuple[str, ...] = option(
        (),
        help="The storages to use, all by default; the first must have a video for it to count, others are mirrors.",
        example="[archive, nas]",
    )
    database: Any = option(
        "sqlite:///haulage.db", help="What remembers jobs.", example="postgresql://haulage@db/haulage"
    )
    fetcher: Any = option(Factory(dict), help="What downloads; yt-dlp by default.", example="{max_height: 1080}")
    variants: Mapping[str, Any] = option(
        Factory(dict),
        help="Other selections of what is downloaded, by name: options of the fetcher that differ.",
        example="{audio: {audio_only: true}}",
    )
    subscriptions: Mapping[str, Subscription] = option(
        Factory(dict),
        help="Channels, playlists and feeds that `haulage sync` asks for again, by name: a URL, or {url: ...}.",
        example="{news: https://www.youtube.com/@example/videos}",
    )
    retry: Any = option(Factory(dict), help="How long to wait between tries.", example="{attempts: 3, initial: 1s}")
    executor: Any = option(Factory(dict), help="What runs the work; threads by default.", example="{type: threads}")
    workers: Any = option(
        None, help="How many videos at once; short for executor: {type: threads, workers: ...}.", example="4"
    )
    observers: Mapping[str, Any] = option(
        Factory(dict),
        help="What watches the work, by name: a type, or {type: ...}.",
        example="{metrics: {type: prometheus, port: 9464}}",
    )
    workspace: Workspace = option(
        Factory(Workspace),
        help="Where downloads lie until they are stored.",
        example="{path: /mnt/fast/haulage, min_free: 10GiB}",
    )
    prices: Mapping[str, Price] = option(
        Factory(dict),
        help="What storages cost, by name; for S3 and GCS also the tables that come with haulage tell.",
        example="{nas: {storage: 0.01 USD}}",
    )
    budget: Budget = option(
        Factory(Budget),
        help="How large and how dear the archive may get before downloads pause.",
        example="{max_bytes: 500GB, max_monthly_cost: 20 USD}",
    )
    retention: tuple[Rule, ...] = option(
        (),
        help="Which videos `haulage prune` lets go, and which stay whatever any rule says.",
        example="[{storage: archive, max_age: 365d}, {keep_last: 10}]",
    )
    layout: str = option(
        DEFAULT_LAYOUT, help="How objects are named.", example=f'"{DEFAULT_LAYOUT}"', validator=_layout
    )
    private_hosts: tuple[Host, ...] = option(
        (),
        help="Host names, addresses and networks inside the own network that fetching may reach.",
        example="[media.corp, 10.0.0.0/8]",
    )
    lease: timedelta = option(
        timedelta(seconds=90),
        help="How long a worker may be silent before another takes over its job.",
        example="90s",
        validator=_at_least_a_second,
    )
    plugins: Plugins = option(
        Factory(Plugins), help="Which of the installed plugins are used.", example="{disable: [haulage-tape]}"
    )


@frozen
class Config:
    """A whole config, checked.

    Attributes:
        storages: By name, in the order they were written.
        store_to: The names of those to use; the first is the primary one.
        database: The metadata store.
        fetcher: The fetcher.
        variants: The fetcher with the options of each variant, by name.
        subscriptions: What is asked for again, by name, in the order they were written.
        retry: The retry policy.
        executor: The executor.
        observers: By name.
        workspace: Where downloads lie until they are stored.
        prices: What storages cost, by name.
        budget: How large and how dear the archive may get.
        retention: Which videos go, and which stay.
        layout: How objects are named; see haulage.keys.
        private_hosts: What fetching may reach inside the own network.
        lease: How long a worker may be silent.
        folder: Where relative paths start.
    """

    storages: Mapping[str, Chosen]
    store_to: tuple[str, ...]
    database: Chosen
    fetcher: Chosen
    variants: Mapping[str, Chosen]
    subscriptions: Mapping[str, Subscription]
    retry: Chosen
    executor: Chosen
    observers: Mapping[str, Chosen]
    workspace: Workspace
    prices: Mapping[str, Price]
    budget: Budget
    retention: tuple[Rule, ...]
    layout: str
    private_hosts: tuple[str, ...]
    lease: timedelta
    folder: Path

    @property
    def rules(self) -> Mapping[Place, Rule]:
        """All rules of retention, by their places: those of all, and those under subscriptions."""
        rules: dict[Place, Rule] = {("retention", index): rule for index, rule in enumerate(self.retention)}
        for name, each in self.subscriptions.items():
            rules |= under(name, each.retention)
        return rules
