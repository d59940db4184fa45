"""The workspace: its folder and its name, what it holds for jobs, and how it is cleared."""

import errno
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from attempts import JOB, ONE, OTHER, TWO, job
from attrs import evolve

from haulage.errors import Kind, StorageError
from haulage.pipeline.workspace import Workspace
from haulage.values import MediaFile

CURE = "set workspace.path to a folder that haulage can write to"


def fetched(workspace, size=5):
    """A job whose file was fetched into a workspace."""
    path = workspace.occupy(job(ONE), ONE) / "video.mp4"
    path.write_bytes(b"x" * size)
    file = MediaFile(path, "video", "mp4", "video/mp4", size, "5" * 64)
    return job(ONE, files=(file,), home=workspace.home)


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
    assert workspace.occupy(job(ONE), ONE) == tmp_path / "work" / JOB / ONE


def test_a_path_that_goes_up_is_written_out(tmp_path):
    """Fetchers get a folder without "..", which some take out of the paths that they write to."""
    workspace = Workspace(tmp_path / "config" / ".." / "work")
    assert workspace.occupy(job(ONE), ONE).parts == (tmp_path / "work" / JOB / ONE).parts


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


def test_what_a_job_may_go_on_with_is_kept_here(tmp_path):
    """A job of this workspace has something here as long as there are bytes in the folder of one of its attempts."""
    workspace = Workspace(tmp_path / "work")
    part = workspace.occupy(job(ONE), ONE) / "below" / "video.mp4.part"
    part.parent.mkdir()
    part.touch()
    assert not workspace.keeps(job(ONE, TWO, home=workspace.home))
    part.write_bytes(b"half")
    assert workspace.keeps(job(ONE, TWO, home=workspace.home))
    assert not workspace.keeps(job(ONE, TWO))
    assert not workspace.keeps(job(TWO, home=workspace.home))
    assert not workspace.keeps(job(ONE, of=OTHER, home=workspace.home))
    assert not Workspace(tmp_path / "other").keeps(job(ONE, home=workspace.home))
    workspace.clear(job(ONE))
    assert not workspace.keeps(job(ONE, home=workspace.home))


def test_a_worker_is_entered_into_the_roster(tmp_path):
    """The roster lies in the workspace, and one that cannot be written is refused with the option to change."""
    workspace = Workspace(tmp_path)
    roster = workspace.roster()
    assert [path.name for path in (tmp_path / "workers").iterdir()] == [roster.name]
    roster.close()
    (tmp_path / "workers").touch()
    with pytest.raises(StorageError) as caught:
        workspace.roster()
    assert (caught.value.failure.kind, caught.value.failure.cure) == (Kind.DENIED, CURE)


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
        workspace.occupy(job(ONE), ONE)
    assert (caught.value.failure.kind, caught.value.failure.cure) == (kind, cure)


def test_clearing_removes_the_job_and_nothing_else(tmp_path):
    """All of the job goes, however often it is said, and all else stays."""
    workspace = Workspace(tmp_path)
    workspace.occupy(job(ONE, of=OTHER), ONE)
    (tmp_path / JOB / TWO / "part").mkdir(parents=True)
    workspace.occupy(job(ONE), ONE)
    workspace.clear(job(ONE, TWO))
    workspace.clear(job(ONE, TWO))
    assert sorted(path.name for path in tmp_path.iterdir()) == [OTHER, "home"]
    assert [path.name for path in (tmp_path / OTHER).iterdir()] == [ONE]


def test_clearing_one_attempt_leaves_the_others(tmp_path):
    """An attempt that may not be gone on with goes alone."""
    workspace = Workspace(tmp_path)
    for attempt in (ONE, TWO):
        (tmp_path / JOB / attempt).mkdir(parents=True)
    workspace.clear(job(ONE, TWO), TWO)
    assert [path.name for path in (tmp_path / JOB).iterdir()] == [ONE]


def test_clearing_leaves_what_others_use(tmp_path, holder, caplog):
    """A folder that another process works in stays, with the job's folder, and nobody is told of it."""
    workspace = Workspace(tmp_path)
    workspace.occupy(job(ONE), ONE)
    used = tmp_path / JOB / TWO
    used.mkdir()
    process = holder(used)
    workspace.clear(job(ONE, TWO))
    assert list((tmp_path / JOB).iterdir()) == [used]
    assert not caplog.records
    process.kill()
    workspace.clear(job(ONE, TWO))
    assert not (tmp_path / JOB).exists()


def test_files_that_lie_here_are_held(tmp_path):
    """A fetched job is held by its workspace, from every process that uses it, and by no other."""
    workspace = Workspace(tmp_path / "work")
    held = fetched(workspace)
    assert workspace.holds(held)
    assert Workspace(tmp_path / "work").holds(held)
    assert not Workspace(tmp_path / "other").holds(held)


def test_a_job_without_files_is_not_held(tmp_path):
    """A job that was never fetched, or was given up, has nothing here."""
    workspace = Workspace(tmp_path)
    held = fetched(workspace)
    assert not workspace.holds(evolve(held, files=()))
    assert not workspace.holds(evolve(held, home=None))


@pytest.mark.parametrize(
    "change",
    [lambda path: path.unlink(), lambda path: path.write_bytes(b"xxxx"), lambda path: path.write_bytes(b"xxxxxx")],
)
def test_files_that_are_not_what_they_were_are_not_held(tmp_path, change):
    """A file that is gone, shorter or longer has to be fetched again, even where another one is whole."""
    workspace = Workspace(tmp_path)
    held = fetched(workspace)
    path = held.files[0].path.with_name("video.en.vtt")
    path.write_bytes(b"xxxxx")
    held = evolve(held, files=(*held.files, evolve(held.files[0], path=path, role="subtitle")))
    assert workspace.holds(held)
    change(path)
    assert not workspace.holds(held)


@pytest.mark.parametrize("attempts", [(), (ONE,)])
def test_what_cannot_be_removed_is_told(tmp_path, monkeypatch, caplog, attempts):
    """A folder that resists fails no job, and the log names it with the reason; one that is not there is no matter."""
    workspace = Workspace(tmp_path / "work")
    folder = workspace.occupy(job(ONE), ONE)

    def refuse(path, *args, **options):
        raise PermissionError(errno.EPERM, "Operation not permitted", path)

    monkeypatch.setattr(os, "rmdir", refuse)
    workspace.clear(job(ONE), *attempts)
    assert folder.exists()
    first = caplog.records[0]
    assert first.getMessage() == f"cannot remove {folder}: Operation not permitted"
    assert (first.levelname, first.job) == ("WARNING", JOB)
    assert all("cannot remove" in record.getMessage() for record in caplog.records)
    monkeypatch.undo()
    caplog.clear()
    workspace.clear(job(TWO, of=OTHER))
    assert not caplog.records
