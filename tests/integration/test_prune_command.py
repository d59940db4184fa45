"""`haulage prune` and `haulage delete`: what they print, whom they ask, and their exit codes."""

import json
import os
import re

import pytest

from haulage.builtin.local import LocalStorage
from haulage.errors import Failure, Kind, StorageError

RULES = "retention:\n  - {max_age: 1ms}\n  - {keep: ['[two]*', 'scripted:two']}\n"


@pytest.fixture
def kept(haulage, scripted):
    """A library of two videos with rules, and the program."""
    assert haulage("get", "http://a.test/good/one", "http://a.test/good/two").returncode == 0
    rule(scripted, RULES)
    return scripted.folder / "library" / "channel"


def rule(scripted, text):
    """Add to the config."""
    config = scripted.folder / "haulage.yaml"
    config.write_text(config.read_text() + text)


def test_a_dry_run_tells_and_changes_nothing(haulage, kept):
    """What goes by which rule, with bytes, and what is kept; the document names each video."""
    result = haulage("prune", "--dry-run")
    assert (result.returncode, result.stderr) == (0, "")
    size = sum(path.stat().st_size for path in (kept / "one").iterdir())
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["Rule", "Storage", "Videos", "Size", "USD/month"]
    assert lines[1].split() == ["retention[0].max_age", "library", "1", str(size), "bytes", "unknown"]
    assert lines[2:] == ["retention[1].keep keeps 1 that retention[0].max_age would let go."]
    assert all(len(line) <= 80 for line in lines)
    told = json.loads(haulage("prune", "--dry-run", "--json").stdout)
    assert (told["videos"], told["bytes"], told["monthly_cost"]) == (1, size, None)
    [going], [stays] = told["going"], told["kept"]
    assert (going["video_id"], going["storage"], going["objects"], going["bytes"], going["rule"]) == (
        *("one", "library", 2, size),
        "retention[0].max_age",
    )
    assert (stays["video_id"], stays["keeper"]) == ("two", "retention[1].keep")
    assert (kept / "one" / "video.mp4").exists()


def test_nobody_is_passed_over(haulage, kept):
    """Where nobody can be asked nothing is deleted without --yes."""
    result = haulage("prune")
    assert (result.returncode, "--yes deletes without asking" in result.stderr) == (2, True)
    named = haulage("delete", "one")
    assert (named.returncode, "--yes deletes without asking" in named.stderr) == (2, True)
    assert (kept / "one" / "video.mp4").exists()


@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("n", 4)])
@pytest.mark.parametrize("command", [("prune",), ("delete", "one")])
def test_on_a_terminal_it_asks(scripted, kept, watch, command, answer, code):
    """Nothing is deleted before the answer, and nothing after a no."""
    watched = watch(*command, by=scripted, terminal=True)
    watched.until("[y/N]")
    assert (kept / "one" / "video.mp4").exists()
    os.write(watched.source, f"{answer}\n".encode())
    assert watched.end() == code
    assert (kept / "one" / "video.mp4").exists() is (answer == "n")
    assert (kept / "two" / "video.mp4").exists()


def test_what_was_let_go_is_deleted_and_told(haulage, kept):
    """The files are gone and the row tells when; once more there is nothing to do."""
    result = haulage("prune", "--yes")
    assert (result.returncode, result.stderr) == (0, "")
    assert re.search(r"^1 video is gone, \d+ bytes$", result.stdout, re.MULTILINE)
    assert not list((kept / "one").glob("*"))
    assert (kept / "two" / "video.mp4").read_text() == "two"
    shown = haulage("show", "one").stdout
    assert "status    pruned" in shown
    assert re.search(r"^deleted +\d{4}-\d\d-\d\d", shown, re.MULTILINE)
    again = haulage("prune", "--yes")
    assert (again.returncode, again.stdout.splitlines()[0]) == (0, "No rule lets anything go now.")


def test_what_was_changed_is_left_and_named(haulage, kept):
    """The exit code says that something is left, the lines and the document why."""
    (kept / "one" / "video.mp4").write_text("ONE")
    result = haulage("prune", "--yes")
    assert result.returncode == 1
    assert "left library: scripted:one Title of one: its bytes are not those that were stored" in result.stdout
    assert "0 videos are gone, 0 bytes; 1 left" in result.stdout
    [told] = json.loads(haulage("prune", "--yes", "--json").stdout)["outcomes"]
    assert (told["video_id"], told["deleted_bytes"], told["left"]) == (
        *("one", 0),
        "its bytes are not those that were stored",
    )
    named = haulage("delete", "one", "--yes")
    assert (named.returncode, (kept / "one" / "video.mp4").read_text()) == (1, "ONE")


