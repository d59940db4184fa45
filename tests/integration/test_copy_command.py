"""`haulage copy`: what it prints, its exit codes, and what Ctrl-C does to it."""

import json
import os

import pytest
from program import WITHIN, Program

CONFIG = """
storages:
  library: {type: gated, path: library}
  nas: {type: gated, path: nas}
  cold: {type: gated, path: cold}
store_to: [library]
prices: {nas: {storage: 0.5 USD}}
"""
FREE = "select count(*) from video_processing_jobs where attempt is null and due_at is null"


@pytest.fixture
def moved(scripted: Program) -> Program:
    """A library of two videos, and two other storages."""
    config = scripted.folder / "haulage.yaml"
    config.write_text(config.read_text() + CONFIG)
    program = Program(scripted.folder, ("-p", "scripted", "-p", "gated"))
    assert program.run("get", "http://a.test/good/one", "http://a.test/good/two").returncode == 0
    (scripted.folder / "reading").unlink(missing_ok=True)
    return program


def files(program: Program, storage: str) -> list[str]:
    root = program.folder / storage
    return sorted(str(path.relative_to(root / "channel")) for path in root.rglob("*") if path.is_file())


ALL = ["one/video.json", "one/video.mp4", "two/video.json", "two/video.mp4"]


def test_copies_and_then_moves(moved):
    """A line for each video, and one at the end; the second time there is nothing to do, and a move only deletes."""
    folder = moved.folder
    copied = moved.run("copy", "--to", "nas", "--workers", "1")
    assert copied.returncode == 0
    lines = copied.stdout.splitlines()
    assert [line.partition(" (")[0].split() for line in lines] == [
        ["copied", "Title", "of", each] for each in ("one", "two")
    ]
    assert lines[0].endswith(f"-> {folder}/nas/channel/one/video.mp4")
    assert copied.stderr.startswith("2 videos, 4 files, ")
    assert copied.stderr.endswith(" copied to nas\n")
    assert files(moved, "nas") == files(moved, "library") == ALL
    again = moved.run("copy", "--to", "nas")
    assert (again.returncode, again.stdout) == (0, "Nothing to copy: all that was asked for is in nas\n")
    gone = moved.run("copy", "--to", "nas", "--from", "library", "--move", "--yes")
    assert gone.returncode == 0
    assert "it was there already, and was deleted in library" in gone.stdout
    assert gone.stderr == "0 videos, 0 files, 0 bytes copied to nas, 4 files deleted in library\n"
    assert (files(moved, "library"), files(moved, "nas")) == ([], ALL)
    assert {job["status"] for job in moved.json("list", "--json")} == {"downloaded"}
    assert moved.rows(FREE) == [(2,)]


def test_one_video_as_a_document(moved):
    """Only what was named is copied; the document has its objects, and what it came to."""
    told = moved.json("copy", "--to", "nas", "two", "--json")
    [video] = told["videos"]
    assert (video["video_id"], video["from"], video["left"], video["server_side"]) == ("two", "library", "", 0)
    path = moved.folder / "nas" / "channel" / "two" / "video.mp4"
    assert [each["url"] for each in video["objects"] if each["role"] == "video"] == [str(path)]
    size = sum(file.stat().st_size for file in path.parent.iterdir())
    assert {key: told[key] for key in ("to", "copied", "objects", "bytes", "deleted", "left", "stopped")} == {
        "to": "nas", "copied": 1, "objects": 2, "bytes": size, "deleted": 0, "left": 0, "stopped": False,
    }  # fmt: skip
    assert files(moved, "nas") == ["two/video.json", "two/video.mp4"]
    assert moved.json("copy", "--to", "nas", "two", "--json")["videos"] == []


def test_a_dry_run_changes_nothing(moved):
    """It tells videos, bytes and what they cost a month at the new place."""
    size = sum(path.stat().st_size for path in (moved.folder / "library").rglob("*") if path.is_file())
    told = moved.json("copy", "--to", "nas", "--from", "library", "--move", "--dry-run", "--json")
    assert (told["videos"], told["objects"], told["bytes"], told["deleted"]) == (2, 4, size, 4)
    assert told["monthly_cost"] == pytest.approx(size / 10**9 * 0.5)
    shown = moved.run("copy", "--to", "nas", "--dry-run").stdout
    assert shown.startswith("2 videos, 4 files, ")
    assert "USD a month" in shown
    assert "an unknown amount" in moved.run("copy", "--to", "cold", "--dry-run").stdout
    assert (files(moved, "nas"), files(moved, "library")) == ([], ALL)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--to", "nsa"], "no storage 'nsa' in the config; there are: library, nas, cold"),
        (["--to", "nas", "--from", "libary"], "no storage 'libary' in the config"),
        (["--to", "nas", "--from", "nas"], "the videos of nas are in nas already"),
        (["--to", "nas", "--move"], "say where they shall be deleted: --from library or --from cold"),
        (["--to", "nas", "--from", "library", "--move"], "--move deletes, and nobody is there to ask; add --yes"),
        (["--to", "nas", "three"], "no video 'three'"),
        ([], "Missing option '--to'"),
    ],
)
def test_what_cannot_be_meant(moved, arguments, said):
    """A clear line, exit code 2, and nothing is changed."""
    ran = moved.run("copy", *arguments)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert said in ran.stderr
    assert (files(moved, "nas"), files(moved, "library")) == ([], ALL)


