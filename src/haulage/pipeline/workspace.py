"""Where downloads lie until they are stored: a folder a job, and in it a folder an attempt."""

import errno
import logging
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

from haulage.errors import Failure, Kind, StorageError
from haulage.values import AttemptId, Job, JobId

_NAME = "home"

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
        self.root = root.absolute()
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

    def fresh(self, job: JobId, attempt: AttemptId) -> Path:
        """Make an empty folder for an attempt; what earlier attempts at the job left behind goes.

        Raises:
            StorageError: It cannot be made.
        """
        self.clear(job)
        folder = self.root / job / attempt
        try:
            folder.mkdir(parents=True)
        except OSError as error:
            raise self._unusable(error) from error
        return folder

    def _unusable(self, error: OSError) -> StorageError:
        message = f"cannot use the workspace {self.root}: {error.strerror}"
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return StorageError(Failure(Kind.NO_SPACE, message, cure="free some space"))
        cure = "set workspace.path to a folder that haulage can write to"
        return StorageError(Failure(Kind.DENIED, message, cure=cure))

    def clear(self, job: JobId) -> None:
        """Remove all that lies here for a job. What cannot be removed is told in the log: no job shall fail for it."""
        try:
            shutil.rmtree(self.root / job)
        except FileNotFoundError:
            pass  # nothing was fetched, or another process was quicker
        except OSError as error:
            _log.warning("cannot remove %s: %s", self.root / job, error.strerror, extra={"job": job})

    def holds(self, job: Job) -> bool:
        """Whether all files of a job lie here, as long as they were when they were fetched."""
        return bool(job.files) and job.home == self.home and all(self._whole(job))

    def _whole(self, job: Job) -> Iterator[bool]:
        for file in job.files:
            try:
                yield file.path.stat().st_size == file.size
            except OSError:
                yield False
