"""What an archive comes to: how many jobs there are, and what each video takes up in each storage."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from attrs import frozen

from haulage.values import Copy, Job, JobId, Status


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
    """

    jobs: Mapping[Status, int]
    stored: Mapping[str, Amount]

    @property
    def objects(self) -> int:
        """How many objects all storages have together."""
        return sum(each.objects for each in self.stored.values())

    @property
    def size(self) -> int:
        """How many bytes all storages have together."""
        return sum(each.size for each in self.stored.values())


@frozen
class Holding:
    """What one video takes up in one storage, all its files together; or what it took up there before it was deleted.

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


def tally(jobs: Iterable[Job]) -> Tally:
    """Count jobs one by one."""
    counts: dict[Status, int] = {}
    stored: dict[str, Amount] = {}
    for job in jobs:
        counts[job.status] = counts.get(job.status, 0) + 1
        for copy in job.copies:
            if copy.state in ("stored", "deleting"):
                before = stored.get(copy.storage, Amount())
                stored[copy.storage] = Amount(before.objects + 1, before.size + (copy.size or 0))
    return Tally(counts, stored)


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
        )
