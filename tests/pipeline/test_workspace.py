import errno
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from attrs import evolve

from haulage.errors import Kind, StorageError
from haulage.pipeline.workspace import Workspace
from haulage.values import AttemptId, Job, JobId, MediaFile, Request

JOB, OTHER = JobId("1" * 32), JobId("2" * 32)
ONE, TWO = AttemptId("a" * 32), AttemptId("b" * 32)
CURE = "set workspace.path to a folder that haulage can write to"


def fetched(workspace, size=5):
    """A job whose file was fetched into a workspace."""
    path = workspace.fresh(JOB, ONE) / "video.mp4"
    path.write_bytes(b"x" * size)
    file = MediaFile(path, "video", "mp4", "video/mp4", size, "5" * 64)
    return Job(JOB, Request("https://example.com/1"), "example.com", files=(file,), home=workspace.home)


def test_a_missing_folder_is_made(tmp_path):
    """The folder and all above it are made at the start."""
    workspace = Workspace(tmp_path / "a" / "work")
    assert (tmp_path / "a" / "work").is_dir()
    assert workspace.root == tmp_path / "a" / "work"


def test_a_relative_path_stays_where_it_was(tmp_path, monkeypatch):
    """Who changes the current folder later still finds his files."""
    monkeypatch.chdir(tmp_path)
    workspace = Workspace(Path("work"))
    monkeypatch.chdir("/")
    assert workspace.fresh(JOB, ONE) == tmp_path / "work" / JOB / ONE


def test_the_name_is_that_of_the_folder(tmp_path):
    """Every process that uses the folder knows it by one name, and no other folder has it."""
    one, again, other = Workspace(tmp_path / "one"), Workspace(tmp_path / "one"), Workspace(tmp_path / "other")
    assert one.home == again.home
    assert one.home != other.home
    assert re.fullmatch("[0-9a-f]{32}", one.home)
    assert [path.name for path in (tmp_path / "one").iterdir()] == ["home"]


def test_processes_that_start_at_once_agree_on_the_name(tmp_path):
    """Of several that give the folder a name, all take the first one's."""
    program = (
        "import sys; from pathlib import Path; from haulage.pipeline.workspace import Workspace\n"
        "print('ready', flush=True); sys.stdin.readline(); print(Workspace(Path(sys.argv[1])).home)"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "work")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(command, **pipes) for _ in range(4)]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    names = {process.communicate(timeout=60)[0].strip() for process in processes}
    assert len(names) == 1
    assert names == {(tmp_path / "work" / "home").read_text()}


def test_a_name_that_somebody_gave_meanwhile_is_taken(tmp_path, monkeypatch):
    """Who is late takes the name that is there and leaves nothing behind."""
    link = os.link

    def late(source, target, **rest):
        Path(target).write_text("theirs")
        link(source, target, **rest)

    monkeypatch.setattr(os, "link", late)
    assert Workspace(tmp_path).home == "theirs"
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


@pytest.mark.parametrize("path", ["file", "file/work"])
def test_a_path_that_is_no_folder_is_denied(tmp_path, path):
    """A workspace that cannot be used is refused at the start, with the option to change."""
    (tmp_path / "file").write_bytes(b"mine")
    with pytest.raises(StorageError) as caught:
        Workspace(tmp_path / path)
    assert caught.value.failure.kind is Kind.DENIED
    assert caught.value.failure.message.startswith(f"cannot use the workspace {tmp_path / path}: ")
    assert caught.value.failure.cure == CURE


def test_an_attempt_gets_an_empty_folder(tmp_path):
    """What earlier attempts at the job left goes; another job's files stay."""
    workspace = Workspace(tmp_path)
    kept = workspace.fresh(OTHER, ONE) / "video.mp4"
    kept.write_bytes(b"kept")
    old = workspace.fresh(JOB, ONE)
    (old / "part").mkdir()
    (old / "part" / "video.mp4.part").write_bytes(b"half")
    folder = workspace.fresh(JOB, TWO)
    assert folder.is_dir()
    assert list(folder.iterdir()) == []
    assert not old.exists()
    assert kept.read_bytes() == b"kept"


@pytest.mark.parametrize(
    ("code", "kind", "cure"),
    [
        (errno.ENOSPC, Kind.NO_SPACE, "free some space"),
        (errno.EDQUOT, Kind.NO_SPACE, "free some space"),
        (errno.EROFS, Kind.DENIED, CURE),
        (errno.EACCES, Kind.DENIED, CURE),
    ],
)
def test_a_folder_that_cannot_be_made_is_a_failure_and_no_bug(tmp_path, monkeypatch, code, kind, cure):
    """A full disk pauses the work and a closed one stops it; neither is blamed on the video."""
    workspace = Workspace(tmp_path)

    def refuse(path, mode=0o777, **rest):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "mkdir", refuse)
    with pytest.raises(StorageError) as caught:
        workspace.fresh(JOB, ONE)
    assert (caught.value.failure.kind, caught.value.failure.cure) == (kind, cure)


def test_clearing_removes_the_job_and_nothing_else(tmp_path):
    """All of the job goes, however often it is said, and all else stays."""
    workspace = Workspace(tmp_path)
    workspace.fresh(OTHER, ONE)
    workspace.fresh(JOB, ONE)
    workspace.clear(JOB)
    workspace.clear(JOB)
    assert sorted(path.name for path in tmp_path.iterdir()) == [OTHER, "home"]


def test_files_that_lie_here_are_held(tmp_path):
    """A fetched job is held by its workspace, from every process that uses it, and by no other."""
    workspace = Workspace(tmp_path / "work")
    job = fetched(workspace)
    assert workspace.holds(job)
    assert Workspace(tmp_path / "work").holds(job)
    assert not Workspace(tmp_path / "other").holds(job)


def test_a_job_without_files_is_not_held(tmp_path):
    """A job that was never fetched, or was given up, has nothing here."""
    workspace = Workspace(tmp_path)
    job = fetched(workspace)
    assert not workspace.holds(evolve(job, files=()))
    assert not workspace.holds(evolve(job, home=None))


@pytest.mark.parametrize(
    "change",
    [lambda path: path.unlink(), lambda path: path.write_bytes(b"xxxx"), lambda path: path.write_bytes(b"xxxxxx")],
)
def test_files_that_are_not_what_they_were_are_not_held(tmp_path, change):
    """A file that is gone, shorter or longer has to be fetched again, even where another one is whole."""
    workspace = Workspace(tmp_path)
    job = fetched(workspace)
    path = job.files[0].path.with_name("video.en.vtt")
    path.write_bytes(b"xxxxx")
    job = evolve(job, files=(*job.files, evolve(job.files[0], path=path, role="subtitle")))
    assert workspace.holds(job)
    change(path)
    assert not workspace.holds(job)


def test_what_cannot_be_removed_is_told(tmp_path, monkeypatch, caplog):
    """A folder that resists fails no job, and the log names it with the reason."""
    workspace = Workspace(tmp_path / "work")
    folder = workspace.fresh(JOB, ONE)

    def refuse(path, *args, **options):
        raise PermissionError(errno.EPERM, "Operation not permitted", path)

    monkeypatch.setattr(os, "rmdir", refuse)
    workspace.clear(JOB)
    assert folder.parent.exists()
    [record] = caplog.records
    assert record.getMessage() == f"cannot remove {folder.parent}: Operation not permitted"
    caplog.clear()
    workspace.clear(OTHER)
    assert not caplog.records
