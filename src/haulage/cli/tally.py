"""How a run went, counted as its jobs end: it needs no more room for a long queue than for a short one."""

from collections import Counter

from haulage import ENDED, Job, JobId, Kind, Pipeline, Query, Status
from haulage.cli.exits import Exit


class Tally:
    """Counts the jobs of a run, and knows of the named ones which are not stored.

    Attributes:
        words: How many jobs there were of each word.
        sites: The sites that they were of.
        left: Whether one has not ended.
    """

    def __init__(self) -> None:
        self.words: Counter[str] = Counter()
        self.sites: set[str] = set()
        self.left = False
        self._missing: set[JobId] = set()
        self._twins: set[JobId] = set()
        self._bad = False
        self._unusable = False

    def name(self, job: JobId) -> None:
        """Expect a job to be stored."""
        self._missing.add(job)

    def add(self, job: Job, word: str | None) -> None:
        """Count a job, under a word for people if there is one."""
        if word is not None:
            self.words[word] += 1
        self.sites.add(job.site)
        self.left = self.left or job.status not in ENDED
        self._bad = self._bad or job.status is Status.FAILED or _waits_for(job, Kind.AUTH)
        self._unusable = self._unusable or _waits_for(job, Kind.ENVIRONMENT)
        if job.id in self._missing:
            if job.status is Status.DUPLICATE and job.twin is not None:
                self._twins.add(job.twin)  # which may still be under way
                self._missing.remove(job.id)
            elif _good(job):
                self._missing.remove(job.id)

    def code(self, pipeline: Pipeline) -> Exit:
        """The exit code of a run that was not stopped."""
        if self._unusable:
            return Exit.UNUSABLE
        twins = pipeline.find(Query(ids=tuple(self._twins))) if self._twins else ()
        return Exit.NOT_ALL if self._missing or self._bad or not all(map(_good, twins)) else Exit.DONE


def _good(job: Job) -> bool:
    return job.status in (Status.DOWNLOADED, Status.EXPANDED)


def _waits_for(job: Job, kind: Kind) -> bool:
    """Whether a job was yielded unfinished since a person has to do something first."""
    return job.status is Status.PENDING and bool(job.tries) and job.tries[-1].failure.kind is kind
