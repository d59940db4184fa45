"""Take in the videos of a storage: find them, verify some at once, and record them one after the other."""

import contextlib
import itertools
import shutil
import tempfile
from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Literal

from attrs import define, frozen

from haulage.contracts.fetcher import SupportsMeasuring
from haulage.contracts.metadata import Query
from haulage.contracts.storage import StoredObject
from haulage.errors import StorageError
from haulage.locks import Lock
from haulage.operations.fsck.inventory import Inventory
from haulage.operations.holding import Holder, holder
from haulage.operations.importing.gather import Candidate, Left, gather
from haulage.operations.importing.identify import Identity, Unknown, request_of
from haulage.operations.importing.info import read_info
from haulage.operations.importing.layout import Layout
from haulage.operations.importing.recorder import Recorder, has, twice
from haulage.operations.importing.verify import Unfit, Verified, Verifier
from haulage.pipeline.assembly import Assembly
from haulage.pipeline.call import Call
from haulage.values import Job, JobId, Video

_PAGE = 200
_FOLDER = ".import-"


@frozen
class Taken:
    """A video that is taken in, or would be.

    Attributes:
        key: The key of its main file.
        video: What it is.
        size: In bytes, all files together.
        objects: How many files those are.
        job: The name of its job.
        state: `new`, or `known` where the database had it already; `planned` where nothing was to be done.
    """

    key: str
    video: Video
    size: int
    objects: int
    job: JobId
    state: Literal["new", "known", "planned"]


@define
class Progress:
    """How far an import is. A subclass may show it.

    Attributes:
        objects: How many objects were listed.
        videos: How many files that seem to be videos were looked at.
        known: How many objects the database knows already.
        others: How many objects are no files of videos.
        size: How many bytes were verified.
        lines: How many lines of an archive were read.
    """

    objects: int = 0
    videos: int = 0
    known: int = 0
    others: int = 0
    size: int = 0
    lines: int = 0

    def moved(self) -> None:
        """Called after each change, by the thread that iterates."""


@frozen
class _Ready:
    """A video that was verified, or, where nothing is to be done, one whose name was read."""

    candidate: Candidate
    video: Video
    owner: Job | None
    verified: Verified | None


@frozen
class Wanted:
    """What to take in.

    Attributes:
        storage: From which storage of the config.
        layout: How its objects are named.
        identity: What a person says of the videos.
        dry_run: Whether names are read, and nothing else is done.
        workers: How many videos are verified at once.
    """

    storage: str
    layout: Layout
    identity: Identity
    dry_run: bool = False
    workers: int = 4


