"""Look at what is behind URLs, several at once, without a trace in the queue and without a download."""

import itertools
import logging
import threading
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime

from attrs import evolve, frozen

from haulage.contracts.fetcher import SupportsEstimate
from haulage.contracts.metadata import Query
from haulage.errors import ConfigError, Failure, FetchError, HaulageError, Kind, StoreError
from haulage.operations.plan import Planned, State, Unseen, Verdict, judge, key, known
from haulage.pipeline.asked import check_request
from haulage.pipeline.assembly import Assembly
from haulage.pipeline.attempt import public_failure
from haulage.pipeline.call import Call
from haulage.pipeline.listing import MOST_ENTRIES
from haulage.secrets import public_traceback, redact
from haulage.urls import check_entry
from haulage.values import Job, Request, Video

_AHEAD = 2
"""How many are looked at before they are told, for each that is looked at at once."""

_CLOSING = (Kind.RATE_LIMITED, Kind.AUTH, Kind.ENVIRONMENT)
"""After these failures a site is asked no more."""

_log = logging.getLogger(__name__)


def survey(assembly: Assembly, requests: Iterable[Request]) -> Generator[Planned | Unseen, None, None]:
    """Look at requests and at all that lists among them lead to, as many at once as a run would haul.

    Nothing is put into the queue, no medium is downloaded, and a site that refuses is asked no more. Closing the
    generator early ends what is under way, within 5 seconds. For use by one thread.

    Args:
        assembly: The components.
        requests: Read as they are needed.

    Raises:
        ConfigError: One is not a URL that can be hauled, or names no variant.
        HaulageError: The fetcher cannot be built, or the metadata store cannot be used.
    """
    at_once = getattr(assembly.config.executor.options, "workers", 1)
    look = _Look(assembly)
    lists: list[Iterator[_Found]] = [look.named(requests)]
    running: deque[Future[Planned | Unseen | _List]] = deque()
    seen: set[tuple[str, str, str]] = set()
    pool = ThreadPoolExecutor(at_once, "haulage-survey")
    try:
        while lists or running:
            while lists and len(running) < at_once * _AHEAD:
                found = next(lists[-1], None)
                if found is None:
                    lists.pop()
                else:
                    running.append(pool.submit(look, found))
            if not running:
                continue
            told = running.popleft().result()
            if isinstance(told, _List):
                lists.append(look.entries(told))
                continue
            if isinstance(told, Planned):
                identity = (told.video.source, told.video.id, told.video.variant)
                if identity in seen:
                    told = evolve(told, verdict=Verdict(State.TWICE, False, "another URL of a video above"))
                seen.add(identity)
            yield told
    finally:
        look.call.cancel.cancel("the survey has ended")
        pool.shutdown(cancel_futures=True)
        for each in lists:
            if isinstance(each, Generator):
                each.close()


@frozen
class _Found:
    """What is to be looked at; a failure stands for what could not even be listed."""

    request: Request
    named: bool
    video: Video | None = None
    failure: Failure | None = None


@frozen
class _List:
    """A request that is a list."""

    request: Request
    first: tuple[Video | Request, ...]
    rest: Iterator[Video | Request]


class _Look:
    """Looks at one thing; used from many threads."""

    def __init__(self, assembly: Assembly) -> None:
        self._store, self._fetcher, self._config = assembly.store, assembly.fetcher, assembly.config
        self.call = Call("survey")
        self._destinations = assembly.destinations
        self._lock = threading.Lock()
        now = datetime.now(UTC)
        self._closed = {
            each.name: Failure(Kind.RATE_LIMITED, f"{each.name} is closed: {each.reason}")
            for each in self._store.sites()
            if each.opens is None or each.opens > now
        }

    def named(self, requests: Iterable[Request]) -> Iterator[_Found]:
        """What somebody named."""
        for request in requests:
            yield _Found(check_request(request, self._config.variants), named=True)

    def entries(self, found: _List) -> Iterator[_Found]:
        """What stands in a list."""
        variant, listed = found.request.variant, itertools.chain(found.first, found.rest)
        try:
            for entry in itertools.islice(listed, MOST_ENTRIES):
                try:
                    check_entry(entry.url)
                except ConfigError as error:
                    _log.warning("an entry of the list is passed over: %s", error)
                    continue
                yield _Found(Request(entry.url, variant), False, entry if isinstance(entry, Video) else None)
            if next(listed, None) is not None:
                _log.warning("the list goes on; its first %d entries are hauled", MOST_ENTRIES)
        except FetchError as error:
            yield _Found(found.request, named=True, failure=error.failure)
        finally:
            getattr(found.rest, "close", lambda: None)()

    def __call__(self, found: _Found) -> Planned | Unseen | _List:
        """Look at it."""
        site = self._fetcher.site(found.request.url)
        try:
            if found.failure is not None:
                raise FetchError(found.failure)
            return self._look(found, site)
        except StoreError:
            raise
        except HaulageError as error:
            failure = public_failure(error.failure)
        except Exception as error:
            _log.error("a bug of the fetcher", extra={"traceback": public_traceback(error)})
            failure = Failure(Kind.BUG, redact(f"{type(error).__name__}: {error}"))
        if failure.kind in _CLOSING:
            with self._lock:
                self._closed.setdefault(site, failure)
        return Unseen(found.request, found.named, failure)

    def _look(self, found: _Found, site: str) -> Planned | _List:
        if found.video is not None:
            return self._video(found, found.video, site)
        self._let_in(site)
        entries = iter(self._fetcher.expand(found.request, self.call))
        first, second = next(entries, None), next(entries, None)
        if first is None:
            raise FetchError(Failure(Kind.UNAVAILABLE, "there is no video behind this URL"))
        if isinstance(first, Video) and second is None:
            return self._video(found, first, site)
        return _List(found.request, tuple(each for each in (first, second) if each is not None), entries)

    def _video(self, found: _Found, video: Video, site: str) -> Planned:
        job = self._job(found.request, video)
        waits = job is not None and any(self._store.find(Query(ids=(job.id,), unfinished=True)))
        again = found.named and job is not None and job.id == found.request.id
        store_to = self._destinations(job) if job else self._destinations.default
        verdict = judge(job, store_to, waits=waits, again=again)
        estimate = known(job) if verdict.state is State.STORED or (job is not None and job.home) else None
        if estimate is None and verdict.hauls and isinstance(self._fetcher, SupportsEstimate):
            self._let_in(site)
            estimate = self._fetcher.estimate(video, self.call)
        whole = estimate.video if estimate else (job and job.video) or video
        name = key(job, store_to[0], self._config.layout, estimate)
        return Planned(found.request, verdict, estimate, whole, name, store_to)

    def _job(self, request: Request, video: Video) -> Job | None:
        """The job that has the video, or would find it."""
        identity = (video.source, video.id, video.variant)
        for job in self._store.find(Query(video_id=video.id)):
            if job.video and (job.video.source, job.video.id, job.video.variant) == identity:
                return job
        return next((job for job in self._store.find(Query(ids=(request.id,))) if job.video is None), None)

    def _let_in(self, site: str) -> None:
        self.call.cancel.raise_if_cancelled()
        with self._lock:
            closed = self._closed.get(site)
        if closed is not None:
            raise FetchError(closed)
