"""The pipeline: the door for everybody who uses haulage as a library, the command line included."""

import contextlib
import itertools
import json
import os
import uuid
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

from attrs import evolve

from haulage.contracts.destinations import Mirror
from haulage.contracts.metadata import NewJob, Query, Site
from haulage.contracts.policies import Observer, Recipe
from haulage.contracts.totals import Tally
from haulage.errors import ConfigError
from haulage.pipeline.asked import check_request
from haulage.pipeline.call import Call
from haulage.pipeline.limits import NO_LIMITS, Limits, Watch
from haulage.values import Copy, Job, JobId, Request, Status, Video

if TYPE_CHECKING:
    from haulage.pipeline.assembly import Assembly
    from haulage.pipeline.driver import Driver

_PAGE = 500
"""How many URLs are committed at once."""

ENDED = frozenset(
    {Status.DOWNLOADED, Status.EXPANDED, Status.DUPLICATE, Status.FAILED, Status.UNAVAILABLE, Status.PRUNED}
)
"""The states in which a job may end."""


class Pipeline:
    """Hauls videos from URLs into the storages of a config. A context manager, for use by one thread.

    Example::

        with Pipeline.from_config("haulage.yaml") as pipeline:
            for job in pipeline.run(["https://example.com/video.mp4"]):
                print(job.status, job.video)

    Leaving the block, or the loop, ends what is running as soon as it can: its jobs stay in the queue, and the next
    run goes on with them. It touches no signal. Of several pipelines of one config, also in one process, none ends what
    another one runs, nor do its observers hear of that.

    Args:
        recipe: The config as it was written.
        observers: Told of every event, from the threads that work.

    Attributes:
        limit: Which limit the last run has reached; None where it has reached none. Whether anything is left of it is
            another question.
    """

    def __init__(self, recipe: Recipe, observers: Sequence[Observer] = ()) -> None:
        self._recipe = evolve(recipe, pipeline=uuid.uuid4().hex)
        self._observers = tuple(observers)
        self._stack = contextlib.ExitStack()
        self._assembly: Assembly | None = None
        self._driver: Driver | None = None
        self.limit: Literal["max_duration", "max_bytes"] | None = None

    @classmethod
    def from_config(
        cls,
        source: str | os.PathLike[str] | Mapping[str, Any] | None = None,
        *,
        modules: Sequence[str] = (),
        no_plugins: bool = False,
        observers: Sequence[Observer] = (),
        store_to: Sequence[str] = (),
        workers: int | None = None,
    ) -> Self:
        """Make a pipeline; nothing is built or opened before its block is entered.

        Args:
            source: The path of a YAML file, or what would stand in one; without either, everything is at its default.
            modules: Plugin modules to load on top of the installed plugins.
            no_plugins: Use none of the installed plugins.
            observers: Told of every event, from the threads that work.
            store_to: Counts instead of what the config says.
            workers: How many threads work, whatever the config says.

        Raises:
            ConfigError: The file cannot be read.
        """
        if source is None or isinstance(source, Mapping):
            text, folder, name = json.dumps(dict(source or {}), ensure_ascii=False), Path.cwd(), "the config"
        else:
            path = Path(source)
            try:
                text = path.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
                raise ConfigError(f"cannot read the config {path}: {reason}") from error
            folder, name = path.absolute().parent, path.name
        overrides: dict[str, Any] = {"store_to": tuple(store_to)} if store_to else {}
        overrides |= {} if workers is None else {"workers": workers}
        return cls(Recipe(text, str(folder), tuple(modules), name, no_plugins, tuple(overrides.items())), observers)

    @property
    def recipe(self) -> Recipe:
        """The config as it was written."""
        return self._recipe

    def __enter__(self) -> Self:
        """Read the config; what it names is built when it is first needed.

        Raises:
            ConfigError: The config is wrong.
        """
        from haulage.pipeline.assembly import kept  # here, so that who only imports haulage pays for no registry

        self._assembly = self._stack.enter_context(kept(self._recipe))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._assembly = None
        self._stack.close()

    @property
    def assembly(self) -> "Assembly":
        """The living components; inside the block."""
        if self._assembly is None:
            raise RuntimeError("the pipeline is used outside its `with` block")
        return self._assembly

    def object_url(self, copy: Copy) -> str | None:
        """What people call a stored object; None where the config does not name its storage any more."""
        if copy.storage not in self.assembly.config.storages:
            return None
        return self.assembly.place(copy.storage).url(copy.key)

    def add(self, urls: Iterable[str | Request], *, batch: str = "") -> tuple[JobId, ...]:
        """Put URLs into the queue, durably on return; one that ended before is due once more.

        Args:
            urls: URLs, or requests that name a variant too. Committed in pages as they come.
            batch: What they belong to.

        Returns:
            The ids of their jobs, in order.

        Raises:
            ConfigError: One is not a URL that can be hauled, or names no variant; the pages before it were committed.
        """
        ids: list[JobId] = []
        pending = iter(urls)
        variants = self.assembly.config.variants
        while page := [check_request(each, variants) for each in itertools.islice(pending, _PAGE)]:
            site = self.assembly.fetcher.site
            self.assembly.store.add([NewJob(each, site(each.url)) for each in page], batch=batch, again=True)
            ids += [each.id for each in page]
        return tuple(ids)

    def expand(self, request: str | Request) -> Iterator[Video | Request]:
        """List what is behind a URL, lazily, without a trace in the queue.

        A Video where the identity is known, a Request where one more page has to be asked.

        Raises:
            ConfigError: It is not a URL that can be hauled.
            FetchError: The page cannot be read, or has no video.
        """
        return self.assembly.fetcher.expand(check_request(request, self.assembly.config.variants), Call("expand"))

    def find(self, query: Query | None = None) -> Iterator[Job]:
        """Find jobs, in the order that the query says; all of them without a query."""
        return self.assembly.store.find(query or Query())

    @property
    def mirrors(self) -> tuple[Mirror, ...]:
        """The storages that shall hold videos beside their primary one, and which."""
        return self.assembly.destinations.mirrors

    def store_to(self, job: Job) -> tuple[str, ...]:
        """The storages that shall hold the video of a job, by name; all but the first are mirrors."""
        return self.assembly.destinations(job)

    def tally(self) -> Tally:
        """Count jobs, objects and bytes, and the videos that are owed to each mirror."""
        return self.assembly.store.tally(self.mirrors)

    def run(
        self, urls: Iterable[str | Request] | None = None, *, forever: bool = False, limits: Limits = NO_LIMITS
    ) -> Generator[Job, None, None]:
        """Haul, and yield each job as it ends.

        What waits for a site that a person has to open is not waited for. What has not ended, for that reason or since
        the run was stopped, is yielded last, as it is.

        Args:
            urls: What to haul, with all that lists among it lead to; without, whatever waits in the queue.
            forever: Wait for more when nothing is left, until `stop`.
            limits: What ends it early; see `limit`.

        Raises:
            HaulageError: Something that every job needs cannot be used; what was under way stays in the queue.
        """
        watch = Watch(limits)
        batch = "" if urls is None else uuid.uuid4().hex
        named = self.add(urls, batch=batch) if urls is not None else ()
        yield from self._run(batch, named, forever, watch)

    def sync(self, names: Iterable[str] = (), *, limits: Limits = NO_LIMITS) -> Generator[Job, None, None]:
        """Ask again for what subscriptions list, haul what is new and what still waits of it, and yield as `run`.

        A list is read until a page of it brings nothing new, where it was read to its end before. What failed for good
        is not tried again, and nothing is deleted, also where a list has vanished: its job then ends as such.

        Args:
            names: Of which subscriptions; without, of all.
            limits: What ends it early; see `limit`.

        Raises:
            ConfigError: There is none, or none of such a name.
            HaulageError: As `run`.
        """
        from haulage.pipeline.subscriptions import ask  # as in __enter__

        watch = Watch(limits)
        requests = self.subscribed(names)
        batch = uuid.uuid4().hex
        ask(self.assembly.store, self.assembly.fetcher, requests, batch)
        yield from self._run(batch, tuple(each.id for each in requests.values()), False, watch)

    def subscribed(self, names: Iterable[str] = ()) -> dict[str, Request]:
        """What subscriptions of the config ask for, by name; all of them without a name.

        Raises:
            ConfigError: There is none, or none of such a name.
        """
        from haulage.pipeline.subscriptions import chosen  # as in __enter__

        return chosen(self.assembly.config.subscriptions, names)

    def _run(self, batch: str, named: tuple[JobId, ...], forever: bool, watch: Watch) -> Generator[Job, None, None]:
        from haulage.pipeline.driver import Driver  # as in __enter__

        told: set[JobId] = set()
        self.limit = None
        driver = self._driver = Driver(self.assembly, self._recipe, self._observers)
        try:
            with contextlib.closing(driver.work(batch, named, forever, watch)) as jobs:
                for job in jobs:
                    if job.status in ENDED and job.id not in told:
                        if batch:
                            told.add(job.id)
                        yield job
        finally:
            self._driver, self.limit = None, driver.limit
        if not batch:
            return
        for job in self.find(Query(batch=batch)):
            if job.id not in told:
                told.add(job.id)
                yield _as_it_waits(job)
        elsewhere = tuple(each for each in named if each not in told)  # another run has them
        if elsewhere:
            yield from map(_as_it_waits, self.find(Query(ids=elsewhere)))

    def stop(self) -> bool:
        """Let the run claim nothing more; what runs is carried as far as it goes, and then the run ends.

        From any thread, and from a signal handler.

        Returns:
            Whether anything runs.
        """
        return self._driver is not None and self._driver.stop()

    def abandon(self) -> None:
        """Put down what runs, though it still does: only for who ends the process next, since it would not end.

        Its jobs are due at once, and nothing that still runs can record anything; observers hear that the run has
        ended. From any thread.
        """
        if self._driver is not None:
            self._driver.abandon()

    def sites(self) -> Iterator[Site]:
        """List the sites that have refused and have served nothing since."""
        return self.assembly.store.sites()

    def resume(self, site: str) -> bool:
        """Open a site, whatever closed it, and have its jobs wait no more; whether there are jobs of such a site."""
        return self.assembly.store.gate(site, "open")


def _as_it_waits(job: Job) -> Job:
    """A job that ended once, was asked for again, and was not begun since: its record tells how it ended before."""
    begun = not job.asked_after or len(job.attempts) > job.asked_after
    return job if begun or job.status not in ENDED else evolve(job, status=Status.PENDING)