class Importer:
    """Takes in the videos of a storage; for use by one thread.

    It may be killed at any moment: what is recorded is recorded whole, and the next one goes on.

    Args:
        assembly: The components of a config.
        wanted: What to take in.
        progress: Told how far it is.
    """

    def __init__(self, assembly: Assembly, wanted: Wanted, progress: Progress) -> None:
        self._assembly, self._wanted, self._progress = assembly, wanted, progress
        self._call = Call("import")
        self._place, self._recorder = assembly.place(wanted.storage), Recorder(assembly, wanted.storage)

    @property
    def measures(self) -> bool:
        """Whether anybody looks into the files; otherwise they are taken by size and digest alone."""
        return isinstance(self._assembly.fetcher, SupportsMeasuring)

    def outcomes(self) -> Generator[Taken | Left, None, None]:
        """Take in, and yield what became of each video. Leaving the loop ends what is under way.

        Raises:
            HaulageError: The database or the storage cannot be used, or nothing can be measured; what was recorded
                stays recorded.
        """
        with contextlib.ExitStack() as stack:
            inventory = stack.enter_context(Inventory())
            self._list(inventory)
            folder, holding = Path(), None
            if not self._wanted.dry_run:
                folder = stack.enter_context(_folder(self._assembly.workspace.root))
                holding = stack.enter_context(holder(self._assembly))
            min_free = self._assembly.config.workspace.min_free
            verifier = Verifier(self._wanted.storage, self._place, self._assembly.fetcher, folder, min_free)
            pool = ThreadPoolExecutor(self._wanted.workers, "haulage-import")
            try:
                for each in self._examined(inventory, verifier, pool):
                    self._progress.videos += 1
                    self._progress.moved()
                    yield each if isinstance(each, Left | Taken) else self._recorded(each, holding)
            except BaseException:
                self._call.cancel.cancel("stopped")
                raise
            finally:
                pool.shutdown(cancel_futures=True)

    def _list(self, inventory: Inventory) -> None:
        """List the storage, and say which objects the database knows."""
        name = self._wanted.storage
        objects = self._place.storage.list("")
        while page := list(itertools.islice(objects, _PAGE)):
            self._progress.objects += inventory.put(name, page)
            self._progress.moved()
        for job in self._assembly.store.find(Query(storage=name)):
            for copy in job.copies:
                if copy.storage == name and copy.state != "deleted" and inventory.listed(name, copy.key):
                    inventory.claim(name, copy.key)
                    self._progress.known += 1

    def _examined(
        self, inventory: Inventory, verifier: Verifier, pool: ThreadPoolExecutor
    ) -> Iterator[_Ready | Taken | Left]:
        """What becomes of each file that seems to be a video, in the order of their keys, some looked at ahead."""
        running: deque[Left | Future[_Ready | Taken | Left]] = deque()
        for found in gather((there for _, there, _ in inventory.unclaimed()), self._wanted.layout):
            if isinstance(found, StoredObject):
                self._progress.others += 1
                continue
            running.append(found if isinstance(found, Left) else pool.submit(self._examine, found, verifier))
            if len(running) > 2 * self._wanted.workers:
                yield _result(running.popleft())
        while running:
            yield _result(running.popleft())

    def _examine(self, candidate: Candidate, verifier: Verifier) -> _Ready | Taken | Left:
        """Look at one file; called from many threads."""
        key, size, video = candidate.key, candidate.main.there.size, None
        try:
            if self._place.reading(key) is self._place.storage:
                self._place.storage.url(key)  # raises where it can read no such name
            video, announced = self._named(candidate, verifier)
            if not size:
                raise Unfit("the file is empty")
            owner = self._recorder.owner(video)
            if owner is not None and has(owner):
                if left := twice(owner, self._wanted.storage):
                    raise Unfit(left)
                return self._taken(candidate, video, owner.id, "known")
            verified = None if self._wanted.dry_run else verifier.verify(candidate, announced, self._call)
            return _Ready(candidate, video, owner, verified)
        except (Unknown, Unfit) as error:
            reason = str(error)
        except StorageError as error:
            reason = str(error)
        return Left(key, size, reason, (video.source, video.id) if video else ("", ""))

    def _named(self, candidate: Candidate, verifier: Verifier) -> tuple[Video, float | None]:
        """Which video a file is, and how long it should last."""
        info, sidecar = None, next((each for each in candidate.sidecars if each.role == "info"), None)
        if sidecar is not None:
            try:
                info = read_info(verifier.content(sidecar, self._call))
            except ValueError as error:
                raise Unknown(f"its info JSON is not believed: {error}") from None
        return self._wanted.identity.of(candidate, info), info.duration if info else None

    def _taken(
        self, candidate: Candidate, video: Video, job: JobId, state: Literal["new", "known", "planned"]
    ) -> Taken:
        files = candidate.files
        return Taken(candidate.key, video, sum(each.there.size for each in files), len(files), job, state)

    def _recorded(self, ready: _Ready, holding: Holder | None) -> Taken | Left:
        """Record a video that was verified."""
        candidate, video, verified = ready.candidate, ready.video, ready.verified
        if holding is None or verified is None:
            return self._taken(candidate, video, request_of(video).id, "planned")
        job, left = self._recorder.record(ready.owner, video, verified, holding)
        if left:
            return Left(candidate.key, candidate.main.there.size, left, (video.source, video.id))
        self._progress.size += sum(each.size for each in verified.files)
        return self._taken(candidate, video, job, "new")


def _result(each: "Left | Future[_Ready | Taken | Left]") -> _Ready | Taken | Left:
    return each if isinstance(each, Left) else each.result()


@contextlib.contextmanager
def _folder(root: Path) -> Iterator[Path]:
    """A folder in the workspace that is gone after the block, with those of imports that were killed."""
    for each in root.glob(f"{_FOLDER}*"):
        with contextlib.suppress(OSError), Lock.exclusive(each):
            shutil.rmtree(each)
    folder = Path(tempfile.mkdtemp(prefix=_FOLDER, dir=root))
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        with contextlib.suppress(OSError):  # some file systems know no locks
            stack.enter_context(Lock.shared(folder))
        yield folder
