"""What an audit finds in an archive, and what a repair makes of it."""

import hashlib
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from haulage.contracts.metadata import Again

KEY = "UC/one/video.mp4"
RECORD = "UC/one/video.json"


def body(name):
    return f"{name} ".encode() * 100


def flipped(data):
    return bytes([data[0] ^ 1]) + data[1:]


@pytest.mark.parametrize("kind", ["local", "shelf"])
def test_an_archive_that_is_right(kind, request):
    """Nothing is told, and nothing is changed by a repair, even where every object is read."""
    kept = request.getfixturevalue(kind)
    kept.haul("one", "two")
    before = kept.rows("select * from video_processing_jobs"), kept.archive("*")
    assert kept.fsck() == []
    assert kept.fsck(deep=True, repair=True, adopt=True) == []
    assert (kept.rows("select * from video_processing_jobs"), kept.archive("*")) == before
    assert not kept.source.served


@pytest.mark.parametrize("kind", ["local", "shelf"])
def test_a_missing_object_is_hauled_again(kind, request):
    """The row goes, the job is due, and the next worker brings the object back; nothing else is hauled."""
    kept = request.getfixturevalue(kind)
    kept.haul("one", "two")
    before = kept.archive()
    storage = kept.pipeline.assembly.place("library").storage
    storage.delete(KEY)
    assert kept.told() == [("missing", f"library/{KEY}", False)]
    assert kept.archive() == before, "a report changed the database"
    assert kept.told(repair=True) == [("missing", f"library/{KEY}", True)]
    assert [row[1] for row in kept.archive()] == [row[1] for row in before if row[1] != KEY]
    assert kept.fsck() == [], "a job that is due is told as trouble"
    kept.work()
    assert kept.archive() == before
    assert kept.source.served == {"/UC/one": 1}
    assert kept.fsck(deep=True) == []


def test_a_missing_object_is_made_from_a_mirror(make):
    """What another storage holds whole is not downloaded again."""
    kept = make(storages={"library": "library", "mirror": "mirror"})
    kept.haul("one")
    before = kept.archive()
    (kept.folder / "library" / KEY).unlink()
    assert kept.told(repair=True) == [("missing", f"library/{KEY}", True)]
    kept.work()
    assert kept.archive() == before
    assert kept.holds()[KEY] == body("one")
    assert not kept.source.served


@pytest.mark.parametrize(("data", "sort"), [(b"short", "wrong size"), (flipped(body("one")), "wrong digest")])
def test_a_damaged_object_of_ours_is_replaced(shelf, data, sort):
    """Where the store says that our own attempt wrote it, it stays until a whole one replaces it."""
    shelf.haul("one")
    before = shelf.archive()
    [(attempt,)] = shelf.rows("select attempt from stored_objects where role = 'video'")
    shelf.overwrite(KEY, data, attempt=attempt)
    storage = shelf.pipeline.assembly.place("library").storage
    assert shelf.told(deep=True) == [(sort, f"library/{KEY}", False)]
    assert shelf.told(deep=True, repair=True) == [(sort, f"library/{KEY}", True)]
    assert storage.read(KEY, None).read() == data, "it went before there was a whole one"
    shelf.work()
    assert storage.read(KEY, None).read() == body("one")
    assert [row[:4] for row in shelf.archive()] == [row[:4] for row in before]
    assert shelf.fsck(deep=True) == []


def test_what_another_attempt_published_over_its_successor_is_found_without_reading_all(shelf):
    """A sleeper's object names another attempt than the row; it is read, and replaced where it differs."""
    shelf.haul("one", "two")
    job = shelf.rows("select job from videos where video_id = 'one'")[0][0]
    hold = shelf.pipeline.assembly.store.claim("x", timedelta(seconds=60), home="h", handover=timedelta(0), job=job)
    shelf.pipeline.assembly.store.save(hold, hold.job, Again())
    shelf.work()
    shelf.overwrite(KEY, flipped(body("one")), attempt=hold.attempt)
    assert shelf.told() == [("wrong digest", f"library/{KEY}", False)]
    assert shelf.told(repair=True) == [("wrong digest", f"library/{KEY}", True)]
    shelf.work()
    assert shelf.pipeline.assembly.place("library").storage.read(KEY, None).read() == body("one")
    assert shelf.fsck(deep=True) == []


