"""The components that come with haulage, offered through the same hooks as everybody's."""

from collections.abc import Iterable
from concurrent.futures import Executor
from datetime import timedelta

from attrs import frozen, validators

from haulage.config.options import option
from haulage.contracts.context import BuildContext
from haulage.contracts.metadata import MetadataStore
from haulage.contracts.policies import Observer, RetryPolicy
from haulage.contracts.storage import Capabilities, Storage
from haulage.registry.components import (
    ExecutorComponent,
    MetadataStoreComponent,
    ObserverComponent,
    RetryPolicyComponent,
    StorageComponent,
    hookimpl,
)


@frozen
class LocalOptions:
    """The options of `type: local`."""

    path: str = option(help="The folder that holds the objects; made when it is missing.", example="/mnt/videos")


@frozen
class SqlOptions:
    """The options of `type: sqlalchemy`."""

    url: str = option(
        help="Where the database is: a file of SQLite, or PostgreSQL.", example="postgresql://haulage@db/haulage"
    )
    password: str | None = option(None, help="For PostgreSQL, beside a URL that has none.", secret=True)


@frozen
class BackoffOptions:
    """The options of `type: exponential`."""

    attempts: int = option(3, help="How many tries there are in all.", example="5", validator=validators.ge(1))
    initial: timedelta = option(
        timedelta(seconds=1), help="The wait after the first try.", example="2s", validator=validators.ge(timedelta(0))
    )
    factor: float = option(2.0, help="What each wait is multiplied by to give the next.", validator=validators.ge(1))
    max_delay: timedelta = option(timedelta(hours=1), help="No wait is longer.", validator=validators.ge(timedelta(0)))
    jitter: float = option(
        0.0,
        help="A random part, from 0 to this share of the wait, is added.",
        validator=[validators.ge(0), validators.le(1)],
    )


@frozen
class ThreadsOptions:
    """The options of `type: threads`."""

    workers: int = option(
        4, help="How many videos are worked on at once.", example="8", validator=[validators.ge(1), validators.le(256)]
    )


@frozen
class JsonLinesOptions:
    """The options of `type: jsonl`."""

    path: str = option(
        help="The file that events are appended to; its folder must be there. `-` is standard output.",
        example="events.jsonl",
    )


@frozen
class NoOptions:
    """The options of `type: memory`: none."""


def _local(options: LocalOptions, context: BuildContext) -> Storage:
    from haulage.builtin.local import LocalStorage

    return LocalStorage(context.folder / options.path)


def _memory(options: NoOptions, context: BuildContext) -> Storage:  # noqa: ARG001 - a build's signature
    from haulage.builtin.memory import MemoryStorage, shelf_of

    return MemoryStorage(context.name, shelf_of(context.folder, context.name))


def _sqlalchemy(options: SqlOptions, context: BuildContext) -> MetadataStore:
    from haulage.builtin.sql.store import SqlStore

    return SqlStore.open(options.url, context.folder, options.password)


def _memory_store(options: NoOptions, context: BuildContext) -> MetadataStore:  # noqa: ARG001 - a build's signature
    from haulage.builtin.sql.dialects.sqlite import open_memory
    from haulage.builtin.sql.store import SqlStore

    return SqlStore(open_memory())


def _exponential(options: BackoffOptions, context: BuildContext) -> RetryPolicy:  # noqa: ARG001 - a build's signature
    from haulage.builtin.backoff import ExponentialBackoff

    return ExponentialBackoff(options.attempts, options.initial, options.factor, options.max_delay, options.jitter)


def _jsonl(options: JsonLinesOptions, context: BuildContext) -> Observer:
    from haulage.builtin.jsonl import JsonLines

    return JsonLines(None if options.path == "-" else context.folder / options.path)


def _threads(options: ThreadsOptions, context: BuildContext) -> Executor:  # noqa: ARG001 - a build's signature
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(options.workers, thread_name_prefix="haulage")


@hookimpl
def haulage_storages() -> Iterable[StorageComponent]:
    """Offer plain files, and the memory of this process."""
    yield StorageComponent(
        "local",
        "Plain files in a folder.",
        LocalOptions,
        _local,
        capabilities=Capabilities(checks_content=True, exclusive_create=True),
    )
    yield StorageComponent(
        "memory",
        "The memory of this process.",
        NoOptions,
        _memory,
        capabilities=Capabilities(
            keeps_info=True, checks_content=True, exclusive_create=True, conditional_replace=True
        ),
    )


@hookimpl
def haulage_metadata_stores() -> Iterable[MetadataStoreComponent]:
    """Offer SQL databases, and the memory of this process."""
    yield MetadataStoreComponent("sqlalchemy", "A SQL database: SQLite, or PostgreSQL.", SqlOptions, _sqlalchemy)
    yield MetadataStoreComponent("memory", "The memory of this process.", NoOptions, _memory_store)


@hookimpl
def haulage_retry_policies() -> Iterable[RetryPolicyComponent]:
    """Offer exponential backoff."""
    yield RetryPolicyComponent("exponential", "Waits that grow by a factor.", BackoffOptions, _exponential)


@hookimpl
def haulage_executors() -> Iterable[ExecutorComponent]:
    """Offer threads of this process."""
    yield ExecutorComponent("threads", "Threads of this process.", ThreadsOptions, _threads)


@hookimpl
def haulage_observers() -> Iterable[ObserverComponent]:
    """Offer a file of events."""
    yield ObserverComponent("jsonl", "Each event as a line of JSON.", JsonLinesOptions, _jsonl)
