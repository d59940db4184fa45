"""Two instances of one metadata store, as two processes have them, and short ways to bring jobs into a state."""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from attrs import evolve, frozen

from haulage.contracts.metadata import Done, Hold, MetadataStore, NewJob, Query, Site
from haulage.errors import Failure, Kind
from haulage.registry.components import MetadataStoreComponent
from haulage.testing.conformance.at_once import Race, Work
from haulage.testing.conformance.bench import Bench
from haulage.testing.conformance.metadata_process import StoreProcess
from haulage.values import Copy, Job, JobId, MediaFacts, MediaFile, Request, Status, Try, Video

LONG = timedelta(minutes=5)
SHORT = timedelta(milliseconds=200)
ZERO = timedelta(0)
HERE, THERE = "here", "there"
WORKER, DEAD = "host:1", "host:666"

_PATIENCE = 30.0
Answer = TypeVar("Answer")


@frozen
class Picture:
    """All that a store tells.

    Attributes:
        jobs: Every job, in order.
        unfinished: The ids of those that still wait or run.
        sites: The sites that refused.
        due: For each home, whether nothing is left, something is due, or something will be.
    """

    jobs: tuple[Job, ...]
    unfinished: tuple[JobId, ...]
    sites: tuple[Site, ...]
    due: tuple[bool | None, ...]


class Stores:
    """Instances of a store, and jobs in it.

    Args:
        bench: Builds them.
        shared: Whether instances with one config see the same jobs.

    Attributes:
        first: The instance under test, prepared.
        second: Another one, as another process has it; the same where jobs live in their instance.
    """

    def __init__(self, bench: Bench[MetadataStoreComponent], *, shared: bool) -> None:
        self._bench, self.shared = bench, shared
        self.first = self.fresh()
        self.second = self.fresh() if shared else self.first

    def fresh(self) -> MetadataStore:
        """Build one more instance, and prepare it."""
        store: MetadataStore = self._bench.build()
        store.prepare()
        return store

    def at_once(self, works: Sequence[Work]) -> list[Any]:
        """Run calls that take turns after every line of the store; give what each returned, or its HaulageError."""
        return Race(self.first, self._bench.record.build).side_by_side(works)

    @contextlib.contextmanager
    def process(self) -> Iterator[StoreProcess]:
        """Start another process that uses the same store; it is killed at the end of the block if it still runs."""
        with StoreProcess(self._bench) as process:
            yield process

    def claim(
        self,
        store: MetadataStore | None = None,
        *,
        lease: timedelta = LONG,
        home: str = HERE,
        handover: timedelta = LONG,
        batch: str = "",
        fetched: bool = False,
        worker: str = WORKER,
        job: JobId | None = None,
    ) -> Hold | None:
        """Ask for a job."""
        chosen: dict[str, Any] = {"batch": batch, "fetched": fetched, "job": job}
        return (store or self.first).claim(worker, lease, home=home, handover=handover, **chosen)

    def must_claim(self, store: MetadataStore | None = None, **rest: Any) -> Hold:
        """Ask for a job, which must be there."""
        hold = self.claim(store, **rest)
        assert hold is not None, "a job that is due was not given to who claims"
        return hold

    def held(self, number: int = 1, **rest: Any) -> Hold:
        """Add a job and claim it."""
        self.first.add([new(number)])
        return self.must_claim(**rest)

    def lapsed(self, number: int = 1) -> Hold:
        """Add a job and claim it for a lease that is over when this returns."""
        batch = f"lapsing-{number}"
        self.first.add([new(number)], batch=batch)
        hold = self.must_claim(lease=SHORT, batch=batch)
        self.wait_until_due(batch)
        return hold

    def ended(self, number: int, status: Status = Status.DOWNLOADED, **rest: Any) -> JobId:
        """Add a job and end it; keywords change what is saved."""
        batch = f"ending-{number}"
        self.first.add([new(number)], batch=batch)
        hold = self.must_claim(batch=batch)
        self.first.save(hold, evolve(hold.job, status=status, **rest), Done())
        return hold.job.id

    def job(self, job: JobId) -> Job:
        """Look at a job through the other instance."""
        found = list(self.second.find(Query(ids=(job,))))
        assert [each.id for each in found] == [job], "a job is not found by its id, or not once"
        return found[0]

    def wait_until_due(self, batch: str = "", home: str = HERE) -> None:
        """Wait until something of a batch may be claimed."""
        eventually(
            lambda: self.second.next_due(home=home, handover=LONG, batch=batch) == ZERO or None,
            "a job does not become due when its time has come",
        )

    def picture(self) -> Picture:
        """All that is told through the other instance."""
        dues = (self.second.next_due(home=home, handover=LONG) for home in (HERE, THERE))
        return Picture(
            jobs=tuple(self.second.find(Query())),
            unfinished=tuple(job.id for job in self.second.find(Query(unfinished=True))),
            sites=tuple(self.second.sites()),
            due=tuple(None if due is None else due > ZERO for due in dues),
        )

    @contextlib.contextmanager
    def unchanged(self, harm: str) -> Iterator[None]:
        """Hold that the block changes nothing."""
        before = self.picture()
        yield
        after = self.picture()
        assert after == before, harm