def test_the_same_bytes_of_another_attempt_are_no_trouble(shelf):
    """Whoever wrote them: they are what was stored."""
    shelf.haul("one")
    shelf.overwrite(KEY, body("one"), attempt="f" * 32)
    assert shelf.fsck() == []


@pytest.mark.parametrize(("data", "sort"), [(b"short", "wrong size"), (flipped(body("one")), "wrong digest")])
def test_what_a_stranger_wrote_over_ours_is_left(shelf, data, sort):
    """Where the store says that none of our attempts wrote it, a repair says so and touches neither it nor its row."""
    shelf.haul("one")
    before = shelf.archive()
    shelf.overwrite(KEY, data)
    assert shelf.told(deep=True, repair=True) == [(sort, f"library/{KEY}", False)]
    assert shelf.pipeline.assembly.place("library").storage.read(KEY, None).read() == data
    assert shelf.archive() == before


@pytest.mark.parametrize(("data", "sort"), [(b"short", "wrong size"), (flipped(body("one")), "wrong digest")])
def test_a_damaged_file_is_kept_under_another_name(local, data, sort):
    """Where nothing tells who wrote it, no byte is lost: it is kept beside, and a whole one takes its place."""
    local.haul("one")
    before = local.archive()
    (local.folder / "library" / KEY).write_bytes(data)
    assert local.told() == ([("wrong size", f"library/{KEY}", False)] if sort == "wrong size" else [])
    assert local.told(deep=True, repair=True) == [(sort, f"library/{KEY}", True)]
    aside = f"{KEY}.damaged-{hashlib.sha256(data).hexdigest()[:8]}"
    assert local.holds().keys() == {RECORD, aside}
    local.work()
    assert local.holds()[KEY] == body("one")
    assert local.holds()[aside] == data
    assert local.archive() == before
    assert local.told(deep=True, repair=True) == [("foreign", f"library/{aside}", False)]
    assert local.holds()[aside] == data, "what was kept for people to look at was deleted"


def test_a_file_that_nobody_fetches_any_more_is_not_lost(local):
    """The site has it no more: the damaged one is all there is, and it is kept."""
    local.haul("one")
    (local.folder / "library" / KEY).write_bytes(b"short")
    local.source.texts.clear()
    local.fsck(repair=True)
    local.work()
    assert b"short" in local.holds().values()
    assert local.rows("select status from video_processing_jobs") == [("unavailable",)]


@pytest.mark.parametrize("kind", ["local", "shelf"])
def test_an_object_whose_row_is_lost_is_recorded_again(kind, request):
    """It is read, and where it is what was fetched it has its row back; nothing is downloaded."""
    kept = request.getfixturevalue(kind)
    kept.haul("one")
    before = kept.archive()
    kept.rows("delete from stored_objects where role = 'video'")
    assert kept.told() == [("orphan", f"library/{KEY}", False)]
    assert kept.told(repair=True) == [("orphan", f"library/{KEY}", True)]
    assert kept.archive() == before
    assert kept.fsck(deep=True) == []
    assert not kept.source.served


def test_an_object_that_only_looks_like_what_was_fetched_is_left(local):
    """It has the size and other bytes: no row is made of it, and it stays."""
    local.haul("one")
    local.rows("delete from stored_objects where role = 'video'")
    other = flipped(body("one"))
    (local.folder / "library" / KEY).write_bytes(other)
    [trouble] = local.fsck(repair=True)
    assert (trouble.sort, trouble.repaired, trouble.left) == ("orphan", False, "it is not what was fetched")
    assert local.holds()[KEY] == other
    assert [row[1] for row in local.archive()] == [RECORD]


def test_an_orphan_of_ours_goes_when_the_video_is_stored_elsewhere(shelf):
    """Its metadata names an attempt of ours, and its job has the video in that storage: then it is deleted."""
    shelf.haul("one", "two")
    [(attempt,)] = shelf.rows("select attempt from stored_objects where key = 'UC/one/video.mp4'")
    shelf.overwrite("old/name.mp4", body("one"), attempt=attempt)
    shelf.overwrite("old/strange.mp4", body("one"), attempt="f" * 32)
    shelf.overwrite("old/plain.mp4", body("one"))
    foreign = [("foreign", f"library/old/{name}.mp4", False) for name in ("plain", "strange")]
    assert shelf.told() == [*foreign, ("orphan", "library/old/name.mp4", False)]
    assert shelf.told(repair=True) == [*foreign, ("orphan", "library/old/name.mp4", True)]
    assert {each.key for each in shelf.pipeline.assembly.place("library").storage.list("old")} == {
        "old/strange.mp4",
        "old/plain.mp4",
    }, "another one than that of ours went"


