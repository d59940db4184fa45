"""What an archive comes to: how many jobs there are, and what each video takes up in each storage."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from attrs import frozen

from haulage.contracts.destinations import Mirror
from haulage.values import RECORD, Copy, Job, JobId, Role, Status


@frozen
class Amount:
    """How many objects, and how many bytes they are together."""

    objects: int = 0
    size: int = 0


@frozen
class Tally:
    """How many jobs and objects there are.

    Attributes:
        jobs: How many there are of each status; a status that no job has is not in it.
        stored: The objects that are stored in each storage that has any; one that is not deleted yet is among them.
        owed: How many videos are owed to each storage that was asked for, as `is_owed` has it, and lacks any.
    """

    jobs: Mapping[Status, int]
    stored: Mapping[str, Amount]
    owed: Mapping[str, int] = {}

    @property
    def objects(self) -> int:
        """How many objects all storages have together."""
        return sum(each.objects for each in self.stored.values())

    @property
    def size(self) -> int:
        """How many bytes all storages have together."""
        return sum(each.size for each in self.stored.values())


class Holding(NamedTuple):
    """What one video takes up in one storage, all its files together; or what it took up there before it was deleted.

    A named tuple, which is made several times as fast as other classes: an archive has hundreds of thousands.

    Attributes:
        job: The job of the video.
        source: As Video has it; likewise what follows.
        video_id: See Video.
        variant: See Video.
        title: See Video.
        channel_id: See Video.
        container: What was measured, as MediaFacts has it; None where nothing was.
        resolution: See MediaFacts.
        storage: The storage's name in the config.
        objects: How many files; never none.
        size: Theirs, in bytes.
        stored_at: When the first of them was stored, in UTC, by the store's clock.
        deleted_at: When the last of them was deleted; None where they are there.
        deleting: Whether it was decided of one of them that it shall go, and it is not gone yet.
        imported: Whether one of them was there before haulage, so that all of them stay.
        subscription: See Job.
    """

    job: JobId
    source: str
    video_id: str
    variant: str
    title: str
    channel_id: str
    container: str | None
    resolution: str | None
    storage: str
    objects: int
    size: int
    stored_at: datetime | None
    deleted_at: datetime | None
    deleting: bool = False
    imported: bool = False
    subscription: str = ""


@frozen
class Throughput:
    """How fast an archive was filled within some time.

    Attributes:
        size: Of the main files of the videos that were first stored in it, in bytes: of each one, however many storages
            hold it.
        spent: How long somebody worked on them, from the claim to the end of each attempt until they were stored. Time
            in which several attempts ran counts once; how long one took that crashed nobody knows, and it is left out.
    """

    size: int
    spent: timedelta

    @property
    def rate(self) -> float | None:
        """Bytes a second while somebody worked; None where nothing was stored."""
        return self.size / self.spent.total_seconds() if self.size and self.spent else None


LET_GO = ("deleting", "deleted")
"""The states of a main file's copy in which its storage is owed nothing of the video: it goes, or went, on purpose."""


def _let_go(job: Job, storage: str) -> bool:
    main = (copy for copy in job.copies if (copy.storage, copy.role) == (storage, "video"))
    return any(copy.state in LET_GO for copy in main)


def owed(job: Job, storage: str) -> tuple[Role, ...]:
    """Which files of a video that is downloaded a storage neither holds nor let go: what it is owed as a mirror."""
    if job.status is not Status.DOWNLOADED or not job.files or _let_go(job, storage):
        return ()
    there = {copy.role for copy in job.copies if copy.storage == storage and copy.state == "stored"}
    return tuple(role for role in (*(file.role for file in job.files), RECORD) if role not in there)


def failed_mirror(job: Job, mirrors: Collection[str]) -> str:
    """The mirror that a downloaded video is owed to and that failed last; "" where it is none of these."""
    step, _, name = job.tries[-1].stage.partition(":") if job.tries else ("", "", "")
    return name if step == "store" and name in mirrors and owed(job, name) else ""


def is_owed(job: Job, mirror: Mirror) -> bool:
    """Whether a video that is downloaded has fewer objects in its mirror than files, its record among them.

    Numbers are compared, not roles, so that a database can do it for all videos at once. `owed` tells otherwise only
    where the video had another file before it was downloaded anew, and the storage still has that one.
    """
    storage = mirror.storage
    objects = sum(copy.storage == storage and copy.state == "stored" for copy in job.copies)
    wanted = mirror.wants(job) and not _let_go(job, storage)
    return wanted and job.status is Status.DOWNLOADED and 0 < len(job.files) >= objects


def tally(jobs: Iterable[Job], owed_to: Sequence[Mirror] = ()) -> Tally:
    """Count jobs one by one, and what is owed to these mirrors."""
    counts: dict[Status, int] = {}
    stored: dict[str, Amount] = {}
    lacking: dict[str, int] = {}
    for job in jobs:
        for mirror in owed_to:
            if is_owed(job, mirror):
                lacking[mirror.storage] = lacking.get(mirror.storage, 0) + 1
        counts[job.status] = counts.get(job.status, 0) + 1
        for copy in job.copies:
            if copy.state in ("stored", "deleting"):
                before = stored.get(copy.storage, Amount())
                stored[copy.storage] = Amount(before.objects + 1, before.size + (copy.size or 0))
    return Tally(counts, stored, lacking)


def holdings(job: Job) -> Iterator[Holding]:
    """What the video of a job takes up, or took up, in each storage."""
    groups: dict[tuple[str, bool], list[Copy]] = {}
    for copy in job.copies:
        if copy.state not in ("intended", "damaged"):
            groups.setdefault((copy.storage, copy.state == "deleted"), []).append(copy)
    video, facts = job.video, job.facts
    if video is None:
        return
    for (storage, deleted), copies in groups.items():
        yield Holding(
            job=job.id,
            source=video.source,
            video_id=video.id,
            variant=video.variant,
            title=video.title,
            channel_id=video.channel_id,
            container=facts.container if facts else None,
            resolution=facts.resolution if facts else None,
            storage=storage,
            objects=len(copies),
            size=sum(copy.size or 0 for copy in copies),
            stored_at=min((copy.stored_at for copy in copies if copy.stored_at), default=None),
            deleted_at=max((copy.deleted_at for copy in copies if copy.deleted_at), default=None) if deleted else None,
            deleting=any(copy.state == "deleting" for copy in copies),
            imported=any(copy.imported for copy in copies),
            subscription=job.subscription,
        )
