"""Record a video that was verified: as a new job with all that belongs to it, or in the job that is there."""

from attrs import evolve

from haulage.contracts.metadata import Again, Done, Query
from haulage.errors import AttemptLost, Duplicate
from haulage.operations.holding import Holder
from haulage.operations.importing.identify import request_of
from haulage.operations.importing.verify import Verified
from haulage.pipeline.assembly import Assembly
from haulage.pipeline.steps import status_of, with_copy
from haulage.values import Job, JobId, Status, Video

BUSY = "a worker has its job just now; import it later"


class Recorder:
    """Writes rows; `owner` may be called from any thread, the rest from one.

    Args:
        assembly: The components of a config.
        storage: Where the videos are.
    """

    def __init__(self, assembly: Assembly, storage: str) -> None:
        self._assembly, self._storage = assembly, storage

    def owner(self, video: Video) -> Job | None:
        """The job that has a video, or that its URL has."""
        store = self._assembly.store
        for known in store.find(Query(video_id=video.id)):
            if known.video and (known.video.source, known.video.variant) == (video.source, video.variant):
                return known
        return next(iter(store.find(Query(ids=(request_of(video).id,)))), None)

    def record(self, owner: Job | None, video: Video, verified: Verified, holding: Holder) -> tuple[JobId, str]:
        """Record a video; its job, and why it could not be, where it could not.

        Args:
            owner: The job that has the video already, or its URL.
            video: What it is.
            verified: What was found of it.
            holding: Holds jobs.
        """
        owner = owner or self._added(video, verified)
        return owner.id, "" if _is_there(owner, verified) else self._merged(owner, video, verified, holding)

    def _added(self, video: Video, verified: Verified) -> Job:
        """The job of a video that nobody asked for yet, written as a whole; or the one that somebody made meanwhile."""
        store, request = self._assembly.store, request_of(video)
        job = self._whole(Job(request.id, request, self._assembly.fetcher.site(request.url)), video, verified)
        store.take_in([job], due=job.status is not Status.DOWNLOADED)
        owner = self.owner(video)
        assert owner is not None  # its request or its video has a job, this one or one that was there
        return owner

    def _whole(self, job: Job, video: Video, verified: Verified) -> Job:
        """A job with what was verified, in place of what was let go only because no storage had it."""
        for copy in job.copies:
            if copy.state == "deleted" and copy.sha256 is None:
                job = with_copy(job, copy)
        job = evolve(job, video=video, facts=verified.facts, files=verified.files)
        for copy in verified.copies:
            job = with_copy(job, copy, copy)
        return evolve(job, status=status_of(job, self._assembly.destinations(job), at_work=False))

    def _merged(self, owner: Job, video: Video, verified: Verified, holding: Holder) -> str:
        """Record a video whose job is there already; why not, where that could not be."""
        try:
            with holding.holding(owner.id) as held:
                if held is None:
                    return BUSY
                job = held.job
                if job.video is not None and (job.video.source, job.video.id) != (video.source, video.id):
                    return f"its URL has a job already, {job.id}"
                if job.status in (Status.EXPANDED, Status.DUPLICATE):
                    return f"its URL is that of a list, or of another video; see: haulage show {job.id}"
                if has(job):
                    return twice(job, self._storage) or "it was stored meanwhile"
                if job.home or any(copy.state not in ("stored", "deleted") for copy in job.copies):
                    return "it is on its way into a storage already; haulage work goes on with it"
                job = self._whole(job, evolve(video, url=job.request.url), verified)
                whole = job.status is Status.DOWNLOADED
                held.settle(job, Done() if whole else Again())
        except Duplicate as twin:
            return f"its video has a job already, {twin.other}"
        except AttemptLost:
            return BUSY
        return ""


def has(job: Job) -> bool:
    """Whether the video of a job is stored somewhere."""
    return any(copy.role == "video" and copy.state == "stored" for copy in job.copies)


def twice(job: Job, storage: str) -> str:
    """Why a second file of a video is not taken in; empty where the storage has none of it yet."""
    there = next((each.key for each in job.copies if (each.storage, each.role) == (storage, "video")), "")
    return f"another file of its video is there already: {there}" if there else ""


def _is_there(job: Job, verified: Verified) -> bool:
    main = verified.copies[0]
    return any((each.storage, each.key, each.state) == (main.storage, main.key, "stored") for each in job.copies)
