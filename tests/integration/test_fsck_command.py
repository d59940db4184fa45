"""`haulage fsck`: what it prints, and its exit codes."""

import json

import pytest


@pytest.fixture
def kept(haulage, scripted):
    """A library of two videos, and the program."""
    assert haulage("get", "http://a.test/good/one", "http://a.test/good/two").returncode == 0
    return scripted.folder / "library" / "channel"


def test_an_archive_that_is_right(haulage, kept, scripted):
    """One line says so, and the exit code."""
    result = haulage("fsck", "--deep")
    assert (result.returncode, result.stdout, result.stderr) == (0, "4 objects and 2 jobs: they agree\n", "")
    told = json.loads(haulage("fsck", "--json").stdout)
    assert told == {"findings": [], "objects": 4, "jobs": 2, "repaired": 0, "left": 0}
    assert sorted(path.name for path in scripted.stored()) == ["video.mp4", "video.mp4"]


def test_what_disagrees_is_told_and_then_mended(haulage, kept, scripted):
    """A line each, with what a repair would do, and did; a table counts them."""
    (kept / "one" / "video.mp4").unlink()
    (kept / "notes.txt").write_text("mine")
    report = haulage("fsck")
    assert (report.returncode, report.stderr) == (1, "")
    assert report.stdout.splitlines() == [
        f"missing       {kept}/one/video.mp4: it is not there; with --repair the job is due again, and the copy is made"
        " from another storage or hauled again",
        f"foreign       {kept}/notes.txt: no row and no record names it",
        "4 objects and 2 jobs: as follows",
        "        1 missing: the database has it, the storage does not",
        "        1 foreign: not ours, and never touched",
    ]
    mended = haulage("fsck", "--repair")
    assert mended.returncode == 0
    assert f"missing       {kept}/one/video.mp4: it is not there; repaired" in mended.stdout.splitlines()
    assert "        1 missing, 1 repaired: the database has it, the storage does not" in mended.stdout.splitlines()
    assert haulage("work").returncode == 0
    assert (kept / "one" / "video.mp4").read_text() == "one"
    told = json.loads(haulage("fsck", "--json").stdout)
    assert [(each["sort"], each["name"]) for each in told["findings"]] == [("foreign", f"{kept}/notes.txt")]


def test_what_is_foreign_fills_no_screen(haulage, kept):
    """Ten lines, a word on the rest, and how many there are; the document has them all."""
    for number in range(15):
        (kept / f"{number}.txt").touch()
    lines = haulage("fsck").stdout.splitlines()
    assert len([line for line in lines if line.startswith("foreign ")]) == 11
    assert lines[-1] == "       15 foreign: not ours, and never touched"
    assert len(json.loads(haulage("fsck", "--json").stdout)["findings"]) == 15


def test_a_lost_database_is_made_again(haulage, kept, scripted):
    """The file is gone; afterwards `list` tells what it told before."""
    before = json.loads(haulage("list", "--json").stdout)
    (scripted.folder / "haulage.db").unlink()
    assert haulage("fsck").returncode == 1
    assert haulage("fsck", "--adopt").returncode == 0
    after = json.loads(haulage("list", "--json").stdout)
    assert sorted(after, key=lambda each: each["video_id"]) == sorted(before, key=lambda each: each["video_id"])


def test_one_storage_alone(haulage, kept, scripted):
    """With --storage the others are not looked at."""
    config = scripted.folder / "haulage.yaml"
    config.write_text(config.read_text() + "storages: {library: library, other: other}\n")
    (scripted.folder / "other").mkdir()
    (scripted.folder / "other" / "notes.txt").touch()
    assert "notes.txt" in haulage("fsck").stdout
    assert "notes.txt" not in haulage("fsck", "--storage", "library").stdout
    (kept / "one" / "video.mp4").unlink()
    assert haulage("fsck", "--storage", "other").returncode == 0
    unknown = haulage("fsck", "--storage", "libary")
    assert (unknown.returncode, "no storage 'libary' in the config" in unknown.stderr) == (2, True)


def test_a_database_that_cannot_be_used(haulage, scripted):
    """The exit code is 3, and one line says why."""
    (scripted.folder / "haulage.db").write_bytes(b"no database" * 1000)
    for options in (["--repair"], ["--json"]):
        result = haulage("fsck", *options)
        assert (result.returncode, result.stdout) == (3, "")
        assert len(result.stderr.splitlines()) == 1


def test_progress_on_a_terminal(kept, scripted, watch):
    """A line says how far it is, and is gone at the end."""
    shown = watch("fsck", by=scripted, terminal=True)
    assert shown.end() == 0
    assert b"4 objects listed" in shown.raw
    assert shown.said.split() == ["4", "objects", "and", "2", "jobs:", "they", "agree"]
