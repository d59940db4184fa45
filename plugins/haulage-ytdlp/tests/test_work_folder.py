"""The folder that a fetch process works in is known to be in use, by that process itself."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from program import WITHIN

from haulage.cancel import Cancelled
from haulage.plugin import FetchError, Lock

DRIP = "/drip/20/clip.mp4"


def test_in_use(begin: Callable[..., Any], work: Any, tmp_path: Path, eventually: Callable[..., None]) -> None:
    """While a fetch process runs nobody else can have its folder, though haulage holds nothing; afterwards one can."""
    future = begin(DRIP, work)
    (folder,) = tmp_path.iterdir()
    with pytest.raises(BlockingIOError):
        Lock.exclusive(folder)
    Lock.shared(folder).close()
    work.cancel.cancel("enough")
    with pytest.raises(Cancelled):
        future.result(timeout=10)
    eventually(lambda: _free(folder), WITHIN)


def test_killed(
    begin: Callable[..., Any], lasting_family: Any, work: Any, tmp_path: Path, eventually: Callable[..., None]
) -> None:
    """When a fetch process is killed, its folder is free within seconds."""
    future = begin(DRIP, work)
    (folder,) = tmp_path.iterdir()
    (worker,) = lasting_family.workers()
    assert not _free(folder)
    os.kill(worker, signal.SIGKILL)
    eventually(lambda: _free(folder), WITHIN)
    with pytest.raises(FetchError):
        future.result(timeout=10)


def _free(folder: Path) -> bool:
    try:
        Lock.exclusive(folder).close()
    except BlockingIOError:
        return False
    return True
