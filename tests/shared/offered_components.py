"""Components for configs of all kinds: the built-in ones, one with an option of each type, and some in between."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal

import attrs
from attrs import Factory, frozen

from haulage.config.hosts import Host as HostName
from haulage.config.options import option
from haulage.config.sizes import Size
from haulage.errors import Failure, Kind, PluginError
from haulage.registry.builtin import BackoffOptions, LocalOptions, SqlOptions, ThreadsOptions
from haulage.registry.components import (
    ExecutorComponent,
    FetcherComponent,
    MetadataStoreComponent,
    ObserverComponent,
    RetryPolicyComponent,
    StorageComponent,
)


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
