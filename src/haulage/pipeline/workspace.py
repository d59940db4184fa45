"""Where downloads lie until they are stored: a folder a job, and in it a folder an attempt.

Whoever works in an attempt's folder holds a shared lock on it, and the fetch process one of its own. The next attempt
takes the folder over by renaming it, once it has it for itself; a worker that only sleeps keeps its folder.
"""

import contextlib
import errno
import logging
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

from haulage.errors import Failure, Kind, StorageError
from haulage.locks import Lock
from haulage.pipeline.roster import Roster
from haulage.values import AttemptId, Job

_NAME = "home"

_PATIENCE = 2.0
"""Seconds that are waited for the processes of an attempt that has ended."""

_TURNS = 20
"""How often a folder is made that goes at once."""

_log = logging.getLogger(__name__)


class Workspace:
    """A folder on a disk of this machine, shared by the processes that use it.

    Args:
        root: The folder; made when it is missing.

    Raises:
        StorageError: It cannot be used (kind `denied`).

    Attributes:
        home: The name of the workspace, the same for every process that uses it and for no other.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(os.path.abspath(root))  # noqa: PTH100 - absolute() would keep "..", which yt-dlp takes out
        self._locks: dict[AttemptId, Lock] = {}
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            self.home = self._name()
        except OSError as error:
            raise self._unusable(error) from error

    def _name(self) -> str:
        """Read the workspace's name, or give it one; of several processes that do, the first one's counts."""
        file = self.root / _NAME
        if not file.exists():
            mine = self.root / f".{_NAME}-{uuid.uuid4().hex}"
            mine.write_text(uuid.uuid4().hex, encoding="ascii")
            try:
                file.hardlink_to(mine)
            except FileExistsError:
                pass
            finally:
                mine.unlink()
        return file.read_text(encoding="ascii")

    def roster(self) -> Roster:
        """Enter a worker into the roster of this workspace.

        Raises:
            StorageError: The workspace cannot be used.
        """
        try:
            return Roster(self.root / "workers")
        except OSError as error:
            raise self._unusable(error) from error

    def occupy(self, job: Job, attempt: AttemptId) -> Path:
        """Give an attempt a folder of its own, with what earlier attempts at the job left, where nobody uses that.

        Until the attempt leaves it, others know that the folder is in use.

        Raises:
            StorageError: It cannot be made.
        """
        folder = self._folder(job, attempt)
        if attempt in self._locks and folder.is_dir():
            return folder  # its files were lost between two steps
        earlier = [each for each in reversed(job.attempts) if each != attempt and self._folder(job, each).is_dir()]
        for index, each in enumerate(earlier):
            # The processes of the last one may need a moment to die.
            lock = self._taken(self._folder(job, each), patience=_PATIENCE if index == 0 else 0.0)
            if lock is not None:
                try:
                    self._folder(job, each).rename(folder)
                except OSError as error:
                    lock.close()
                    raise self._unusable(error) from error
                lock.share()
                self._locks[attempt] = lock
                return folder
        try:
            self._locks[attempt] = self._made(folder)
        except OSError as error:
            raise self._unusable(error) from error
        return folder

    def _made(self, folder: Path) -> Lock:
        """Make a folder and lock it, if need be again: before it is locked, a sweeper may take it for a dead one's."""
        for _ in range(_TURNS):
            with contextlib.suppress(BlockingIOError, FileNotFoundError):
                folder.mkdir(parents=True, exist_ok=True)
                return Lock.shared(folder)
            time.sleep(0.02)
        folder.mkdir(parents=True, exist_ok=True)
        return Lock.shared(folder)

    def _taken(self, folder: Path, patience: float) -> Lock | None:
        until = time.monotonic() + patience
        while True:
            try:
                return Lock.exclusive(folder)
            except BlockingIOError:
                if time.monotonic() >= until:
                    return None
                time.sleep(0.02)
            except OSError:  # another process was quicker, or the file system knows no locks
                return None

    def leave(self, attempt: AttemptId) -> None:
        """Let the next attempt have the folder, with what is in it."""
        lock = self._locks.pop(attempt, None)
        if lock is not None:
            lock.close()

    def keeps(self, job: Job) -> bool:
        """Whether something that a job may go on with lies here: its files, or a part of them."""
        folders = (self._folder(job, each) for each in job.attempts)
        return job.home == self.home and any(
            path.is_file() and path.stat().st_size for folder in folders for path in folder.rglob("*")
        )

    def _folder(self, job: Job, attempt: AttemptId) -> Path:
        return self.root / job.id / attempt

    def _unusable(self, error: OSError) -> StorageError:
        message = f"cannot use the workspace {self.root}: {error.strerror}"
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return StorageError(Failure(Kind.NO_SPACE, message, cure="free some space"))
        cure = "set workspace.path to a folder that haulage can write to"
        return StorageError(Failure(Kind.DENIED, message, cure=cure))

    def clear(self, job: Job, *attempts: AttemptId) -> None:
        """Remove what attempts at a job left here, by default all of them, and what nobody uses.

        What cannot be removed is told in the log: no job shall fail for it.
        """
        for attempt in attempts or job.attempts:
            self.leave(attempt)
            folder = self._folder(job, attempt)
            lock = self._taken(folder, _PATIENCE) if folder.is_dir() else None
            if lock is not None:
                with lock:
                    self._remove(shutil.rmtree, folder, job)
        if not attempts:
            self._remove(os.rmdir, self.root / job.id, job)

    def _remove(self, how: Callable[[Path], None], path: Path, job: Job) -> None:
        try:
            how(path)
        except OSError as error:
            # There never was one, another process was quicker, or one that sleeps has something in it.
            if error.errno not in (errno.ENOENT, errno.ENOTEMPTY):
                _log.warning("cannot remove %s: %s", path, error.strerror, extra={"job": job.id})

    def holds(self, job: Job) -> bool:
        """Whether all files of a job lie here, as long as they were when they were fetched."""
        return bool(job.files) and job.home == self.home and all(self._whole(job))

    def age(self, job: Job) -> timedelta:
        """How long the main file of a job has lain here; nothing where it does not."""
        try:
            since = job.files[0].path.stat().st_ctime  # a fetcher may date it as the site does
            return timedelta(seconds=max(time.time() - since, 0))
        except OSError:
            return timedelta(0)

    def _whole(self, job: Job) -> Iterator[bool]:
        for file in job.files:
            try:
                yield file.path.stat().st_size == file.size
            except OSError:
                yield False
