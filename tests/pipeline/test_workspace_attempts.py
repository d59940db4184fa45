"""The folders of attempts in a workspace: what one takes over from those before it, and what is in use."""

import errno
import os
import time

import pytest
from attempts import JOB, ONE, OTHER, THREE, TWO, job

from haulage.errors import StorageError
from haulage.locks import Lock
from haulage.pipeline.workspace import Workspace
from haulage.values import AttemptId


def test_a_first_attempt_gets_an_empty_folder(tmp_path):
    """A job that was never tried has nothing to go on with, and another job's files are not touched."""
    workspace = Workspace(tmp_path)
    kept = workspace.occupy(job(ONE, of=OTHER), ONE) / "video.mp4"
    kept.write_bytes(b"kept")
    folder = workspace.occupy(job(ONE), ONE)
    assert folder == tmp_path / JOB / ONE
    assert list(folder.iterdir()) == []
    assert kept.read_bytes() == b"kept"


@pytest.mark.parametrize("other_process", [False, True])
def test_an_attempt_takes_over_what_the_one_before_left(tmp_path, other_process):
    """The folder itself goes over, with all that is in it, to whoever uses the workspace."""
    workspace = Workspace(tmp_path)
    old = workspace.occupy(job(ONE), ONE)
    (old / "part").mkdir()
    (old / "part" / "video.mp4.part").write_bytes(b"half")
    inode = old.stat().st_ino
    workspace.leave(ONE)
    folder = (Workspace(tmp_path) if other_process else workspace).occupy(job(ONE, TWO), TWO)
    assert folder == tmp_path / JOB / TWO
    assert folder.stat().st_ino == inode
    assert (folder / "part" / "video.mp4.part").read_bytes() == b"half"
    assert list((tmp_path / JOB).iterdir()) == [folder]


def test_the_latest_of_several_is_taken_over(tmp_path):
    """What the last attempt left is the furthest; what lies there of others stays until the job is cleared."""
    workspace = Workspace(tmp_path)
    for attempt in (ONE, TWO):
        (tmp_path / JOB / attempt).mkdir(parents=True)
        (tmp_path / JOB / attempt / attempt).touch()
    folder = workspace.occupy(job(ONE, TWO, THREE), THREE)
    assert [path.name for path in folder.iterdir()] == [TWO]
    assert {path.name for path in (tmp_path / JOB).iterdir()} == {ONE, THREE}


def test_an_attempt_without_a_folder_is_passed_over(tmp_path):
    """An attempt that ended before it fetched anything does not hide what the one before it left."""
    workspace = Workspace(tmp_path)
    (tmp_path / JOB / ONE).mkdir(parents=True)
    (tmp_path / JOB / ONE / "half").touch()
    folder = workspace.occupy(job(ONE, TWO, THREE), THREE)
    assert [path.name for path in folder.iterdir()] == ["half"]


@pytest.mark.parametrize("before", [False, True])
def test_a_folder_in_use_is_not_taken_over(tmp_path, holder, before):
    """After 2 s of patience the attempt takes what an earlier one left, or begins in a folder of its own."""
    workspace = Workspace(tmp_path)
    if before:
        (tmp_path / JOB / ONE).mkdir(parents=True)
        (tmp_path / JOB / ONE / "early").touch()
    used = tmp_path / JOB / TWO
    used.mkdir(parents=True)
    (used / "half").touch()
    holder(used)
    began = time.monotonic()
    folder = workspace.occupy(job(ONE, TWO, THREE), THREE)
    assert 1.5 < time.monotonic() - began < 7  # with patience for a machine that stalls
    assert [path.name for path in folder.iterdir()] == (["early"] if before else [])
    assert [path.name for path in used.iterdir()] == ["half"]


def test_only_the_last_attempt_is_waited_for(tmp_path, holder):
    """However many folders are in use, the patience is that for one."""
    workspace = Workspace(tmp_path)
    earlier = [AttemptId(letter * 32) for letter in "defg"]
    for attempt in earlier:
        (tmp_path / JOB / attempt).mkdir(parents=True)
        holder(tmp_path / JOB / attempt)
    began = time.monotonic()
    workspace.occupy(job(*earlier, THREE), THREE)
    assert time.monotonic() - began < 7  # not 8 s, which is 2 s for each


def test_a_process_that_is_about_to_die_is_waited_for(tmp_path, holder, monkeypatch):
    """A fetch process of the attempt before may take a moment to end; then its folder goes over."""
    workspace = Workspace(tmp_path)
    old = workspace.occupy(job(ONE), ONE)
    workspace.leave(ONE)
    process = holder(old)
    inode = old.stat().st_ino
    sleep = time.sleep

    def end(seconds):
        process.kill()
        sleep(seconds)

    monkeypatch.setattr(time, "sleep", end)
    assert workspace.occupy(job(ONE, TWO), TWO).stat().st_ino == inode


def test_an_attempts_folder_is_in_use_until_it_leaves(tmp_path):
    """From the moment it is given out, made or taken over, others may use it too but not take it over."""
    workspace = Workspace(tmp_path)
    for attempt, attempts in ((ONE, (ONE,)), (TWO, (ONE, TWO))):
        folder = workspace.occupy(job(*attempts), attempt)
        Lock.shared(folder).close()
        with pytest.raises(BlockingIOError):
            Lock.exclusive(folder)
        workspace.leave(attempt)
        workspace.leave(attempt)
        Lock.exclusive(folder).close()


def test_a_folder_that_another_process_takes_first_is_passed_over(tmp_path, monkeypatch):
    """Who finds that a folder went while he was about to take it begins in one of his own."""
    workspace = Workspace(tmp_path)
    old = workspace.occupy(job(ONE), ONE)
    (old / "half").touch()
    workspace.leave(ONE)
    exclusive = Lock.exclusive

    def late(path):
        path.rename(path.with_name("theirs"))
        return exclusive(path)

    monkeypatch.setattr(Lock, "exclusive", late)
    folder = workspace.occupy(job(ONE, TWO), TWO)
    assert list(folder.iterdir()) == []
    assert (tmp_path / JOB / "theirs" / "half").exists()


def test_an_attempt_that_fetches_again_keeps_its_folder(tmp_path):
    """Where its files were lost between two steps, it works on in the folder that it has."""
    workspace = Workspace(tmp_path)
    folder = workspace.occupy(job(ONE), ONE)
    assert workspace.occupy(job(ONE), ONE) == folder
    with pytest.raises(BlockingIOError):
        Lock.exclusive(folder)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES])
def test_a_folder_that_cannot_be_taken_over_is_a_failure_and_free(tmp_path, monkeypatch, code):
    """It fails as one that cannot be made does, and the next attempt finds the folder as it was."""
    workspace = Workspace(tmp_path)
    old = workspace.occupy(job(ONE), ONE)
    workspace.leave(ONE)

    def refuse(path, target):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "rename", refuse)
    with pytest.raises(StorageError):
        workspace.occupy(job(ONE, TWO), TWO)
    Lock.exclusive(old).close()
