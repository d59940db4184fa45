"""G11. Deletion is deliberate: a prune deletes what it decided on and still owns, wherever it is killed."""

import os
import signal
import threading
from pathlib import Path

import pytest
from harness.chains import points_in
from harness.tamper import flipped, write
from harness.warm import run_warm
from witnesses import Local

from haulage.testing import faults

ROWS = "select storage, role, key, state from stored_objects order by key"
STATUS = "select j.url, j.status, j.due_at from video_processing_jobs j order by j.url"


def haul(chain, site, *names):
    """Haul videos; their URLs."""
    urls = {name: site.url(f"/clip.mp4?{name}-{chain.name.partition(' ')[0]}") for name in names}
    chain.work("get", *urls.values())
    return urls


def keys_of(chain, urls):
    """The keys of the videos, and of all their files."""
    query = "select j.url, o.key, o.role from stored_objects o join videos v on o.video = v.number"
    rows = chain.database.rows(f"{query} join video_processing_jobs j on v.job = j.id")
    files = {name: {each["key"] for each in rows if each["url"] == url} for name, url in urls.items()}
    main = {each["url"]: each["key"] for each in rows if each["role"] == "video"}
    return {name: main[url] for name, url in urls.items()}, files


def retain(chain, *kept):
    """Let everything go that no pattern is like."""
    rows = chain.database.rows(
        "select j.url, v.source, v.video_id from video_processing_jobs j join videos v on v.job = j.id"
    )
    names = [f"'{each['source']}:{each['video_id']}'" for each in rows if each["url"] in kept]
    config = chain.program.folder / "haulage.yaml"
    keep = f"[{{keep: [{', '.join(names)}]}}, {{max_age: 1ms}}]" if names else "[{max_age: 1ms}]"
    config.write_text(f"{config.read_text()}retention: {keep}\n")


def lies(chain):
    """The rows that say stored of what is not there."""
    there = chain.place.objects()
    rows = chain.database.rows(ROWS)
    return [each["key"] for each in rows if each["state"] == "stored" and each["key"] not in there]


def contents(chain):
    """The digests of all that is stored, by key."""
    return {key: each.sha256 for key, each in chain.place.objects().items()}


@pytest.mark.timeout(900)
def test_a_kill_while_pruning_leaves_no_row_that_lies(timely, site, extent, chance, tmp_path):
    """No row claims what is gone, nothing that is kept goes, and the next prune leaves nothing of what was to go."""
    chain = timely
    urls = haul(chain, site, "one", "kept")
    _, files = keys_of(chain, urls)
    whole = contents(chain)
    retain(chain, urls["kept"])
    file = tmp_path / "points"
    assert run_warm(chain.program, "prune", "--yes", environ={"CRASH_LIST": str(file)}).code == 0
    points = [point for point, _ in points_in(file)]
    seams = ("store.claim", "store.save", "storage.", "workspace.roster")
    wanted = [each for each in points if each.name.startswith(seams)]
    assert {each.seam for each in wanted} >= {"store.claim", "store.save", "storage.stat", "storage.delete"}
    deletes = [each for each in wanted if each.seam == "storage.delete"]
    others = [each for each in wanted if each not in deletes]
    chosen = wanted if extent == "full" else [deletes[1], deletes[-1], *chance.sample(others, 2)]
    for point in chosen:
        chain.work("get", urls["one"])
        assert contents(chain).keys() == whole.keys(), "what was asked for again was not hauled"
        ran = run_warm(chain.program, "prune", "--yes", environ={"CRASH_AT": str(point)})
        assert ran.code == -signal.SIGKILL, f"it was not killed at {point}: {ran.said}"
        assert not lies(chain), f"killed at {point}, a row says stored of what is not there"
        chain.work("prune", "--yes")
        left = contents(chain)
        assert left == {key: whole[key] for key in files["kept"]}, f"killed at {point}, something was left, or lost"
        states = {each["key"]: each["state"] for each in chain.database.rows(ROWS)}
        assert {states[key] for key in files["one"]} == {"deleted"}, f"killed at {point}"
        chain.work("work")
        assert contents(chain) == left, f"killed at {point}, a worker brought back what was let go"
        status = {each["url"]: (each["status"], each["due_at"]) for each in chain.database.rows(STATUS)}
        assert status == {urls["one"]: ("pruned", None), urls["kept"]: ("downloaded", None)}, f"killed at {point}"
    chain.work("fsck", "--deep")


