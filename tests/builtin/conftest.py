import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest


@contextlib.contextmanager
def _powerless() -> Iterator[None]:
    if os.geteuid() != 0:
        yield
        return
    os.setresuid(65534, 65534, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)


@pytest.fixture
def powerless() -> Callable[[], AbstractContextManager[None]]:
    """In its block this process has no more rights than any user: root could write anywhere."""
    return _powerless


@pytest.fixture
def closed_folder() -> Iterator[Path]:
    """A folder that everybody may read and nobody may write to."""
    with tempfile.TemporaryDirectory() as outer:
        Path(outer).chmod(0o755)
        folder = Path(outer) / "closed"
        folder.mkdir(mode=0o555)
        yield folder
        folder.chmod(0o755)
