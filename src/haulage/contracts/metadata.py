"""What remembers jobs."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

from attrs import evolve, frozen

from haulage.contracts import totals
from haulage.contracts.destinations import Mirror
from haulage.contracts.totals import Holding, Tally, Throughput
from haulage.errors import Kind
from haulage.values import AttemptId, Job, JobId, Request, Status, Video


@frozen
class NewJob:
    """A job to be added.

    Attributes:
        request: What was asked; gives the job its id.
        site: What politeness treats as one with others.
        video: Where the identity is known already.
        subscription: The name of the subscription that asks; "" for none.
    """

    request: Request
    site: str
    video: Video | None = None
    subscription: str = ""


@frozen
class Hold:
    """A job in the hands of one worker until its lease ends.

    Attributes:
        attempt: The fence: every save names it.
        job: The job as it was claimed, or as it was last saved.
        previous: Who held it before and never said how it ended: that one crashed.
        strikes: How often in a row the job's site has refused, as of the claim.
    """

    attempt: AttemptId
    job: Job
    previous: AttemptId | None = None
    strikes: int = 0


@frozen
class Beat:
    """How far one attempt is."""

    attempt: AttemptId
    stage: str
    done: int
    total: int | None


@frozen
class Keep:
    """After this save the job is still held."""


@frozen
class Again:
    """After this save nobody holds the job, and it is due after a while."""

    after: timedelta = timedelta(0)


@frozen
class Done:
    """After this save nothing is left to do, until somebody asks again."""


@frozen
class Gate:
    """A site closes, which is a strike if it was open. Then, one job of it runs at a time until one of them succeeds.

    Attributes:
        closed_for: How long; None where a person has to open it.
        reason: Why, for people.
    """

    closed_for: timedelta | None
    reason: str


@frozen
class Site:
    """What politeness treats as one.

    Attributes:
        name: As the fetcher calls it.
        opens: When its jobs may be claimed again, by the store's clock; None where a person has to open it.
        strikes: How often in a row it has refused.
        reason: Why it closed last.
    """

    name: str
    opens: datetime | None
    strikes: int
    reason: str


@frozen
class Query:
    """Which jobs to find, and in which order; empty fields ask for nothing.

    Attributes:
        ids: Any of these.
        status: Any of these.
        batch: Of this batch.
        site: Of this site.
        video_id: Whose video has this id at its source.
        channel_id: Whose video is of this channel.
        source: Whose video is of this source; of this site, where it is not known yet what a job's video is.
        subscription: Of this subscription.
        storage: Of which this storage holds a file.
        owed: Whose video is owed to any of these mirrors, as `haulage.contracts.totals.is_owed` has it.
        kinds: Whose last failure is of any of these kinds, whatever followed it.
        added_since: Added at this time or later, by the store's clock.
        added_until: Added before this time.
        failed_since: Whose last failure was at this time or later.
        unfinished: Only those that still wait or run.
        running: Only those that a worker holds.
        order: "oldest" begins with what was added first, "newest" with what was added last; "failed" begins with what
            failed last, and leaves out what never did.
        limit: At most so many, the first ones; None for all.
    """

    ids: tuple[JobId, ...] = ()
    status: tuple[Status, ...] = ()
    batch: str = ""
    site: str = ""
    video_id: str = ""
    channel_id: str = ""
    source: str = ""
    subscription: str = ""
    storage: str = ""
    owed: tuple[Mirror, ...] = ()
    kinds: tuple[Kind, ...] = ()
    added_since: datetime | None = None
    added_until: datetime | None = None
    failed_since: datetime | None = None
    unfinished: bool = False
    running: bool = False
    order: Literal["oldest", "newest", "failed"] = "oldest"
    limit: int | None = None


class MetadataStore(ABC):
    """Remember jobs. Safe across threads, processes and machines.

    Its laws:

    - T1: a call that writes is one transaction, durable on return.
    - T2: a job has at most one holder.
    - T3: a save succeeds only for the current attempt, while its lease lasts.
    - T4: a call that is repeated because its answer was lost does no harm.
    - T5: what was saved is seen by every later claim.
    - T6: time is the store's own clock; callers pass durations.
    - T7: every call is bounded, and no lock is held while a caller computes.
    - T8: of two saves that give two jobs one video, one raises Duplicate.

    Raises StoreError, AttemptLost and Duplicate, and nothing else.
    """

    @abstractmethod
    def prepare(self) -> None:
        """Create an empty schema where there is none; refuse one of another version."""

    @abstractmethod
    def add(self, jobs: Iterable[NewJob], *, batch: str = "", parent: JobId | None = None, again: bool = False) -> int:
        """Add jobs, in order. A job that is there already joins the batch.

        Args:
            jobs: Consumed within one transaction: pass lists of a bounded length.
            batch: What they belong to.
            parent: The job of the list they were found in.
            again: Make those due now that have ended, those that wait and whose URL has another signature, and those
                that nobody holds and of which an object is being deleted; likewise the job that has the video of one
                that names its video, where it has ended or is being deleted; it takes its URL where it has none itself.
                Of those that are there already, a job of which no video is known takes the subscription that asks for
                it, and where none does, one that is made due is not `listed` any more; any other keeps what it has.

        Returns:
            How many were new.
        """

    @abstractmethod
    def claim(
        self,
        worker: str,
        lease: timedelta,
        *,
        home: str,
        handover: timedelta,
        batch: str = "",
        fetched: bool = False,
        job: JobId | None = None,
    ) -> Hold | None:
        """Take one due job that nobody holds and whose site is open, the one that has been due longest.

        A job with files in another `home` is taken only when it has been due for longer than `handover`; one of a
        site with strikes only while nobody holds a job of that site.

        Args:
            worker: Who takes it.
            lease: For how long.
            home: The workspace of that worker.
            handover: As above.
            batch: Take only one of this batch; "" is all.
            fetched: Take only one that has files, in `home`: there is no room for more.
            job: Take this one or none: due or not, wherever its files lie and whatever its site, unless it is held.
        """

    @abstractmethod
    def beat(self, beats: Sequence[Beat], lease: timedelta) -> Mapping[AttemptId, Literal["lost"]]:
        """Extend the leases of all and keep their progress, in one transaction; say which are not ours any more."""

    @abstractmethod
    def save(
        self, hold: Hold, job: Job, then: Keep | Again | Done, *, site: Gate | Literal["open"] | None = None
    ) -> Hold:
        """Replace the job as a whole, with its copies and its new tries.

        When a copy got into the state `stored` or `deleted` the store notes; it takes that from nobody. One that was
        `deleting` or `damaged` and is `stored` once more was stored when it was before.

        Args:
            hold: Gives the attempt that must be the current one.
            job: What to record.
            then: What becomes of the job.
            site: What becomes of its site; "open" says that it has served, and opens it if it is not closed just now
                and has not refused since the job was claimed: what began before is no sign that it serves again.

        Raises:
            AttemptLost: The attempt is not the current one, or its lease is over; nothing was written.
            Duplicate: Another job has the video; nothing was written.
        """

    @abstractmethod
    def release(self, worker: str) -> int:
        """Make due what a worker holds that is known to have died, and return how many jobs that was.

        Its attempts can save nothing any more.
        """

    @abstractmethod
    def sites(self) -> Iterator[Site]:
        """List the sites that have refused and have served nothing since, by name."""

    @abstractmethod
    def gate(self, site: str, gate: Gate | Literal["open"]) -> bool:
        """Close or open a site by an operator's hand; whether there are jobs of such a site.

        Opening it makes those of its jobs due that wait and that nobody holds, whatever they wait for.
        """

    @abstractmethod
    def find(self, query: Query) -> Iterator[Job]:
        """Find jobs, in the order of the query, page by page; no lock is held between pages.

        In the order "failed" they come as they were at the beginning of the call, whatever fails meanwhile.
        """

    @abstractmethod
    def next_due(self, *, home: str, handover: timedelta, batch: str = "") -> timedelta | None:
        """How long until a claim may succeed; None where nothing is left to wait for."""

    def take_in(self, jobs: Sequence[Job], *, due: bool = False) -> int:
        """Add jobs of which all is known already, in order: with their videos, files and copies, as they are.

        One whose request or whose video has a job is passed over. A store that can writes each with all that belongs to
        it in one transaction, so that nobody ever finds one without its copies: this adds, claims and saves, and a kill
        in between leaves one that waits.

        Args:
            jobs: Each with the name of one attempt at most, which its `deleted` copies name; it has ended then.
            due: Whether they are due now; otherwise nothing is left to do for them.

        Returns:
            How many were new.
        """
        count = 0
        for job in jobs:
            if not self.add([NewJob(job.request, job.site, job.video)]):
                continue
            count += 1
            hold = self.claim("", timedelta(minutes=1), home="", handover=timedelta(0), job=job.id)
            if hold is not None:
                copies = tuple(
                    evolve(each, attempt=hold.attempt) if each.attempt in job.attempts else each for each in job.copies
                )
                known = evolve(hold.job, status=job.status, facts=job.facts, files=job.files, copies=copies)
                self.save(hold, known, Again() if due else Done())
        return count

    def clock(self) -> datetime:
        """What time it is, in UTC, by the clock that dates what was stored: not before any time that was told yet.

        A store whose clock is not that of this machine says so: by default it is.
        """
        return datetime.now(UTC)

    def tally(self, owed_to: Sequence[Mirror] = ()) -> Tally:
        """Count jobs and objects. A store that can add up by itself does: this looks at every job.

        Args:
            owed_to: Mirrors for which it counts what they are owed too; of a storage there is one.
        """
        return totals.tally(self.find(Query()), owed_to)

    def holdings(self) -> Iterator[Holding]:
        """List what each video takes up, or took up, in each storage, in any order and page by page, as `find` does.

        For a video and a storage there is one holding of what is there and one of what was deleted, where there is
        any. A store that can add up by itself does: this looks at every job.
        """
        for job in self.find(Query()):
            yield from totals.holdings(job)

    def throughput(self, within: timedelta) -> Throughput | None:  # noqa: ARG002
        """Measure how fast videos were stored lately.

        Args:
            within: How long ago that may have been, by the store's clock.

        Returns:
            None where the store does not remember how long attempts took, as is so here.
        """
        return None

    def close(self) -> None:  # noqa: B027 - a store with nothing to give back need not write it
        """Give back what the store holds. Harmless a second time; nothing else is called afterwards."""