def test_a_limit_that_cannot_be_reached_is_told(haulage, scripted, kept):
    """What is left is kept: the exit code is that of something that was not done."""
    rule(scripted, "  - {max_total: 1B}\n")
    assert "retention[2].max_total is still exceeded then, by" in haulage("prune", "--dry-run").stdout
    assert haulage("prune", "--yes").returncode == 1
    assert (kept / "two" / "video.mp4").exists()


def test_money_needs_prices(haulage, scripted):
    """Without them nothing goes, and both commands name the line; with them the plan tells dollars."""
    haulage("get", "http://a.test/good/one")
    rule(scripted, "retention:\n  - {max_cost: 1 USD}\n  - {max_age: 1ms}\n")
    said = "haulage.yaml:6:6: retention[0].max_cost: no price known for storage library: set prices: {library: {storage"
    for command in (("prune", "--yes"), ("config", "check")):
        result = haulage(*command)
        assert (result.returncode, said in result.stderr) == (2, True), command
    assert scripted.stored()
    rule(scripted, "prices: {library: {storage: 1000000 USD}}\n")
    size = sum(path.stat().st_size for path in (scripted.folder / "library").rglob("*") if path.is_file())
    told = json.loads(haulage("prune", "--dry-run", "--json").stdout)
    assert told["monthly_cost"] == pytest.approx(size / 1e9 * 1e6)
    assert haulage("config", "check").returncode == 0


def test_without_rules_nothing_goes(haulage, scripted):
    """There is a word on where to begin."""
    result = haulage("prune", "--yes")
    assert (result.returncode, "the config has no retention" in result.stderr) == (2, True)


def test_videos_are_deleted_by_name(haulage, kept, scripted):
    """By id or URL, whatever keeps them; what is not there is told and is no failure, what nobody knows is."""
    result = haulage("delete", "two", "http://a.test/good/one", "--yes")
    assert (result.returncode, result.stderr) == (0, "")
    assert not scripted.stored()
    again = haulage("delete", "two", "--yes")
    assert (again.returncode, again.stdout) == (0, "two is not stored anywhere.\n")
    unknown = haulage("delete", "three", "--yes")
    assert (unknown.returncode, "no video 'three'" in unknown.stderr) == (2, True)
    assert haulage("get", "http://a.test/good/two").returncode == 0
    assert (kept / "two" / "video.mp4").read_text() == "two"


def test_a_name_of_several_deletes_none(haulage, scripted):
    """Variants share an id: which one is meant has to be said."""
    haulage("get", "http://a.test/good/one")
    haulage("get", "--variant", "small", "http://a.test/good/one")
    result = haulage("delete", "one", "--yes")
    assert (result.returncode, "means 2 videos" in result.stderr) == (2, True)
    assert len(scripted.stored()) == 2


def test_one_storage_alone(haulage, scripted):
    """With --storage the others keep the video, and it is not made there again."""
    rule(scripted, "storages: {library: library, nas: nas}\n")
    haulage("get", "http://a.test/good/one")
    assert haulage("delete", "one", "--storage", "library", "--yes").returncode == 0
    assert haulage("work").returncode == 0
    assert not list((scripted.folder / "library").rglob("*.mp4"))
    assert [path.read_text() for path in (scripted.folder / "nas").rglob("*.mp4")] == ["one"]
    unknown = haulage("delete", "one", "--storage", "libary", "--yes")
    assert (unknown.returncode, "no storage 'libary' in the config" in unknown.stderr) == (2, True)


def test_a_feed_does_not_bring_back_what_was_deleted(program, site):
    """The feed still names it; who asks for the very URL gets it."""
    feed, clip = site.url("feed.xml"), None
    (program.folder / "haulage.yaml").write_text("private_hosts: [127.0.0.1]\n")
    assert program.run("get", feed).returncode == 0
    stored = json.loads(program.run("list", "--json", "--status", "downloaded").stdout)
    clip = next(each for each in stored if each["url"].endswith("clip.mp4"))
    assert program.run("delete", clip["video_id"], "--yes").returncode == 0
    before = len(site.requests)
    assert program.run("get", feed).returncode == 0
    assert {request.path for request in site.requests[before:]} == {"/feed.xml"}
    [told] = json.loads(program.run("list", "--json", "--status", "pruned").stdout)
    assert told["url"] == clip["url"]
    assert program.run("get", clip["url"]).returncode == 0
    assert len(site.requests) > before + 1
    listed = json.loads(program.run("list", "--json", "--status", "downloaded").stdout)
    assert [each["sha256"] for each in listed if each["url"] == clip["url"]] == [clip["sha256"]]