def test_an_orphan_of_ours_stays_where_it_is_all_there_is(shelf):
    """Its job has the video nowhere else in that storage."""
    shelf.haul("one")
    [(attempt,)] = shelf.rows("select attempt from stored_objects where role = 'video'")
    shelf.overwrite("old/name.mp4", body("one"), attempt=attempt)
    shelf.rows("delete from stored_objects")
    shelf.pipeline.assembly.place("library").storage.delete(KEY)
    shelf.pipeline.assembly.place("library").storage.delete(RECORD)
    assert shelf.told(repair=True) == [("orphan", "library/old/name.mp4", False)]
    assert shelf.pipeline.assembly.place("library").storage.stat("old/name.mp4") is not None


def test_what_is_foreign_is_told_and_stays(local):
    """Files of others, whatever their names, are no trouble, and a repair leaves them."""
    local.haul("one")
    theirs = {"notes.txt": b"mine", "UC/one/video.mp4.part": b"x", "a b/\x1b[2J.mp4": b"y", "UC/x/video.json": b"{}"}
    for name, data in theirs.items():
        path = local.folder / "library" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
    (local.folder / "library" / b"\xff.mp4".decode("utf-8", "surrogateescape")).write_bytes(b"z")
    found = local.fsck(repair=True, deep=True, adopt=True)
    assert [each.sort for each in found] == ["foreign"] * 5
    assert all(each.harmless and each.name.isprintable() for each in found), "a name can move a terminal's cursor"
    assert theirs.items() <= local.holds().items()
    assert len(local.holds()) == 7


def test_a_job_that_nobody_would_go_on_with_is_due_again(local):
    """One that has not ended and has no time, and one of which nobody knows whether it was stored."""
    local.haul("one", "two", "three")
    local.rows("update video_processing_jobs set status = 'uploading' where url like '%one'")
    local.rows("update stored_objects set state = 'intended' where key = 'UC/two/video.mp4'")
    assert [each[0] for each in local.told()] == ["stuck", "stuck"]
    assert [each[2] for each in local.told(repair=True)] == [True, True]
    local.work()
    assert local.rows("select distinct status from video_processing_jobs") == [("downloaded",)]
    assert {row[2] for row in local.archive()} == {"stored"}
    assert not local.source.served
    assert local.fsck() == []


def test_a_repair_that_was_broken_off_is_gone_on_with(local):
    """A row says that its object was damaged and about to make room: what is there is looked at once more."""
    local.haul("one", "two")
    local.rows("update stored_objects set state = 'damaged' where role = 'video'")
    (local.folder / "library" / KEY).write_bytes(b"short")
    assert [each[0] for each in local.told(repair=True)] == ["stuck", "stuck"]
    local.work()
    assert local.holds()[KEY] == body("one")
    assert {row[2] for row in local.archive()} == {"stored"}
    assert local.source.served == {"/UC/one": 1}, "what was whole was hauled again"


def test_a_job_that_is_held_is_left_alone(local):
    """A worker has it just now: nothing of it is touched."""
    local.haul("one")
    (local.folder / "library" / KEY).write_bytes(b"short")
    [(job,)] = local.rows("select id from video_processing_jobs")
    store = local.pipeline.assembly.store
    hold = store.claim("x", timedelta(seconds=60), home="h", handover=timedelta(0), job=job)
    before = local.archive("*"), local.rows("select * from video_processing_jobs")
    [trouble] = local.fsck(repair=True)
    assert (trouble.repaired, trouble.left) == (False, "a worker has the job just now")
    assert (local.archive("*"), local.rows("select * from video_processing_jobs")) == before
    assert local.holds()[KEY] == b"short"
    store.save(hold, hold.job, Again())


