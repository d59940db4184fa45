"""The pipeline: the door for everybody who uses haulage as a library, the command line included."""

import contextlib
import itertools
import json
import os
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from haulage.contracts.metadata import NewJob, Query
from haulage.contracts.policies import Observer, Recipe
from haulage.errors import ConfigError
from haulage.secrets import has_password, public_url, redact
from haulage.values import Copy, Job, JobId, Request, Status

if TYPE_CHECKING:
    from haulage.pipeline.assembly import Assembly
    from haulage.pipeline.worker import Worker

_PAGE = 500
"""How many URLs are committed at once."""

_LOOK_AGAIN = 1.0
"""Seconds after which the queue is looked at again: another process may have given a job back."""

_REST = 0.1
"""Seconds after which the queue is looked at again where something was due that could not be claimed."""

ENDED = frozenset(
    {Status.DOWNLOADED, Status.EXPANDED, Status.DUPLICATE, Status.FAILED, Status.UNAVAILABLE, Status.PRUNED}
)
"""The states in which a job may end."""


def check_url(url: str) -> str:
    """Return the URL if it is one that can be hauled.

    Raises:
        ConfigError: It is not.
    """
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or any(character.isspace() for character in url):
        raise ConfigError(
            f"{redact(url)[:200]!r} is not a URL that can be hauled; write it like https://example.com/video"
        )
    if has_password(url):
        raise ConfigError(f"{public_url(url)}: a user name or password may not stand in a URL")
    return url


class Pipeline:
    """Hauls videos from URLs into the storages of a config. A context manager, for use by one thread.

    Example::

        with Pipeline.from_config("haulage.yaml") as pipeline:
            for job in pipeline.run(["https://example.com/video.mp4"]):
                print(job.status, job.video)

    Leaving the block, or the loop, ends what is running as soon as it can: its jobs stay in the queue, and the next
    run goes on with them. It touches no signal.

    Args:
        recipe: The config as it was written.
        observers: Told of every event, from the threads that work.
    """

    def __init__(self, recipe: Recipe, observers: Sequence[Observer] = ()) -> None:
        self._recipe = recipe
        self._observers = tuple(observers)
        self._stack = contextlib.ExitStack()
        self._assembly: Assembly | None = None

    @classmethod
    def from_config(
        cls,
        source: str | os.PathLike[str] | Mapping[str, Any] | None = None,
        *,
        modules: Sequence[str] = (),
        observers: Sequence[Observer] = (),
    ) -> Self:
        """Make a pipeline; nothing is built or opened before its block is entered.

        Args:
            source: The path of a YAML file, or what would stand in one; without either, everything is at its default.
            modules: Plugin modules to load on top of the installed plugins.
            observers: Told of every event, from the threads that work.

        Raises:
            ConfigError: The file cannot be read.
        """
        if source is None or isinstance(source, Mapping):
            text, folder, name = json.dumps(dict(source or {})), Path.cwd(), "the config"
        else:
            path = Path(source)
            try:
                text = path.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
                raise ConfigError(f"cannot read the config {path}: {reason}") from error
            folder, name = path.absolute().parent, path.name
        return cls(Recipe(text, str(folder), tuple(modules), name), observers)

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
        return self.assembly.place(copy.storage).storage.url(copy.key)

    def add(self, urls: Iterable[str], *, batch: str = "") -> tuple[JobId, ...]:
        """Put URLs into the queue, durably on return; one that ended before is due once more.

        Args:
            urls: Committed in pages as they come.
            batch: What they belong to.

        Returns:
            The ids of their jobs, in order.

        Raises:
            ConfigError: One is not a URL that can be hauled; the pages before it were committed.
        """
        ids: list[JobId] = []
        pending = iter(urls)
        while page := [Request(check_url(url)) for url in itertools.islice(pending, _PAGE)]:
            site = self.assembly.fetcher.site
            self.assembly.store.add([NewJob(each, site(each.url)) for each in page], batch=batch, again=True)
            ids += [each.id for each in page]
        return tuple(ids)

    def find(self, query: Query | None = None) -> Iterator[Job]:
        """Find jobs, in the order they were added; all of them without a query."""
        return self.assembly.store.find(query or Query())

    def run(self, urls: Iterable[str] | None = None) -> Iterator[Job]:
        """Haul, and yield each job as it ends.

        Args:
            urls: What to haul, with all that lists among it lead to; without, whatever waits in the queue.

        Raises:
            HaulageError: Something that every job needs cannot be used; what was under way stays in the queue.
        """
        batch = "" if urls is None else uuid.uuid4().hex
        named = self.add(urls, batch=batch) if urls is not None else ()
        told: set[JobId] = set()
        for job in self._work(batch, named):
            if job.status in ENDED and job.id not in told:
                told.add(job.id)
                yield job
        if batch:  # what another process has ended meanwhile
            for job in itertools.chain(self.find(Query(batch=batch)), self.find(Query(ids=named)) if named else ()):
                if job.id not in told:
                    told.add(job.id)
                    yield job

    def _work(self, batch: str, named: tuple[JobId, ...]) -> Iterator[Job]:
        """Keep as many tasks submitted as there are workers, until nothing is left."""
        from haulage.pipeline.assembly import work_once

        worker = self.assembly.worker
        worker.begin(batch)
        executor, workers = self.assembly.executor()
        running: set[Future[Job | None]] = set()
        with executor, self._watching(worker):
            try:
                in_vain = False
                while True:
                    due = worker.next_due(batch)
                    if due is None and not running and not self._elsewhere(named):
                        return
                    pause = _LOOK_AGAIN if due is None else min(due.total_seconds(), _LOOK_AGAIN)
                    if in_vain:
                        pause = max(pause, _REST)
                    elif not pause:
                        while len(running) < workers:
                            running.add(executor.submit(work_once, self._recipe, batch))
                        pause = _LOOK_AGAIN
                    if not running:
                        time.sleep(pause)
                    done, running = wait(running, timeout=pause, return_when=FIRST_COMPLETED)
                    jobs = [future.result() for future in done]
                    in_vain = None in jobs
                    yield from (job for job in jobs if job is not None)
            finally:
                for future in running:
                    future.cancel()
                worker.cancel(batch)
                wait(running)

    @contextlib.contextmanager
    def _watching(self, worker: "Worker") -> Iterator[None]:
        for observer in self._observers:
            worker.watch(observer)
        try:
            yield
        finally:
            for observer in self._observers:
                worker.unwatch(observer)

    def _elsewhere(self, named: tuple[JobId, ...]) -> bool:
        """Whether another run has taken over some of the jobs that were named, and has not ended them yet."""
        return any(True for _ in self.find(Query(ids=named, unfinished=True))) if named else False