def test_ctrl_c_finishes_the_video_at_hand(scripted, haulage, watch):
    """The exit code says that more is to do, and the next prune does it."""
    haulage("get", *(f"http://a.test/good/v{number}" for number in range(40)))
    rule(scripted, "retention: [{max_age: 1ms}]\n")
    watched = watch("prune", "--yes", by=scripted, terminal=True)
    watched.until(" of 40 videos")
    watched.interrupt()
    assert watched.end() == 4
    left = len(scripted.stored())
    assert 0 < left < 40
    listed = json.loads(haulage("list", "--json").stdout)
    assert sorted(each["status"] for each in listed) == ["downloaded"] * left + ["pruned"] * (40 - left)
    assert haulage("prune", "--yes").returncode == 0
    assert not scripted.stored()


@pytest.mark.parametrize("command", [("delete", "one", "two"), ("prune",)])
def test_a_document_tells_what_is_gone_whatever_happens(haulage, scripted, monkeypatch, command):
    """Where the storage is away after the first video, that one is told, and the exit code is 3."""
    assert haulage("get", "http://a.test/good/one", "http://a.test/good/two").returncode == 0
    rule(scripted, "retention: [{max_age: 1ms}]\n")
    delete, deleted = LocalStorage.delete, []

    def twice(storage, key, **options):
        if len(deleted) == 2:
            raise StorageError(Failure(Kind.DENIED, "the disk is away"))
        deleted.append(key)
        delete(storage, key, **options)

    monkeypatch.setattr(LocalStorage, "delete", twice)
    result = haulage(*command, "--yes", "--json")
    assert (result.returncode, "the disk is away" in result.stderr) == (3, True)
    assert [each["deleted_objects"] for each in json.loads(result.stdout)["outcomes"]] == [2]


@pytest.fixture
def broken_off(haulage, kept, scripted, monkeypatch):
    """A video whose deletion failed for good, when a part of it was gone; its fetcher was not asked since."""
    delete = LocalStorage.delete

    def refuse(storage, key, **options):
        if key.endswith(".json"):
            raise StorageError(Failure(Kind.STORAGE, "the disk is away"))
        delete(storage, key, **options)

    with monkeypatch.context() as broken:
        broken.setattr(LocalStorage, "delete", refuse)
        assert haulage("delete", "one", "--yes").returncode == 1
        haulage("work")
    assert [path.name for path in (kept / "one").iterdir()] == ["video.json"]
    (scripted.folder / "one.begun").unlink()  # the fetcher leaves it when it is asked
    return kept / "one"


@pytest.mark.parametrize("options", [(), ("--json",)], ids=["text", "json"])
def test_a_deletion_that_failed_goes_on_when_it_is_tried_again(haulage, kept, scripted, broken_off, options):
    """Whoever retries what failed does not haul again what was deleted on purpose."""
    ran = haulage("retry", *options)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    assert list(broken_off.iterdir()) == []
    assert not (scripted.folder / "one.begun").exists(), "it was downloaded again"
    assert [each["status"] for each in json.loads(haulage("list", "--json").stdout)] == ["pruned", "downloaded"]
    assert haulage("failures").stdout.startswith("No failure")


def test_a_deletion_from_a_storage_that_is_not_known_any_more_does_not_go_on(haulage, scripted, broken_off):
    """Nothing can be deleted there: the video is hauled to where it belongs now, as who retries wants it."""
    rule(scripted, "storages: {other: other}\n")
    assert haulage("retry").returncode == 0
    assert (broken_off / "video.json").exists()
    assert (scripted.folder / "other" / "channel" / "one" / "video.mp4").read_bytes() == b"one"


def test_what_is_deleted_and_was_asked_for_since_is_hauled(haulage, broken_off, monkeypatch):
    """Who asks for a video whose deletion was broken off, and tries again what failed, wants the video."""
    stat = LocalStorage.stat

    def refuse(storage, key):
        if key.endswith(".json"):
            raise StorageError(Failure(Kind.STORAGE, "the disk is away"))
        return stat(storage, key)

    with monkeypatch.context() as broken:
        broken.setattr(LocalStorage, "stat", refuse)
        assert haulage("get", "http://a.test/good/one").returncode == 1
    assert haulage("retry").returncode == 0
    assert sorted(path.name for path in broken_off.iterdir()) == ["video.json", "video.mp4"]