def eventually(call: Callable[[], Answer | None], harm: str) -> Answer:
    """Wait for a call to answer something, and return that."""
    until = time.monotonic() + _PATIENCE
    while (answer := call()) is None:
        assert time.monotonic() < until, harm
        time.sleep(0.01)
    return answer


def new(number: object, site: str = "example.com", **rest: Any) -> NewJob:
    """A job to be added."""
    return NewJob(Request(f"https://{site}/{number}"), site, **rest)


def a_video(name: str = "v1", url: str = "https://example.com/1", variant: str = "", **rest: Any) -> Video:
    """A video."""
    return Video("youtube", name, variant, url, **rest)


def a_copy(hold: Hold, storage: str = "archive", role: str = "video", state: Any = "intended", **rest: Any) -> Copy:
    """A copy that belongs to the attempt of a hold."""
    return Copy(storage, role, f"UC1/v1/{role}.mp4", state, hold.attempt, 1000, "5" * 64, **rest)


def rich(hold: Hold, name: str = "v1", **rest: Any) -> Job:
    """A record with everything in it, of the job of a hold."""
    failure = Failure(Kind.TRANSIENT, "connection reset", cure="none")
    job = evolve(
        hold.job,
        status=Status.UPLOADING,
        video=a_video(name, hold.job.request.url, title="Ä title ✓", channel_id="UC1", duration=61.5),
        facts=MediaFacts("mp4", 61.4, 1080, 1920, "h264", "aac"),
        files=(
            MediaFile(Path("/space/x/video.mp4"), "video", "mp4", "video/mp4", 1000, "5" * 64),
            MediaFile(Path("/space/x/subtitle.en.vtt"), "subtitle.en", "en.vtt", "text/vtt", 10, "6" * 64),
        ),
        home=HERE,
        listed=True,
        copies=(
            a_copy(hold, state="stored"),
            a_copy(hold, "nas", token="upload-7"),  # noqa: S106 - the name of an open upload
            a_copy(hold, role="subtitle.en"),
        ),
        tries=(*hold.job.tries, Try(hold.attempt, "fetch", failure, counted=True, wait=timedelta(seconds=2))),
    )
    return evolve(job, **rest)


def assert_recorded(found: Job, saved: Job, harm: str) -> None:
    """Hold that a job is as it was saved, beside what the store itself gives: attempts, progress, and times.

    The order of copies means nothing.
    """
    for ours in (ended for ended in found.tries if ended.attempt in {each.attempt for each in saved.tries}):
        assert ours.ended is not None, f"{harm}: a try has no time at which it ended"
        assert ours.ended.tzinfo is not None, f"{harm}: a time without a time zone"
    assert found.added is not None, f"{harm}: a job has no time at which it was added"
    assert found.added.tzinfo is not None, f"{harm}: a time without a time zone"
    plain = evolve(
        found,
        copies=_sorted(found),
        tries=tuple(evolve(ended, ended=None) for ended in found.tries),
        attempts=saved.attempts,
        stage=saved.stage,
        done=saved.done,
        total=saved.total,
        added=saved.added,
    )
    wanted = evolve(saved, copies=_sorted(saved), tries=tuple(evolve(ended, ended=None) for ended in saved.tries))
    assert plain == wanted, harm


def _sorted(job: Job) -> tuple[Copy, ...]:
    copies = (evolve(copy, stored_at=None, deleted_at=None) for copy in job.copies)
    return tuple(sorted(copies, key=lambda copy: (copy.storage, copy.role)))