def test_partial_files_of_attempts_that_ended_are_removed(local):
    """Those of our attempts go, one that a worker holds and those of others stay."""
    local.haul("one", "two")
    attempts = dict(local.rows("select videos.video_id, attempts.id from attempts join videos using (job)"))
    names = {each: f"UC/{each}/.haulage-{attempt}-01234567" for each, attempt in attempts.items()}
    names["theirs"] = f"UC/one/.haulage-{'f' * 32}-01234567"
    for name in names.values():
        (local.folder / "library" / name).write_bytes(b"partial")
    store = local.pipeline.assembly.store
    [(job,)] = local.rows("select job from videos where video_id = 'two'")
    hold = store.claim("x", timedelta(seconds=60), home="h", handover=timedelta(0), job=job)
    live = f"UC/two/.haulage-{hold.attempt}-01234567"
    (local.folder / "library" / live).write_bytes(b"partial")
    told = [(each.sort, each.repaired) for each in local.fsck(repair=True)]
    assert sorted(told) == [("foreign", False), ("partial file", False), ("partial file", True)]
    left = {name for name in local.holds() if ".haulage-" in name}
    assert left == {live, names["two"], names["theirs"]}, "a partial file went that is not ours, or is being written"
    store.save(hold, hold.job, Again())


def test_what_a_check_before_a_run_left_open_is_ended(make):
    """Nobody owns it and it is billed: it goes, one that a run may be at just now is not told, and no other goes."""
    kept = make(plugins=["odd_storage"], storages={"library": {"type": "odd", "name": "library"}})
    odd, old = sys.modules["odd_storage"], datetime.now(UTC) - timedelta(hours=2)
    left, now = (f"haulage-check-{digit * 16}" for digit in "01")
    theirs = ["haulage-check-me", f"top/{left}", "top/video.mp4"]
    odd.OPEN["library"] = [(key, key) for key in (left, now, *theirs)]
    odd.BEGAN.update(dict.fromkeys([left, *theirs], old))
    told = [(each.sort, each.repaired) for each in kept.fsck()]
    assert sorted(told) == [*[("foreign", False)] * 3, ("stale upload", False)]
    told = [(each.sort, each.repaired) for each in kept.fsck(repair=True)]
    assert sorted(told) == [*[("foreign", False)] * 3, ("stale upload", True)]
    assert odd.OPEN.pop("library") == [(key, key) for key in (now, *theirs)]
    odd.BEGAN.clear()


@pytest.mark.parametrize("kind", ["local", "shelf"])
def test_workers_that_go_on_meanwhile_are_no_trouble(kind, request):
    """What comes and goes while it looks is as it should be, and a repair takes nothing from whoever works on it."""
    kept = request.getfixturevalue(kind)
    urls = [kept.source.url(f"/UC/{name}", body(str(name))) for name in range(8)]
    with ThreadPoolExecutor(1) as pool:
        hauling = pool.submit(lambda: [job.status for job in kept.pipeline.run(urls)])
        audits = 0
        while not hauling.done() or audits < 2:
            found = kept.fsck(repair=audits % 2 == 1, deep=True)
            assert [each for each in found if each.sort != "foreign"] == []
            audits += 1
        assert set(hauling.result()) == {"downloaded"}
    assert set(kept.source.served.values()) == {1}
    assert kept.fsck(deep=True) == []


def test_copies_in_a_storage_that_the_config_does_not_name_are_told(make):
    """Nobody looked at them, and that is said."""
    kept = make(storages={"library": "library", "mirror": "mirror"})
    kept.haul("one")
    kept.rows("update stored_objects set storage = 'gone' where storage = 'mirror'")
    found = kept.fsck()
    assert ("unchecked", "gone", True) in [(each.sort, each.name, each.harmless) for each in found]


def test_a_storage_without_anything_of_ours_is_not_believed(local):
    """A disk that is not mounted looks like that, and a bucket under another prefix: it has to be named."""
    local.haul("one")
    before = local.archive("*"), local.rows("select * from video_processing_jobs")
    library = local.folder / "library"
    library.rename(local.folder / "moved")
    library.mkdir()
    (library / "theirs").touch()
    missing = [each for each in local.fsck(repair=True) if not each.harmless]
    assert [(each.sort, each.repaired, "--storage library" in each.cure) for each in missing] == [
        ("missing", False, True)
    ] * 2
    assert (local.archive("*"), local.rows("select * from video_processing_jobs")) == before, "rows were given up"
    found = local.fsck(repair=True, storages=["library"])
    assert [each.repaired for each in found if each.sort == "missing"] == [True, True]
    local.work()
    assert len(local.archive()) == 2
    assert local.holds()[KEY] == body("one")
