"""Add the entries of a list to the queue, page by page, and stop early where a subscription knows the rest."""

import itertools
from collections.abc import Collection, Iterator
from typing import Any

from attrs import evolve, frozen

from haulage.contracts.fetcher import Fetcher
from haulage.contracts.metadata import MetadataStore, NewJob, Query
from haulage.errors import ConfigError, Failure, FetchError, Kind
from haulage.pipeline.attempt import Attempt
from haulage.urls import check_entry
from haulage.values import Job, JobId, Request, Status, Video

MOST_ENTRIES = 10_000
"""How many entries of one list are hauled."""

MOST_LEVELS = 10
"""How deep lists within lists are followed: a channel has tabs, and a tab playlists."""

ENTRIES_AT_ONCE = 100

KNOWN_AT_ONCE = 30
"""How many entries of a subscription's list are looked at together: so many a page of YouTube has."""


@frozen
class Lister:
    """Adds what lists hold.

    Attributes:
        store: Remembers jobs.
        fetcher: Knows the sites of their URLs.
        whole: The subscriptions whose lists are read to their ends each time.
    """

    store: MetadataStore
    fetcher: Fetcher
    whole: Collection[str] = ()

    def add(self, attempt: Attempt, batch: str, entries: Iterator[Video | Request]) -> None:
        """Add a job for each entry, in order; the caller saves that the list was read, and closes the iterator.

        Killed or failed half-way, a list is read to its end the next time: its newest entries are known then, and
        older ones may not be.

        Args:
            attempt: Holds the job of the list.
            batch: What the entries shall belong to.
            entries: The list.

        Raises:
            FetchError: It lies too deep within other lists (kind `unavailable`).
        """
        job = attempt.job
        if self._level(job) == MOST_LEVELS:
            raise FetchError(Failure(Kind.UNAVAILABLE, f"lists within lists are followed {MOST_LEVELS} levels deep"))
        stops = bool(job.subscription) and job.listed and job.subscription not in self.whole
        if job.listed:
            attempt.save(evolve(job, listed=False))
        limited = itertools.islice(entries, MOST_ENTRIES)
        count = 0
        while page := list(itertools.islice(limited, KNOWN_AT_ONCE if job.subscription else ENTRIES_AT_ONCE)):
            new = [self._new(each, job) for each in page if _may_be_hauled(each.url, attempt)]
            added, own = self._add(new, job, batch, looks=stops)
            count += len(page)
            attempt.progress(count, None)
            if stops and not added and 2 * own > len(page):
                attempt.log.info("nothing new among %d entries of the list; the rest was read before", count)
                return
        if next(entries, None) is not None:
            attempt.log.warning("the list goes on; its first %d entries are hauled", MOST_ENTRIES)

    def _level(self, job: Job) -> int:
        """Within how many lists a list lies, as far as they count."""
        level, above = 0, job.parent
        while above is not None and level < MOST_LEVELS:
            level += 1
            above = next((each.parent for each in self.store.find(Query(ids=(above,)))), None)
        return level

    def _new(self, entry: Video | Request, job: Job) -> NewJob:
        request = Request(entry.url, job.request.variant)
        video = entry if isinstance(entry, Video) else None
        return NewJob(request, self.fetcher.site(entry.url), video, job.subscription)

    def _add(self, new: list[NewJob], job: Job, batch: str, *, looks: bool) -> tuple[int, int]:
        """Add a page.

        Returns:
            How many of it are new or lists that are read anew, and how many were first found in this very list: what
            is known since another one has it too says nothing of what comes behind it.
        """
        known: dict[JobId, Job] = {}
        if looks or (job.subscription and any(each.video is None for each in new)):
            known = {each.id: each for each in self._find(new)}
        pages = (each for each in new if each.video is None)
        lists = [each for each in pages if (there := known.get(each.request.id)) and there.status is Status.EXPANDED]
        if batch:
            begun = {each.id for each in self._find(lists, batch=batch)}  # a list may hold one that holds it
            lists = [each for each in lists if each.request.id not in begun]
        else:
            lists = [each for each in lists if known[each.request.id].parent == job.id]
        added = self.store.add(new, batch=batch, parent=job.id)
        if lists:
            self.store.add(lists, batch=batch, parent=job.id, again=True)
        return added + len(lists), sum(each.parent == job.id for each in known.values())

    def _find(self, jobs: list[NewJob], **narrowed: Any) -> Iterator[Job]:
        return self.store.find(Query(ids=tuple(each.request.id for each in jobs), **narrowed)) if jobs else iter(())


def _may_be_hauled(url: str, attempt: Attempt) -> bool:
    try:
        check_entry(url)
    except ConfigError as error:
        attempt.log.warning("an entry of the list is passed over: %s", error)
        return False
    return True
