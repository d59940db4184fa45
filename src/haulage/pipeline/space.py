"""Whether there is room for another download, and which one gives way where room gets short.

A full disk is no video's fault, and passes: nothing more is downloaded, what was downloaded goes on into the storages,
and once that, or a person, has made room, downloads go on too. Each process looks for itself, at what all of them see.
"""

import contextlib
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from haulage.cancel import Cancelled
from haulage.errors import Failure, FetchError, Kind
from haulage.pipeline.attempt import Attempt
from haulage.pipeline.steps import NO_SPACE
from haulage.values import AttemptId

Spent = Callable[[], Failure | None]

_GIVES_WAY = "no space"

_REMEMBERED = 1.5
"""How much longer than its job rests a refusal counts, so that the first to try again is a job that needs no room."""


class Space:
    """The room of a workspace. Safe to use from many threads.

    Args:
        root: The workspace's folder.
        min_free: How many bytes must be free on its disk.
        max_size: How many bytes may lie in it; None where only the disk counts.
        spent: Why the budget of the archive allows no more, if so; what runs is not ended for it.
    """

    def __init__(self, root: Path, min_free: int, max_size: int | None, spent: Spent = lambda: None) -> None:
        self._root = root
        self._min_free = min_free
        self._max_size = max_size
        self._spent = spent
        self._lock = threading.Lock()
        self._downloads: dict[AttemptId, Attempt] = {}
        self._refusals: dict[str, tuple[float, Failure]] = {}

    def shortage(self) -> Failure | None:
        """Why nothing may be downloaded now (kind `no_space`); None where there is room."""
        with self._lock:
            now = time.monotonic()
            self._refusals = {stage: each for stage, each in self._refusals.items() if each[0] > now}
            refused = next((failure for _, failure in self._refusals.values()), None)
        return refused or self._short() or self._spent()

    def _short(self) -> Failure | None:
        """What the workspace and its disk have too little room for."""
        try:
            free = shutil.disk_usage(self._root).free
        except OSError:
            return None  # whoever writes there says it better
        if free < self._min_free:
            message = (
                f"the disk of {self._root} has {_size(free)} free, and workspace.min_free is {_size(self._min_free)}"
            )
            return Failure(Kind.NO_SPACE, message, cure="free some space there, or set workspace.min_free lower")
        if self._max_size is not None and (used := _used(self._root)) >= self._max_size:
            message = f"{self._root} holds {_size(used)}, and workspace.max_size is {_size(self._max_size)}"
            return Failure(Kind.NO_SPACE, message, cure="wait for uploads, or set workspace.max_size higher")
        return None

    def refused(self, stage: str, failure: Failure) -> None:
        """Remember that a step met a full disk or storage, unless it can be seen: it was not tried again yet."""
        if self._short():
            return
        with self._lock:
            self._refusals[stage] = (time.monotonic() + _REMEMBERED * NO_SPACE.total_seconds(), failure)

    def accepted(self, stage: str) -> None:
        """Forget it: the step has found room."""
        with self._lock:
            self._refusals.pop(stage, None)

    @property
    def shared(self) -> bool:
        """Whether downloads run in this process."""
        return bool(self._downloads)

    @contextlib.contextmanager
    def downloading(self, attempt: Attempt) -> Iterator[None]:
        """Say that an attempt downloads while the block runs.

        Raises:
            FetchError: It has given way (kind `no_space`).
        """
        with self._lock:
            self._downloads[attempt.attempt] = attempt
        try:
            yield
        except Cancelled:
            if attempt.cancel.reason != _GIVES_WAY:
                raise
            short = self._short() or Failure(Kind.NO_SPACE, f"the disk of {self._root} had too little room")
            raise FetchError(short) from None
        finally:
            with self._lock:
                del self._downloads[attempt.attempt]

    def watch(self) -> None:
        """Where room has become short, end the download that began last, unless one is ending for that already."""
        with self._lock:
            downloads = list(self._downloads.values())
        if downloads and all(each.cancel.reason is None for each in downloads) and self._short():
            downloads[-1].cancel.cancel(_GIVES_WAY)


def _used(root: Path) -> int:
    """How many bytes lie in a folder and below it; what goes meanwhile does not count."""
    used = 0
    for parent, _, names in os.walk(root):
        for name in names:
            with contextlib.suppress(OSError):
                used += (Path(parent) / name).lstat().st_size
    return used


def _size(count: float) -> str:
    """A number of bytes as a config has it, rounded: "2 GiB"."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.3g} {unit}"
        count /= 1024
    return f"{count:.3g} TiB"
