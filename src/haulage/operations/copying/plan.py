"""What bringing a video to another storage takes: pure functions of the record."""

from datetime import timedelta
from pathlib import Path

from attrs import evolve, frozen

from haulage.contracts.metadata import Again, Done
from haulage.pipeline.record import ROLE
from haulage.pipeline.run import ENDED
from haulage.pipeline.steps import Delete, Nothing, Verify, next_step, status_of
from haulage.values import Copy, Job, JobId, MediaFile, Status


@frozen
class Wanted:
    """What is wanted of a copy.

    Attributes:
        to: The storage that shall hold the videos.
        sources: The storages that they may come from; of several that hold one, the first.
        move: Whether they go there, once all of a video is at the new place; then there is one source.
        jobs: Only these; empty for all.
        channel_id: Only of this channel; empty for all.
        variants: Only these; empty for all.
    """

    to: str
    sources: tuple[str, ...]
    move: bool = False
    jobs: tuple[JobId, ...] = ()
    channel_id: str = ""
    variants: tuple[str, ...] = ()


@frozen
class Plan:
    """What is to be done for one video.

    Attributes:
        source: Where it comes from.
        lacking: The copies there that the new place has nothing of.
        hindrance: Why nothing is done; empty where it is.
        going: How many files go there afterwards.
    """

    source: str
    lacking: tuple[Copy, ...]
    hindrance: str = ""
    going: int = 0

    @property
    def size(self) -> int:
        """How many bytes there are to copy."""
        return sum(copy.size or 0 for copy in self.lacking)


def plan_of(job: Job, wanted: Wanted) -> Plan | None:
    """Say what is to be done for a video; None where nothing is."""
    if job.video is None or (wanted.variants and job.request.variant not in wanted.variants):
        return None
    if wanted.channel_id not in ("", job.video.channel_id):
        return None
    source = next((each for each in wanted.sources if _holds(job, each, ending=wanted.move)), None)
    if source is None:
        return None
    held = [copy for copy in job.copies if copy.storage == source and copy.state in ("stored", "deleting")]
    there = {copy.role: copy for copy in job.copies if copy.storage == wanted.to and copy.state == "stored"}
    lacking = tuple(copy for copy in held if copy.role not in there)
    # A record tells the same whichever release wrote it.
    others = [each for each in held if each.role in there and each.role != ROLE]
    if any(there[each.role].sha256 != each.sha256 for each in others):
        said = f"{wanted.to} has another file of it than {source}; delete the one that is not wanted"
        return Plan(source, (), said)
    if any(copy.state == "deleting" for copy in lacking):
        return Plan(source, (), f"it is being deleted in {source}, and not all of it is in {wanted.to}")
    going = len(held) if wanted.move else 0
    return Plan(source, lacking, going=going) if lacking or going else None


def _holds(job: Job, storage: str, *, ending: bool) -> bool:
    """Whether a storage holds a video, or, where that counts too, something of it that is being deleted."""
    here = [copy for copy in job.copies if copy.storage == storage]
    whole = any(copy.role == "video" and copy.state == "stored" for copy in here)
    return whole or (ending and any(copy.state == "deleting" for copy in here))


def file_of(job: Job, copy: Copy) -> MediaFile:
    """The file that a stored copy is of, as another storage shall hold it; it has no path here."""
    known = next((each for each in job.files if each.role == copy.role), None)
    extension, media_type = (known.extension, known.media_type) if known else ("json", "application/json")
    if known is None and copy.role != ROLE:
        extension, media_type = copy.key.rpartition("/")[2].partition(".")[2], "application/octet-stream"
    assert copy.size is not None
    assert copy.sha256 is not None
    return MediaFile(Path(), copy.role, extension, media_type, copy.size, copy.sha256)


def settled(
    job: Job, store_to: tuple[str, ...], others: tuple[str, ...], rest: timedelta | None
) -> tuple[Job, Again | Done]:
    """The job as it is put down, and whether it is due: nothing is downloaded that was not to be before.

    Args:
        job: The record.
        store_to: The storages that shall hold it.
        others: Further storages that a copy may be made from.
        rest: How long it would have waited; None where it was not due before.
    """
    step = next_step(job, store_to, False, others)
    status = status_of(job, store_to, at_work=False)
    then: Again | Done = Done()
    if isinstance(step, Verify | Delete):
        then = Again()
    elif rest is not None and not isinstance(step, Nothing):
        then = Again(rest)
    if isinstance(then, Again) or status is Status.DOWNLOADED or job.status not in ENDED:
        job = evolve(job, status=status)
    return job, then
