"""From a recipe to living components: each is built when it is first needed, and once for each pipeline and process."""

import contextlib
import logging
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from pathlib import Path
from typing import Any, TypeVar

from haulage.billing.rates import Rate, rates
from haulage.config.hidden import called_secret, hidden
from haulage.config.load import load
from haulage.config.model import Budget, Chosen
from haulage.contracts.context import BuildContext
from haulage.contracts.destinations import Destinations
from haulage.contracts.fetcher import Fetcher
from haulage.contracts.metadata import MetadataStore
from haulage.contracts.policies import Observer, Recipe, RetryPolicy
from haulage.errors import Failure, HaulageError, Kind, PluginError
from haulage.pipeline.budget import Allowance
from haulage.pipeline.job import Carrier
from haulage.pipeline.listing import Lister
from haulage.pipeline.patience import PatientStore
from haulage.pipeline.presence import check_presence
from haulage.pipeline.removal import Remover
from haulage.pipeline.space import Space
from haulage.pipeline.sweeper import Sweeper
from haulage.pipeline.transfer import Place, Transfer
from haulage.pipeline.worker import Worker
from haulage.pipeline.workspace import Workspace
from haulage.registry.components import (
    KINDS,
    Component,
    ExecutorComponent,
    FetcherComponent,
    MetadataStoreComponent,
    ObserverComponent,
    RetryPolicyComponent,
    StorageComponent,
)
from haulage.registry.host import Host
from haulage.registry.loading import reason
from haulage.secrets import keep_secret, public_traceback, redact
from haulage.values import Job

Part = TypeVar("Part")

_log = logging.getLogger(__name__)


class _Places(Mapping[str, Place]):
    """The storages of a config, by name; each is built when it is first needed."""

    def __init__(self, assembly: "Assembly") -> None:
        self._assembly = assembly

    def __getitem__(self, name: str) -> Place:
        return self._assembly.place(name)

    def __contains__(self, name: object) -> bool:
        return name in self._assembly.config.storages

    def __iter__(self) -> Iterator[str]:
        return iter(self._assembly.config.storages)

    def __len__(self) -> int:
        return len(self._assembly.config.storages)