def test_what_hinders_one_video_hinders_no_other(moved):
    """A stranger's object is left, with the cure; the other video is moved, and the exit code is 1."""
    stranger = moved.folder / "nas" / "channel" / "one" / "video.mp4"
    stranger.parent.mkdir(parents=True)
    stranger.write_text("mine")
    ran = moved.run("copy", "--to", "nas", "--from", "library", "--move", "--yes")
    assert ran.returncode == 1
    [left] = [line for line in ran.stdout.splitlines() if line.startswith("left")]
    assert left == (
        f"left    Title of one: {stranger} is there already, and haulage did not write it for this video;"
        " move it away, or choose another layout"
    )
    assert ran.stderr.endswith(", 1 video left\n")
    assert stranger.read_text() == "mine"
    assert files(moved, "library") == ["one/video.json", "one/video.mp4"]
    assert moved.rows(FREE) == [(2,)]


@pytest.mark.parametrize("refusal", ["denied you may not write there", "no_space the disk is full"])
def test_a_place_that_takes_nothing(moved, refusal):
    """One line with the cure, exit code 3, and everything is where it was; afterwards it goes on."""
    (moved.folder / "refuse").write_text(refusal)
    ran = moved.run("copy", "--to", "nas", "--from", "library", "--move", "--yes")
    assert (ran.returncode, ran.stdout) == (3, "")
    assert f"haulage: {refusal.partition(' ')[2]}; mend it\n" in ran.stderr
    assert (files(moved, "nas"), files(moved, "library")) == ([], ALL)
    assert moved.rows("select count(*) from stored_objects where storage = 'nas'") == [(0,)]
    assert moved.rows(FREE) == [(2,)]
    (moved.folder / "refuse").unlink()
    assert moved.run("copy", "--to", "nas", "--from", "library", "--move", "--yes").returncode == 0


def test_a_video_that_is_nowhere(moved):
    """It is told by name, and the exit code is 1; the others are copied."""
    assert moved.run("get", "http://a.test/unavailable/gone").returncode == 1
    ran = moved.run("copy", "--to", "nas", "gone", "one")
    assert ran.returncode == 1
    assert "and not in library or cold" in ran.stderr
    assert files(moved, "nas") == ["one/video.json", "one/video.mp4"]


both_ways = pytest.mark.parametrize("terminal", [True, False], ids=["terminal", "pipe"])
MOVE = ("copy", "--to", "nas", "--from", "library", "--move", "--yes", "--workers", "1")


@both_ways
def test_the_first_ctrl_c_finishes_what_is_under_way(moved, watch, wait_for, terminal):
    """One video is moved, the other is not begun, and the exit code is 4; the same command goes on."""
    hold = moved.folder / "hold"
    hold.touch()
    running = watch(*MOVE, by=moved, terminal=terminal)
    wait_for((moved.folder / "reading").exists)
    running.interrupt()
    running.until("finishing what runs; press Ctrl-C again to stop now, and go on later")
    hold.unlink()
    assert running.end() == 4
    assert "stopped; the same command goes on with it" in running.said
    assert (files(moved, "nas"), files(moved, "library")) == (ALL[:2], ALL[2:])
    assert moved.rows(FREE) == [(2,)]
    assert moved.run(*MOVE).returncode == 0
    assert (files(moved, "nas"), files(moved, "library")) == (ALL, [])


@both_ways
def test_the_second_ctrl_c_cancels(moved, watch, wait_for, terminal):
    """Nothing is copied by halves, nothing is deleted, and the exit code is 4; the same command goes on."""
    hold = moved.folder / "hold"
    hold.touch()
    running = watch(*MOVE, by=moved, terminal=terminal)
    wait_for((moved.folder / "reading").exists)
    running.interrupt()
    running.until("finishing what runs; press Ctrl-C again to stop now, and go on later")
    running.interrupt()
    assert running.end(seconds=WITHIN) == 4
    assert (files(moved, "nas"), files(moved, "library")) == ([], ALL)
    assert moved.processes() == []
    hold.unlink()
    assert moved.run(*MOVE).returncode == 0
    assert (files(moved, "nas"), files(moved, "library")) == (ALL, [])


def test_a_person_is_asked(moved, watch):
    """On a terminal a no deletes nothing, and a yes moves."""
    move = MOVE[:6]
    for answer, code, there in (("n", 4, ALL), ("y", 0, [])):
        running = watch(*move, by=moved, terminal=True)
        running.until("deleted in library. Go on? [y/N]:")
        os.write(running.source, f"{answer}\n".encode())
        assert running.end() == code
        assert files(moved, "library") == there


def test_the_log_for_machines(moved):
    """Each object that is stored or deleted is a line with storage, key and size."""
    ran = moved.run("--log-format", "json", *MOVE)
    lines = [json.loads(line) for line in ran.stderr.splitlines()]
    stored = [line for line in lines if str(line["message"]).startswith("stored ")]
    gone = [line for line in lines if str(line["message"]).startswith("deleted ")]
    assert sorted((line["storage"], line["key"]) for line in stored) == [("nas", f"channel/{each}") for each in ALL]
    assert sorted((line["storage"], line["key"]) for line in gone) == [("library", f"channel/{each}") for each in ALL]
    assert {line["size"] for line in stored} == {line["size"] for line in gone}
    assert all(isinstance(line, dict) for line in lines)


def test_a_document_is_ended_whatever_happens(moved):
    """Where a storage refuses, what was done before stands in a whole document, and the exit code is 3."""
    (moved.folder / "refuse").write_text("denied the key has run out")
    ran = moved.run("copy", "--to", "nas", "--workers", "1", "--json")
    told = json.loads(ran.stdout)
    assert (ran.returncode, told["videos"], told["copied"], told["stopped"]) == (3, [], 0, True)
    assert "the key has run out" in ran.stderr
