"""The sweeper: what nobody needs goes, and nothing else."""

import os
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
from attrs import evolve

from haulage.builtin.sql.engine import open_database
from haulage.builtin.sql.store import SqlStore
from haulage.contracts.metadata import Again, Done, NewJob
from haulage.errors import Failure, Kind
from haulage.locks import Lock
from haulage.pipeline import worker as worker_module
from haulage.pipeline.sweeper import FORGOTTEN, Sweeper
from haulage.pipeline.workspace import Workspace
from haulage.values import MediaFacts, MediaFile, Request, Status, Try, Video

LONG = timedelta(hours=1)
WEEK = timedelta(days=7)


@pytest.fixture
def workspace(tmp_path):
    """A workspace, in which nobody works."""
    return Workspace(tmp_path / "work")


@pytest.fixture
def store(tmp_path):
    """A store of its own."""
    store = SqlStore(open_database("sqlite:///haulage.db", tmp_path))
    store.prepare()
    yield store
    store.close()


@pytest.fixture
def held(store, workspace):
    """Add a job and claim it, and give the hold and the folder of its attempt with half a download in it."""

    def hold(number):
        store.add([NewJob(Request(f"https://example.com/{number}"), "example.com")], again=True)
        hold = store.claim("host:1", LONG, home=workspace.home, handover=LONG)
        folder = workspace.occupy(hold.job, hold.attempt)
        workspace.leave(hold.attempt)
        (folder / "video.mp4.part").write_bytes(b"half")
        return hold, folder

    return hold


def files_of(folder):
    """What a fetch would have left there."""
    path = folder / "video.mp4"
    path.write_bytes(b"whole")
    return (MediaFile(path, "video", "mp4", "video/mp4", 5, "5" * 64),)


def fetched(hold, folder, workspace, **fields):
    """A job whose file was fetched."""
    video = Video("example", hold.job.id, "", hold.job.request.url)
    return evolve(hold.job, video=video, files=files_of(folder), facts=MediaFacts("mp4"), home=workspace.home, **fields)


def age(path, by=FORGOTTEN + timedelta(hours=1)):
    """Make it look as if nothing had been written there for so long."""
    then = time.time() - by.total_seconds()
    for each in (*path.rglob("*"), path):
        os.utime(each, (then, then))


@pytest.mark.parametrize("keep_failed", [WEEK, timedelta(0)])
def test_what_a_job_waits_for_stays(store, workspace, held, keep_failed):
    """The part of one that waits, what was fetched, and the folder of one that is held, however old they are."""
    part, part_folder = held(1)
    store.save(part, evolve(part.job, home=workspace.home), Again(LONG))
    whole, whole_folder = held(2)
    store.save(whole, fetched(whole, whole_folder, workspace), Again(LONG))
    _, held_folder = held(3)
    for folder in (part_folder, whole_folder, held_folder):
        age(folder)
    Sweeper(store, workspace, keep_failed).sweep()
    assert [folder.is_dir() for folder in (part_folder, whole_folder, held_folder)] == [True] * 3


def test_what_ended_jobs_left_goes(store, workspace, held, caplog):
    """Whatever a crash left of a job that was stored, or failed without a file, with the job's own folder."""
    stored, folder = held(1)
    store.save(stored, fetched(stored, folder, workspace, status=Status.DOWNLOADED), Done())
    failed, _ = held(2)
    store.save(failed, evolve(failed.job, home=workspace.home, status=Status.FAILED), Done())
    caplog.set_level("INFO", "haulage")
    Sweeper(store, workspace, WEEK).sweep()
    assert sorted(path.name for path in workspace.root.iterdir()) == ["home"]
    assert [record.getMessage() for record in caplog.records] == ["removed 2 work folders that nothing needs"]


def test_what_earlier_attempts_left_goes(store, workspace, held):
    """Only the latest is gone on with."""
    first, old = held(1)
    store.save(first, evolve(first.job, home=workspace.home), Again())
    second = store.claim("host:1", LONG, home=workspace.home, handover=LONG)
    new = old.with_name(second.attempt)
    new.mkdir()
    store.save(second, second.job, Again())
    Sweeper(store, workspace, WEEK).sweep()
    assert [old.is_dir(), new.is_dir()] == [False, True]