class Assembly:
    """The components that a config names, wired together. Safe to use from many threads.

    Args:
        recipe: The config as it was written.

    Raises:
        ConfigError: It is wrong.
        PluginError: A module that it names could not be loaded.

    Attributes:
        host: The plugins.
        config: The config.
    """

    def __init__(self, recipe: Recipe) -> None:
        self.host = Host(recipe.modules, no_plugins=recipe.no_plugins)
        overrides = dict(recipe.overrides)
        self.config = load(recipe.document, recipe.name, Path(recipe.folder), os.environ, self.host, overrides)
        keep_secret(*hidden(self.config), *called_secret(os.environ))
        self._lock = threading.RLock()
        self._parts: dict[str, Any] = {}
        self._stack = contextlib.ExitStack()

    def _part(self, name: str, make: Callable[[], Part]) -> Part:
        with self._lock:
            if name not in self._parts:
                self._parts[name] = make()
            part: Part = self._parts[name]
            return part

    def _build(self, kind: type[Component[Any]], chosen: Chosen, name: str) -> Any:
        variants = {name: variant.options for name, variant in self.config.variants.items()}
        context = BuildContext(name, self.config.folder, dict(os.environ), self.config.private_hosts, variants)
        component = self.host.find(kind, chosen.type)
        try:
            return component.build(chosen.options, context)
        except HaulageError:
            raise
        except Exception as error:
            said = redact(f"{KINDS[kind][1]} '{chosen.type}' cannot be built: {reason(error)}")
            raise PluginError(Failure(Kind.BUG, said)) from error

    def _closing(self, kind: type[Component[Any]], chosen: Chosen, name: str) -> Any:
        built = self._build(kind, chosen, name)
        self._stack.callback(built.close)
        return built

    @property
    def store(self) -> PatientStore:
        """Remembers jobs; prepared, and waited for where it is away for a while afterwards.

        Raises:
            HaulageError: It cannot be used; likewise for all that follows.
        """

        def make() -> PatientStore:
            store: MetadataStore = self._closing(MetadataStoreComponent, self.config.database, "database")
            store.prepare()
            return PatientStore(store, self.config.lease)

        return self._part("store", make)

    @property
    def fetcher(self) -> Fetcher:
        """Downloads."""

        def make() -> Fetcher:
            fetcher: Fetcher = self._closing(FetcherComponent, self.config.fetcher, "fetcher")
            return fetcher

        return self._part("fetcher", make)

    @property
    def workspace(self) -> Workspace:
        """Where downloads lie."""
        return self._part("workspace", lambda: Workspace(self.config.folder / self.config.workspace.path))

    @property
    def space(self) -> Space:
        """Whether there is room for downloads."""
        told = self.config.workspace

        def make() -> Space:
            limits = self.workspace.root, told.min_free, told.max_size
            if self.config.budget == Budget():
                return Space(*limits)
            return Space(*limits, Allowance(self.config.budget, self.rates, self.store).shortage)

        return self._part("space", make)

    @property
    def rates(self) -> Mapping[str, Rate]:
        """What the storages of the config cost, by name; nobody is asked for it."""
        return self._part("rates", lambda: rates(self.config, self.host))

    def place(self, name: str) -> Place:
        """A storage of the config, and what it claims of itself."""

        def make() -> Place:
            chosen = self.config.storages[name]
            capabilities = self.host.find(StorageComponent, chosen.type).capabilities
            return Place(self._closing(StorageComponent, chosen, name), capabilities)

        return self._part(f"storage {name}", make)

    @property
    def policy(self) -> RetryPolicy:
        """Decides how long to wait before what failed is tried again."""

        def make() -> RetryPolicy:
            policy: RetryPolicy = self._build(RetryPolicyComponent, self.config.retry, "retry")
            return policy

        return self._part("policy", make)

    @property
    def transfer(self) -> Transfer:
        """Stores, in whatever storage of the config it shall."""
        return Transfer(_Places(self), self.destinations, self.config.layout)

    @property
    def destinations(self) -> Destinations:
        """The storages that shall hold the video of a job, and of which subscriptions they are others."""
        own = {name: each.store_to for name, each in self.config.subscriptions.items() if each.store_to}
        return Destinations(self.config.store_to, own)

    @property
    def remover(self) -> Remover:
        """Deletes what is stored, in whatever storage of the config it lies."""
        config = self.config
        return Remover(
            lambda name: self.place(name) if name in config.storages else None,
            self.destinations,
            config.lease,
            lambda name: check_presence(self.store, name, self.place(name)),
        )

    def _observer(self, name: str) -> Observer:
        observer: Observer = self._build(ObserverComponent, self.config.observers[name], name)

        def close() -> None:
            try:
                getattr(observer, "close", lambda: None)()
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # SystemExit too: what was hauled is hauled
                told = {"traceback": public_traceback(error)}
                _log.warning("observer '%s' raised when it was closed", name, extra=told)

        self._stack.callback(close)
        return observer

    @property
    def worker(self) -> Worker:
        """Works, with everything that a job may need."""

        def make() -> Worker:
            config = self.config
            for name in self.destinations.storages:
                self.place(name)  # what cannot be used is told before anything is downloaded
            transfer = self.transfer
            whole = frozenset(name for name, each in config.subscriptions.items() if each.whole)
            lister = Lister(self.store, self.fetcher, whole)
            carrier = Carrier(
                self.store, self.fetcher, self.policy, transfer, self.remover, self.workspace, self.space, lister
            )
            sweeper = Sweeper(self.store, self.workspace, config.workspace.keep_failed)
            worker = Worker(self.store, carrier, sweeper, config.lease)
            for name in config.observers:
                worker.watch(self._observer(name))
            self._stack.callback(worker.close)
            return worker

        return self._part("worker", make)

    def executor(self) -> tuple[Executor, int]:
        """A new executor, which is the caller's to shut down, and how many tasks it runs at once."""
        chosen = self.config.executor
        return self._build(ExecutorComponent, chosen, "executor"), getattr(chosen.options, "workers", 1)

    def close(self) -> None:
        """Give back all that was built, the last first."""
        self._stack.close()
        self._parts.clear()  # some of them know us: nothing shall wait for the garbage collector


_lock = threading.Lock()
_kept: dict[Recipe, Assembly] = {}
_users: Counter[Recipe] = Counter()


@contextlib.contextmanager
def kept(recipe: Recipe) -> Iterator[Assembly]:
    """Use the assembly of a recipe; the last user in the process closes it: its pipeline, or a task elsewhere."""
    with _lock:
        if recipe not in _kept:
            _kept[recipe] = Assembly(recipe)
        assembly = _kept[recipe]
        _users[recipe] += 1
    try:
        yield assembly
    finally:
        with _lock:
            _users[recipe] -= 1
            last = not _users[recipe]
            if last:
                del _kept[recipe]
        if last:
            assembly.close()


def work_once(recipe: Recipe, batch: str) -> Job | None:
    """Take the next due job and carry it as far as it goes: the one task that executors run.

    Raises:
        HaulageError: What comes next would fail likewise.
    """
    with kept(recipe) as assembly:
        return assembly.worker.work_once(batch)
