"""Locks: who may have what at the same time, and that they end with whoever holds them."""

import os
import subprocess
import sys

import pytest

from haulage.locks import Lock

HOLD = """
import sys
from pathlib import Path
from haulage.locks import Lock
lock = getattr(Lock, sys.argv[1])(Path(sys.argv[2]))
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def hold():
    """Has another process hold a lock until its standard input ends."""
    started = []

    def start(how, path):
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, how, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture(params=["folder", "file"])
def path(request, tmp_path):
    """What is locked."""
    path = tmp_path / request.param
    if request.param == "folder":
        path.mkdir()
    else:
        path.touch()
    return path


def descriptors():
    return sorted(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names, not paths


def test_any_number_may_share(path, hold):
    """Shared locks go together, in one process and in several."""
    hold("shared", path)
    with Lock.shared(path), Lock.shared(path):
        pass


@pytest.mark.parametrize(
    ("mine", "other"), [("exclusive", "exclusive"), ("exclusive", "shared"), ("shared", "exclusive")]
)
def test_an_exclusive_lock_goes_with_no_other(path, hold, mine, other):
    """Neither another process nor this one gets what is locked otherwise; it is refused at once."""
    before = descriptors()
    with getattr(Lock, mine)(path), pytest.raises(BlockingIOError):
        getattr(Lock, other)(path)
    holder = hold(mine, path)
    between = descriptors()
    with pytest.raises(BlockingIOError):
        getattr(Lock, other)(path)
    assert descriptors() == between
    holder.communicate()
    getattr(Lock, other)(path).close()
    assert descriptors() == before


def test_an_exclusive_lock_can_be_shared_from_now_on(path, hold):
    """Who has taken something over lets others use it too, without giving it up in between."""
    with Lock.exclusive(path) as lock:
        lock.share()
        hold("shared", path)
        with pytest.raises(BlockingIOError):
            Lock.exclusive(path)


def test_closing_twice_is_harmless(path):
    """The second close closes nothing, least of all what has got the first one's number meanwhile."""
    lock = Lock.exclusive(path)
    lock.close()
    with path.parent.joinpath("other").open("w") as other:
        lock.close()
        os.fstat(other.fileno())
    Lock.exclusive(path).close()


def test_the_lock_goes_with_what_was_moved(path):
    """What was locked stays so under its new name, and what comes in its place is not."""
    with Lock.exclusive(path):
        moved = path.rename(path.with_name("moved"))
        with pytest.raises(FileNotFoundError):
            Lock.exclusive(path)
        path.touch()
        Lock.exclusive(path).close()
        with pytest.raises(BlockingIOError):
            Lock.shared(moved)


@pytest.mark.parametrize("comes", [True, False])
def test_a_path_that_was_moved_while_it_was_being_locked_is_not_had(path, monkeypatch, comes):
    """A lock is on what lies at the path, not on what lay there a moment ago; then nothing is held."""
    import fcntl

    flock = fcntl.flock

    def late(descriptor, how):
        path.rename(path.with_name("moved"))
        if comes:
            path.touch()
        flock(descriptor, how)

    before = descriptors()
    with monkeypatch.context() as patch:
        patch.setattr(fcntl, "flock", late)
        with pytest.raises(FileNotFoundError):
            Lock.exclusive(path)
    assert descriptors() == before
    Lock.exclusive(path.with_name("moved")).close()


def test_what_is_not_there_cannot_be_locked(path):
    """A lock makes nothing."""
    missing = path.with_name("missing")
    for lock in (Lock.shared, Lock.exclusive):
        with pytest.raises(FileNotFoundError):
            lock(missing)
    assert not missing.exists()


@pytest.mark.parametrize("how", ["shared", "exclusive"])
def test_it_ends_with_its_process(path, hold, how):
    """What a process that was killed held can be had as soon as it is dead."""
    holder = hold(how, path)
    holder.kill()
    holder.wait()
    Lock.exclusive(path).close()


def test_it_is_not_inherited(path):
    """A program that was started meanwhile does not keep the lock."""
    lock = Lock.exclusive(path)
    with subprocess.Popen(["sleep", "600"], close_fds=False) as sleeper:
        try:
            lock.close()
            Lock.exclusive(path).close()
        finally:
            sleeper.kill()
