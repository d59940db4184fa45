"""The roster: who works in a workspace, and who has died there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from haulage.locks import Lock
from haulage.pipeline.roster import Roster

WORKER = """
import sys
from pathlib import Path
from haulage.pipeline.roster import Roster
roster = Roster(Path(sys.argv[1]))
print(roster.name, flush=True)
sys.stdin.readline()
roster.close()
"""

ASKER = """
import sys
from pathlib import Path
from haulage.pipeline.roster import Roster
roster = Roster(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
print(*roster.dead(), flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def folder(tmp_path):
    """Where the roster's files lie; the roster makes it."""
    return tmp_path / "workers"


@pytest.fixture
def start(folder):
    """Starts a process with a roster, and returns it with its first line."""
    started = []

    def start(program=WORKER):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        process = subprocess.Popen([sys.executable, "-c", program, folder], **pipes)
        started.append(process)
        return process, process.stdout.readline().strip()

    yield start
    for process in started:
        process.kill()
        process.communicate()


def kill(process):
    process.kill()
    process.wait()


def test_a_name_tells_people_where_the_worker_is(folder, start):
    """A name holds host and process, and no two workers have the same."""
    one, other = Roster(folder), Roster(folder)
    process, theirs = start()
    names = [one.name, other.name, theirs]
    assert len(set(names)) == 3
    host = os.uname().nodename
    assert [name.split(":")[:2] for name in names] == [
        [host, str(pid)] for pid in (os.getpid(), os.getpid(), process.pid)
    ]
    one.close()
    other.close()


def test_a_worker_that_lives_is_not_dead(folder, start):
    """Neither the asker himself nor a worker of this process or of another is taken for dead."""
    start()
    one, other = Roster(folder), Roster(folder)
    assert list(one.dead()) == []
    assert len(list(folder.iterdir())) == 3
    one.close()
    other.close()


def test_a_worker_that_was_killed_is_dead_once(folder, start):
    """It is told at once, to the first who asks, and to nobody after it was dealt with."""
    process, name = start()
    one, other = Roster(folder), Roster(folder)
    kill(process)
    assert list(one.dead()) == [name]
    assert list(other.dead()) == list(one.dead()) == []
    assert {path.name for path in folder.iterdir()} == {one.name, other.name}
    one.close()
    other.close()


def test_of_several_that_ask_at_once_one_is_told(folder, start):
    """While one deals with a dead worker the others are not told of it."""
    process, name = start()
    one, other = Roster(folder), Roster(folder)
    kill(process)
    asking = one.dead()
    assert next(asking) == name
    assert list(other.dead()) == []
    assert list(asking) == []
    one.close()
    other.close()


def test_a_dead_worker_that_nobody_has_dealt_with_is_told_again(folder, start):
    """An asker that fails half-way leaves it to the next."""
    process, name = start()
    one, other = Roster(folder), Roster(folder)
    kill(process)
    asking = one.dead()
    next(asking)
    asking.close()
    assert list(other.dead()) == [name]
    one.close()
    other.close()


def test_processes_that_ask_at_once_are_told_of_each_once(folder, start):
    """However many processes ask, each dead worker is told to exactly one."""
    dead = [start() for _ in range(3)]
    askers = [start(ASKER)[0] for _ in range(3)]
    for process, _ in dead:
        kill(process)
    for asker in askers:
        asker.stdin.write("go\n")
        asker.stdin.flush()
    told = [name for asker in askers for name in asker.stdout.readline().split()]
    assert sorted(told) == sorted(name for _, name in dead)


def test_leaving_leaves_nothing(folder, start):
    """The last to leave takes the folder along; those before take their file alone."""
    process, name = start()
    roster = Roster(folder)
    roster.close()
    assert [path.name for path in folder.iterdir()] == [name]
    process.communicate("leave\n", timeout=10)
    assert not folder.exists()


def test_who_left_is_not_dead(folder, start):
    """A worker that has ended as it should is nobody's concern."""
    process, _ = start()
    roster = Roster(folder)
    process.communicate("leave\n", timeout=10)
    assert list(roster.dead()) == []
    roster.close()


def test_other_files_are_nobodys(folder):
    """What is not named like a worker is neither told nor removed."""
    roster = Roster(folder)
    (folder / "notes.txt").write_text("mine")
    assert list(roster.dead()) == []
    roster.close()
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]


def test_a_folder_that_went_meanwhile_is_made_again(folder, monkeypatch):
    """Who comes while the last one leaves finds no folder any more for his file, and makes it."""
    touch, went = Path.touch, []

    def late(path, *args, **options):
        if not went:
            went.append(path.parent.rmdir())
        touch(path, *args, **options)

    monkeypatch.setattr(Path, "touch", late)
    roster = Roster(folder)
    assert went
    assert [path.name for path in folder.iterdir()] == [roster.name]
    roster.close()


def test_a_folder_that_goes_while_it_is_found_is_made_again(folder, monkeypatch):
    """Who finds a folder that goes in the same moment is not told that it cannot be used."""
    mkdir, went = os.mkdir, []

    def late(path, *args, **options):
        try:
            mkdir(path, *args, **options)
        except FileExistsError:
            went.append(Path(path).rmdir())
            raise

    folder.mkdir()
    monkeypatch.setattr(os, "mkdir", late)
    roster = Roster(folder)
    assert len(went) == 1
    assert [path.name for path in folder.iterdir()] == [roster.name]
    roster.close()


@pytest.mark.parametrize("dealt_with", [False, True])
def test_a_file_that_was_taken_for_a_dead_ones_is_made_again(folder, monkeypatch, dealt_with):
    """Who is asked about before his file is locked gets another name, under which he lives."""
    asker = Roster(folder)
    exclusive, taken = Lock.exclusive, []

    def late(path):
        if not taken:
            taken.append(path.name)
            asking = asker.dead()
            assert next(asking) == path.name
            if dealt_with:
                assert list(asking) == []
            else:
                taken.append(asking)
        return exclusive(path)

    # Looked up by the asker too, whose calls must not be late.
    monkeypatch.setattr(Lock, "exclusive", late)
    roster = Roster(folder)
    monkeypatch.undo()
    assert roster.name != taken[0]
    for asking in taken[1:]:
        assert list(asking) == []
    assert {path.name for path in folder.iterdir()} == {asker.name, roster.name}
    assert list(asker.dead()) == []
    roster.close()
    asker.close()


@pytest.mark.parametrize("path", ["file", "missing/workers"])
def test_a_folder_that_cannot_be_used_is_told(tmp_path, path):
    """Where no folder can be made it is not tried for ever."""
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=path):
        Roster(tmp_path / path)


def test_who_left_something_behind_is_found_dead(folder):
    """A worker that ends and could not give back what it holds is dealt with like one that died."""
    one, other = Roster(folder), Roster(folder)
    one.abandon()
    assert list(other.dead()) == [one.name]
    other.close()