def test_what_a_job_has_elsewhere_now_goes_here(store, workspace, held):
    """A job that another workspace has taken over needs nothing of this one."""
    first, folder = held(1)
    store.save(first, evolve(first.job, home=workspace.home), Again())
    second = store.claim("other:1", LONG, home="elsewhere", handover=timedelta(0))
    store.save(second, evolve(second.job, home="elsewhere"), Again())
    Sweeper(store, workspace, WEEK).sweep()
    assert not folder.exists()


@pytest.mark.parametrize(("keep_failed", "stays"), [(WEEK, True), (timedelta(0), False)])
def test_what_could_not_be_stored_stays_for_a_while(store, workspace, held, keep_failed, stays):
    """It is kept for workspace.keep_failed, so that asking again need not download again; then it goes."""
    hold, folder = held(1)
    failure = Try(hold.attempt, "store:archive", Failure(Kind.STORAGE, "HTTP 503"), counted=True, wait=None)
    failed = fetched(hold, folder, workspace, status=Status.FAILED)
    store.save(hold, evolve(failed, tries=(failure,)), Done())
    time.sleep(0.002)  # the store's clock ticks in milliseconds
    Sweeper(store, workspace, keep_failed).sweep()
    assert folder.is_dir() is stays


def test_a_folder_in_use_stays(store, workspace, held):
    """Whatever the store says: a process of a sleeper may work in it."""
    hold, folder = held(1)
    store.save(hold, evolve(hold.job, status=Status.FAILED), Done())
    with Lock.shared(folder):
        Sweeper(store, workspace, WEEK).sweep()
        assert (folder / "video.mp4.part").exists()
    Sweeper(store, workspace, WEEK).sweep()
    assert not folder.exists()


def test_what_another_database_may_need_stays_for_a_while(store, workspace, held):
    """Jobs and attempts that this one does not know may be those of another one with the same workspace."""
    hold, folder = held(1)
    store.save(hold, evolve(hold.job, status=Status.FAILED), Done())
    theirs = [workspace.root / ("a" * 32) / ("b" * 32), folder.with_name("c" * 32)]
    for each in theirs:
        each.mkdir(parents=True)
        (each / "video.mp4.part").write_bytes(b"half")
    Sweeper(store, workspace, timedelta(0)).sweep()
    assert [each.is_dir() for each in (*theirs, folder)] == [True, True, False]
    for each in theirs:
        age(each)
    (theirs[0] / "video.mp4.part").touch()  # it goes on
    Sweeper(store, workspace, timedelta(0)).sweep()
    assert [each.is_dir() for each in theirs] == [True, False]


def test_what_is_not_ours_stays(store, workspace, held, tmp_path):
    """Names that are none of ours, files under names of ours, and links, wherever they lead."""
    hold, folder = held(1)
    store.save(hold, evolve(hold.job, status=Status.FAILED), Done())
    outside = tmp_path / "mine"
    outside.mkdir()
    (outside / "kept").touch()
    (workspace.root / ("d" * 32)).symlink_to(outside)
    (folder.parent / ("e" * 32)).symlink_to(outside)
    (workspace.root / "notes").mkdir()
    (workspace.root / ("F" * 32)).mkdir()
    (workspace.root / ("9" * 32)).touch()
    (folder.parent / "notes.txt").touch()
    for path in (outside, workspace.root):
        age(path)
    Sweeper(store, workspace, WEEK).sweep()
    assert not folder.exists()
    assert (outside / "kept").exists()
    assert sorted(path.name for path in folder.parent.iterdir()) == ["e" * 32, "notes.txt"]
    names = ["9" * 32, hold.job.id, "F" * 32, "d" * 32, "home", "notes"]
    assert sorted(path.name for path in workspace.root.iterdir()) == sorted(names)