@pytest.mark.every_chain
def test_what_is_kept_or_not_ours_any_more_is_never_touched(chain, site):
    """Strangers' objects under our prefix, ours that were changed, and what a rule keeps are all there afterwards."""
    place, tells = chain.place, not isinstance(chain.place, Local)
    urls = haul(chain, site, "gone", "kept", "bit", "record", *(["theirs"] if tells else []))
    keys, files = keys_of(chain, urls)
    data = place.read(keys["kept"])
    told = {name: place.objects()[key].metadata for name, key in keys.items()}
    write(place, keys["bit"], flipped(data), told["bit"])
    [record] = files["record"] - {keys["record"]}
    write(place, record, flipped(place.read(record)), place.objects()[record].metadata)
    if tells:
        write(place, keys["theirs"], data)
    for key in ("strange/notes.txt", f"{keys['gone']}.bak"):
        write(place, key, b"mine")
    retain(chain, urls["kept"])
    before = contents(chain)
    plan = chain.work("prune", "--dry-run")
    assert "max_age" in plan
    assert contents(chain) == before, "a dry run changed something"
    chain.work("prune", "--yes", expected=(0, 1))
    left = contents(chain)
    assert files["kept"] <= left.keys(), "what a rule keeps is gone"
    assert left == {key: digest for key, digest in before.items() if key not in files["gone"]}, (
        "what is not what we wrote was deleted, or what is was left"
    )
    assert not lies(chain)


def test_a_lost_answer_of_a_deletion_does_no_harm(proxied, site):
    """The service deletes and says nothing: no row claims what is gone, and the next prune, if any, finishes it."""
    chain, proxy = proxied
    urls = haul(chain, site, "one", "two")
    retain(chain)
    proxy.on("DELETE", "", faults.DropAnswer(), only=1)
    proxy.on("DELETE", "", faults.DropAnswer(), only=2)
    proxy.on("DELETE", "", faults.DropAnswer(), only=3)
    chain.work("prune", "--yes", expected=(0, 1))
    assert not lies(chain), "a row says stored of what is not there"
    proxy.clear()
    chain.work("prune", "--yes", expected=(0, 1))
    assert not lies(chain), "a row says stored of what is not there"
    assert contents(chain) == {}, "something was left"
    rows = {each["url"]: (each["status"], each["due_at"]) for each in chain.database.rows(STATUS)}
    assert rows == dict.fromkeys(urls.values(), ("pruned", None))
    assert {each["state"] for each in chain.database.rows(ROWS)} == {"deleted"}


@pytest.mark.parametrize("point", ["store.claim before 1", "storage.delete before 1"])
def test_a_race_with_who_asks_for_the_very_video(chain, site, digest, point):
    """Asked for before its job is taken up, it stays; afterwards it goes, and is hauled by whoever asks once more."""
    urls = haul(chain, site, "one")
    keys, _ = keys_of(chain, urls)
    retain(chain)
    pruning = chain.start("prune", "--yes", CRASH_AT=point, CRASH_HOW="stop")
    wait_until_stopped(pruning.pid)
    getting = chain.start("get", urls["one"])
    if "claim" in point:
        assert getting.end().code == 0, "what was there was not found"
    os.kill(pruning.pid, signal.SIGCONT)
    code = pruning.end().code
    getting.end()
    assert not lies(chain), "a row says stored of what is not there"
    if "claim" in point:
        assert code == 1, "it is not told that something was left"
        assert keys["one"] in contents(chain), "what was asked for meanwhile was deleted"
    chain.work("get", urls["one"])
    assert contents(chain)[keys["one"]] == digest("clip.mp4")
    assert not lies(chain)


def wait_until_stopped(pid):
    """Wait until a process has stopped itself."""
    told = threading.Event()
    for _ in range(600):
        if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T":
            return
        told.wait(0.05)
    raise AssertionError("it did not come to its point")
