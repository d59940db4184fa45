"""Removes what lies in a workspace and nobody needs: what crashes left, and what failed long ago."""

import logging
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from attrs import frozen

from haulage.contracts.metadata import MetadataStore, Query
from haulage.locks import Lock
from haulage.pipeline.workspace import Workspace
from haulage.values import Job, JobId, Status

FORGOTTEN = timedelta(days=7)
"""How long a folder stays that this database knows nothing of: another one's jobs may use the same workspace."""

_ID = re.compile("[0-9a-f]{32}")
_UNNAMED = re.compile(r"\.home-[0-9a-f]{32}")

_log = logging.getLogger(__name__)


@frozen
class Sweeper:
    """Sweeps one workspace. Any number of processes may, while others work in it.

    Only folders go that bear the names of a job and of an attempt, and that nobody has locked.

    Attributes:
        store: Knows what is needed.
        workspace: The workspace.
        keep_failed: How long files stay that were fetched and could not be stored.
    """

    store: MetadataStore
    workspace: Workspace
    keep_failed: timedelta

    def sweep(self) -> None:
        """Remove what nobody needs. What cannot be removed is told in the log.

        Raises:
            StoreError: The metadata store cannot be asked; nothing was removed.
        """
        # The folders first: whatever the store tells of them then is no older than they are.
        there = {JobId(job.name): _named(job, _ID) for job in _named(self.workspace.root, _ID)}
        removed = sum(self._remove(folder) for folder in self._unneeded(there))
        for job in there:
            with suppress(OSError):  # something is still in it, or another process was quicker
                (self.workspace.root / job).rmdir()
        for file in _named(self.workspace.root, _UNNAMED):  # of who died while the workspace was given its name
            if _age(file) > timedelta(hours=1):
                file.unlink(missing_ok=True)
        if removed:
            _log.info("removed %d work folders that nothing needs", removed)

    def _unneeded(self, there: dict[JobId, list[Path]]) -> Iterator[Path]:
        if not there:
            return
        unfinished = {job.id for job in self.store.find(Query(ids=tuple(there), unfinished=True))}
        unknown = {folder for folders in there.values() for folder in folders}
        for job in self.store.find(Query(ids=tuple(there))):
            ours = [folder for folder in there[job.id] if folder.name in job.attempts]
            unknown.difference_update(ours)
            needed = self._waits_for(job, ours) if job.id in unfinished else self._kept(job)
            yield from (folder for folder in ours if not needed(folder))
        yield from (folder for folder in unknown if _age(folder) > FORGOTTEN)

    def _waits_for(self, job: Job, folders: list[Path]) -> Callable[[Path], bool]:
        """What a job that has not ended may go on with, or works in just now."""
        needed: set[str] = set(job.attempts[-1:])
        if job.home == self.workspace.home:
            newest = max((folder.name for folder in folders), key=list[str](job.attempts).index, default="")
            needed |= {newest} | _of_files(job)
        return lambda folder: folder.name in needed

    def _kept(self, job: Job) -> Callable[[Path], bool]:
        """What stays of a job that has ended: what could not be stored, for a while."""
        ended = job.tries[-1].ended if job.tries else None
        stored = job.status is Status.DOWNLOADED or job.home != self.workspace.home
        if stored or (ended is not None and datetime.now(UTC) - ended > self.keep_failed):
            return lambda _: False
        return lambda folder: folder.name in _of_files(job)

    def _remove(self, folder: Path) -> bool:
        try:
            with Lock.exclusive(folder):
                shutil.rmtree(folder)
        except (BlockingIOError, FileNotFoundError):
            return False  # somebody works in it, or another process was quicker
        except OSError as error:
            _log.warning("cannot remove %s: %s", folder, error.strerror)
            return False
        return True


def _named(folder: Path, pattern: re.Pattern[str]) -> list[Path]:
    """What lies in a folder under such a name; links, which we never make, are passed over."""
    with suppress(OSError), os.scandir(folder) as entries:
        return [Path(each) for each in entries if pattern.fullmatch(each.name) and not each.is_symlink()]
    return []


def _of_files(job: Job) -> set[str]:
    """The names of all folders that a job's files lie in or below."""
    return {part for file in job.files for part in file.path.parts}


def _age(path: Path) -> timedelta:
    """For how long nothing was written at a path or below it."""
    times = []
    for each in (path, *path.rglob("*")):
        with suppress(OSError):
            times.append(each.lstat().st_mtime)
    return timedelta(seconds=time.time() - max(times, default=time.time()))