def test_an_unfinished_name_goes(store, workspace):
    """Who died while the workspace was given its name left a file; a fresh one may belong to somebody who starts."""
    old, fresh = (workspace.root / f".home-{each * 32}" for each in "12")
    old.touch()
    fresh.touch()
    os.utime(old, (time.time() - 7200,) * 2)
    Sweeper(store, workspace, WEEK).sweep()
    assert sorted(path.name for path in workspace.root.iterdir()) == [fresh.name, "home"]


def test_what_cannot_be_removed_is_told(store, workspace, held, monkeypatch, caplog):
    """And all else goes on."""
    for number in (1, 2):
        hold, _ = held(number)
        store.save(hold, evolve(hold.job, status=Status.FAILED), Done())
    rmtree = __import__("shutil").rmtree
    refused = []

    def refuse(path, *rest):
        if not refused:
            refused.append(path)
            raise PermissionError(13, "Permission denied")
        rmtree(path, *rest)

    monkeypatch.setattr("shutil.rmtree", refuse)
    Sweeper(store, workspace, WEEK).sweep()
    assert [record.getMessage() for record in caplog.records] == [f"cannot remove {refused[0]}: Permission denied"]
    assert len([path for path in workspace.root.iterdir() if path.is_dir()]) == 1


def test_an_attempt_makes_its_folder_again_where_it_is_swept_before_it_is_locked(workspace, monkeypatch):
    """Between the making of a folder and its lock a sweeper may have it: the attempt only begins anew."""
    shared, calls = Lock.shared, []

    def late(path):
        calls.append(path)
        if len(calls) == 1:
            raise BlockingIOError(11, "Resource temporarily unavailable")
        if len(calls) == 2:
            path.rmdir()
            path.parent.rmdir()
        return shared(path)

    monkeypatch.setattr(Lock, "shared", late)
    job = NewJob(Request("https://example.com/1"), "example.com").request.id
    hold = evolve(_a_job(job), attempts=("a" * 32,))
    assert workspace.occupy(hold, "a" * 32).is_dir()
    assert len(calls) == 3


def _a_job(name):
    from haulage.values import Job

    return Job(name, Request("https://example.com/1"), "example.com")


def test_a_run_sweeps_when_it_begins_and_now_and_then(pipeline, site, tmp_path, monkeypatch):
    """What a crash left is gone before the first job is done, and in a long run within the hour."""
    with pipeline(workers=1, workspace={"min_free": 0}) as running:
        [job] = running.run([site.url("clip.mp4")])
        left = tmp_path / ".haulage" / "work" / job.id / job.attempts[0]
        left.mkdir(parents=True)
        for _ in running.run([site.url("second.mp4")]):
            assert not left.exists(), "what a crash left was not swept when a run began"
        monkeypatch.setattr(worker_module, "SWEEP_SECONDS", 0.0)
        runs = running.run([site.url("clip.mp4?1"), site.url("second.mp4?1")])
        next(runs)
        left.mkdir(parents=True)
        next(runs)
    assert not left.exists(), "what a crash left was not swept in a long run"


PROGRAM = """
import sys
from datetime import timedelta
from pathlib import Path
from haulage.builtin.sql.engine import open_database
from haulage.builtin.sql.store import SqlStore
from haulage.pipeline import worker as worker_module
from haulage.pipeline.sweeper import Sweeper
from haulage.pipeline.workspace import Workspace
folder = Path(sys.argv[1])
store = SqlStore(open_database("sqlite:///haulage.db", folder))
sweeper = Sweeper(store, Workspace(folder / "work"), timedelta(days=7))
print("ready", flush=True)
sys.stdin.readline()
sweeper.sweep()
"""


def test_processes_that_start_at_once_sweep_together(store, workspace, held, tmp_path):
    """Each folder goes once, and nobody complains of what another one removed first."""
    for number in range(40):
        hold, folder = held(number)
        for name in range(5):
            (folder / f"fragment-{name}").write_bytes(b"x")
        store.save(hold, evolve(hold.job, status=Status.FAILED), Done())
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    processes = [subprocess.Popen([sys.executable, "-c", PROGRAM, tmp_path], **pipes) for _ in range(3)]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [(process.communicate(timeout=60)[0], process.returncode) for process in processes] == [("", 0)] * 3
    assert [path.name for path in Path(workspace.root).iterdir()] == ["home"]
