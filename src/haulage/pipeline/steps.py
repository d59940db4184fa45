"""What a job needs next, what people see of it, and what follows a failure: pure functions of the record.

Nothing remembers where a job "was", so a crash, a retry, a new mirror and a repair are not special cases.
"""

import hashlib
from collections.abc import Iterable
from datetime import timedelta

from attrs import evolve, frozen

from haulage.contracts.metadata import Again, Done, Gate
from haulage.contracts.policies import History, RetryPolicy
from haulage.errors import Failure, Kind
from haulage.pipeline.record import ROLE, record
from haulage.values import AttemptId, Copy, Job, MediaFile, Status, Try


@frozen
class Expand:
    """Find out what stands behind the URL."""


@frozen
class Fetch:
    """Download the video."""


@frozen
class Verify:
    """Find out whether a copy that was about to be written is there."""

    copy: Copy


@frozen
class Store:
    """Write one file to one storage: from the workspace, from the storage `source`, or the `content` itself."""

    storage: str
    file: MediaFile
    source: str | None
    content: bytes | None = None


@frozen
class Delete:
    """Delete an object that shall go."""

    copy: Copy


@frozen
class Nothing:
    """All is done."""


Step = Expand | Fetch | Verify | Store | Delete | Nothing


def next_step(job: Job, store_to: tuple[str, ...], files_here: bool, others: Iterable[str] = ()) -> Step:
    """Choose what to do next.

    Args:
        job: The record.
        store_to: The storages that shall hold the video; the first is the primary one.
        files_here: Whether the job's files lie in this workspace.
        others: Further storages that a copy may be made from.
    """
    if job.video is None:
        return Expand()
    since = job.attempts[job.asked_after :]
    for copy in job.copies:
        if copy.state == "deleting":
            return Delete(copy) if copy.attempt in since else Verify(copy)  # it was asked for, and may be there
        if copy.state == "intended" and copy.size is not None:
            return Verify(copy)  # otherwise it was sent while the file grew, and not committed
    stored = {(copy.storage, copy.role): copy.sha256 for copy in job.copies if copy.state == "stored"}
    gone = let_go(job, store_to)
    for storage in store_to:
        if storage in gone:
            continue
        for file in job.files:
            if (storage, file.role) in stored:
                continue
            if files_here:
                return Store(storage, file, None)
            places = (*store_to, *others)
            source = next((each for each in places if stored.get((each, file.role)) == file.sha256), None)
            if source:
                return Store(storage, file, source)
            return Nothing() if store_to[0] in gone else Fetch()
        if job.files and (storage, ROLE) not in stored:
            file, content = record(job)
            return Store(storage, file, None, content)
    return Nothing() if job.files or store_to[0] in gone else Fetch()


def let_go(job: Job, store_to: tuple[str, ...]) -> frozenset[str]:
    """The storages whose copy of the video was deleted on purpose, and is not to be made again.

    Asking for the video makes it again; but not in the primary storage while the video lies where it was moved to.
    """
    since = job.attempts[job.asked_after :]
    main = [copy for copy in job.copies if copy.role == "video"]
    moved = store_to[:1] if any(copy.state == "stored" and copy.attempt not in since for copy in main) else ()
    return frozenset(
        copy.storage for copy in main if copy.state == "deleted" and (copy.attempt in since or copy.storage in moved)
    )


def with_copy(job: Job, copy: Copy, *instead: Copy) -> Job:
    """The job with something else, or nothing, in place of what is known of a file in a storage."""
    others = tuple(each for each in job.copies if (each.storage, each.role) != (copy.storage, copy.role))
    return evolve(job, copies=(*others, *instead))


def stage_of(step: Step) -> str:
    """Name a step, as attempts and logs record it; each storage has stages of its own."""
    match step:
        case Store(storage=storage) | Verify(copy=Copy(storage=storage)):
            return f"store:{storage}"
        case Delete(copy=Copy(storage=storage)):
            return f"delete:{storage}"
        case _:
            return type(step).__name__.lower()


def status_of(job: Job, store_to: tuple[str, ...], *, at_work: bool = True) -> Status:
    """What people see of a job that has not ended; how it ended is not told by its record alone.

    Args:
        job: The record.
        store_to: As above.
        at_work: Whether somebody works on it; otherwise it waits, even where half a download lies in a workspace.
    """
    held = [copy.storage for copy in job.copies if copy.role == "video" and copy.state == "stored"]
    if store_to[0] in held:
        return Status.DOWNLOADED
    going = {copy.storage for copy in job.copies if copy.state == "deleting"}
    gone = let_go(job, store_to)
    if held and store_to[0] in going | gone:
        return Status.DOWNLOADED
    if store_to[0] in gone:
        return Status.PRUNED
    if job.files:
        return Status.UPLOADING if job.copies else Status.FETCHED
    return Status.DOWNLOADING if at_work and job.home else Status.PENDING


