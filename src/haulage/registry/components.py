"""The hook specs that plugins implement, and the records that they yield.

A hook takes no arguments, does no I/O and yields frozen records. What a component needs beyond its options is
imported by `build`, so that listing plugins costs nothing.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from typing import Any, Generic, Protocol, TypeVar, cast

import pluggy
from attrs import field, frozen

from haulage.contracts.context import BuildContext
from haulage.contracts.fetcher import Fetcher
from haulage.contracts.metadata import MetadataStore
from haulage.contracts.policies import Observer, RetryPolicy
from haulage.contracts.storage import Billing, Capabilities, Storage

PROJECT = "haulage"
_Function = TypeVar("_Function", bound=Callable[..., object])

hookspec = cast("Callable[[_Function], _Function]", pluggy.HookspecMarker(PROJECT))
hookimpl = cast("Callable[[_Function], _Function]", pluggy.HookimplMarker(PROJECT))
"""Marks a function of a plugin module as the implementation of the hook of the same name."""

Built = TypeVar("Built", covariant=True)


class Build(Protocol[Built]):
    """Makes a component from its options, an instance of the record's options class."""

    def __call__(self, options: Any, context: BuildContext, /) -> Built:
        """Build it; heavy imports belong here."""


@frozen
class Component(Generic[Built]):
    """What a plugin offers.

    Attributes:
        name: What `type:` in the config says, and the name of the plugin's entry point.
        summary: One line for people.
        options: An attrs class; its fields are the options, made with `haulage.plugin.option`.
        build: Makes the component from an instance of that class and a `BuildContext`; heavy imports belong here.
    """

    name: str
    summary: str
    options: type
    build: Build[Built]


@frozen
class FetcherComponent(Component[Fetcher]):
    """A fetcher."""


@frozen
class StorageComponent(Component[Storage]):
    """A storage, and what it claims of itself.

    Attributes:
        capabilities: What it claims of itself.
        billing: Tells from the options and the context what decides about its price, without asking anybody, or None
            where nobody knows it; None where no service ever sends a bill. `prices:` in the config counts before it.
    """

    capabilities: Capabilities = field(factory=Capabilities)
    billing: Callable[[Any, BuildContext], Billing | None] | None = None


@frozen
class MetadataStoreComponent(Component[MetadataStore]):
    """A metadata store."""


@frozen
class RetryPolicyComponent(Component[RetryPolicy]):
    """A retry policy."""


@frozen
class ExecutorComponent(Component[Executor]):
    """An executor. Its options class has `workers`, the number of tasks that it runs at once."""


@frozen
class ObserverComponent(Component[Observer]):
    """An observer. What is built may have a method `close`, which is called once it is told no more."""


class Hooks(Protocol):
    """The hooks of haulage: implement any of them in a module and name it in the entry-point group `haulage.v1`."""

    @hookspec
    def haulage_fetchers(self) -> Iterable[FetcherComponent]:
        """Offer fetchers: they turn URLs into local files."""

    @hookspec
    def haulage_storages(self) -> Iterable[StorageComponent]:
        """Offer storages: they keep finished objects."""

    @hookspec
    def haulage_metadata_stores(self) -> Iterable[MetadataStoreComponent]:
        """Offer metadata stores: they remember jobs."""

    @hookspec
    def haulage_retry_policies(self) -> Iterable[RetryPolicyComponent]:
        """Offer retry policies: they decide how long to wait."""

    @hookspec
    def haulage_executors(self) -> Iterable[ExecutorComponent]:
        """Offer executors: they run work."""

    @hookspec
    def haulage_observers(self) -> Iterable[ObserverComponent]:
        """Offer observers: they watch what happens to jobs."""


KINDS: dict[type[Component[Any]], tuple[str, str]] = {
    FetcherComponent: ("haulage_fetchers", "fetcher"),
    StorageComponent: ("haulage_storages", "storage"),
    MetadataStoreComponent: ("haulage_metadata_stores", "metadata store"),
    RetryPolicyComponent: ("haulage_retry_policies", "retry policy"),
    ExecutorComponent: ("haulage_executors", "executor"),
    ObserverComponent: ("haulage_observers", "observer"),
}
"""For each kind of record its hook, and what people call it."""