def is_safe(job: Job, store_to: tuple[str, ...]) -> bool:
    """Whether the first storage has all files of a video, so that a mirror can be made from there."""
    there = {copy.role for copy in job.copies if copy.storage == store_to[0] and copy.state == "stored"}
    return bool(job.files) and all(file.role in there for file in job.files)


@frozen
class Reaction:
    """What follows a failure.

    Attributes:
        then: What becomes of the job.
        counted: Whether it uses up one of the policy's tries.
        status: What people see where the job ends, and the primary storage does not hold the video.
        gate: What becomes of the site.
        stops: Whether the whole run ends, since whatever comes next would fail likewise.
    """

    then: Again | Done
    counted: bool = False
    status: Status = Status.FAILED
    gate: Gate | None = None
    stops: bool = False

    @property
    def wait(self) -> timedelta | None:
        """How long the job rests; None where it ends."""
        return self.then.after if isinstance(self.then, Again) else None


FIRST_COOL_DOWN = timedelta(minutes=1)
LONGEST_COOL_DOWN = timedelta(hours=1)
MOST_STRIKES = 20
LONGEST_SIEGE = timedelta(hours=48)
MOST_CRASHES = 10
NOT_YET = timedelta(hours=1)
NO_SPACE = timedelta(minutes=1)
KEEP_FOR = timedelta(hours=1)
"""How long local files are kept for mirrors once the first storage has them all."""


def react(failure: Failure, stage: str, attempt: AttemptId, job: Job, strikes: int, policy: RetryPolicy) -> Reaction:
    """Decide what follows a failure; the policy is asked only where a retry may help.

    Args:
        failure: What happened.
        stage: In which step.
        attempt: To whom.
        job: The record before it.
        strikes: How often in a row the site had refused before.
        policy: How long to wait between tries.
    """
    earlier = _since_asked(job)
    match failure.kind:
        case Kind.TRANSIENT | Kind.STORAGE:
            now = Try(attempt, stage, failure, counted=True, wait=None)
            counted = (*(each for each in earlier if each.counted and each.stage == stage), now)
            wait = policy.next_delay(History(counted, _draw(attempt)))
            return Reaction(Done() if wait is None else Again(wait), counted=True)
        case Kind.INVALID:
            afresh = not any(each.failure.kind is Kind.INVALID for each in earlier)
            return Reaction(Again() if afresh else Done(), counted=True)
        case Kind.RATE_LIMITED:
            own = [each for each in earlier if each.failure.kind is Kind.RATE_LIMITED]
            doubled = min(FIRST_COOL_DOWN * 2 ** min(strikes, 10), LONGEST_COOL_DOWN)
            cool_down = min(failure.retry_after or doubled, LONGEST_SIEGE)  # no answer closes a site for years
            gate = Gate(cool_down, failure.message)  # for the others, where this one has had enough
            if len(own) >= MOST_STRIKES - 1 or _span(own) >= LONGEST_SIEGE:
                return Reaction(Done(), gate=gate)
            return Reaction(Again(cool_down), gate=gate)
        case Kind.NOT_YET:
            return Reaction(Again(failure.retry_after or NOT_YET))
        case Kind.NO_SPACE:
            return Reaction(Again(NO_SPACE))
        case Kind.UNAVAILABLE | Kind.GEO:
            return Reaction(Done(), counted=True, status=Status.UNAVAILABLE)
        case Kind.AUTH | Kind.ENVIRONMENT if stage in (stage_of(Expand()), stage_of(Fetch())):
            return Reaction(Again(), gate=Gate(None, str(failure)))  # until a person has mended it
        case Kind.DENIED | Kind.CONFIG | Kind.AUTH | Kind.ENVIRONMENT:
            return Reaction(Again(), stops=True)
        case Kind.CRASHED:
            return Reaction(Done() if _crashes(earlier) >= MOST_CRASHES - 1 else Again())
        case Kind.CONFLICT | Kind.BUG:
            return Reaction(Done())


def _since_asked(job: Job) -> tuple[Try, ...]:
    """The tries since somebody last asked for the job."""
    before = set(job.attempts[: job.asked_after])
    return tuple(each for each in job.tries if each.attempt not in before)


def _crashes(tries: tuple[Try, ...]) -> int:
    """How many crashes in a row came last."""
    count = 0
    for each in reversed(tries):
        if each.failure.kind is not Kind.CRASHED:
            break
        count += 1
    return count


def _span(tries: list[Try]) -> timedelta:
    times = [each.ended for each in tries if each.ended is not None]
    return max(times) - min(times) if times else timedelta(0)


def _draw(attempt: AttemptId) -> float:
    return int.from_bytes(hashlib.sha256(attempt.encode()).digest()[:6]) / 2**48
