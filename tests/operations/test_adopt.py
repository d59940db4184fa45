"""A database that was lost is made again, from the record beside each video."""

import hashlib
import json

import pytest

KEY = "UC/one/video.mp4"
RECORD = "UC/one/video.json"

VIDEOS = """
    select source, video_id, variant, title, channel_id, download_status, download_url, download_size,
    download_duration, download_resolution, download_format, width, height, fetched_by, sha256 from videos
"""

JOBS = "select id, url, status from video_processing_jobs"


def body(name):
    return f"{name} ".encode() * 100


def lose(kept):
    """Empty every table that tells of videos."""
    for table in ("stored_objects", "videos", "attempts", "video_processing_jobs", "sites"):
        kept.rows(f"delete from {table}")


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("kind", ["local", "shelf"])
def test_a_lost_database_is_made_again(kind, deep, request):
    """All that people ask of it is as before; nothing is downloaded, now or when it is asked for again."""
    kept = request.getfixturevalue(kind)
    kept.haul("one", "two", "three")
    before = (
        sorted(kept.rows(VIDEOS)),
        kept.archive(),
        sorted(kept.rows("select id, url, status from video_processing_jobs")),
    )
    lose(kept)
    assert [each[::2] for each in kept.told()] == [("orphan", False)] * 3
    assert kept.rows("select * from video_processing_jobs") == [], "a report changed the database"
    assert [each[::2] for each in kept.told(adopt=True, deep=deep)] == [("orphan", True)] * 3
    after = (
        sorted(kept.rows(VIDEOS)),
        kept.archive(),
        sorted(kept.rows("select id, url, status from video_processing_jobs")),
    )
    assert after == before
    assert kept.rows("select due_at from video_processing_jobs where due_at is not null") == []
    assert kept.fsck(deep=True, adopt=True, repair=True) == [], "adopting once more found something to do"
    kept.haul("one")
    kept.work()
    assert not kept.source.served
    assert kept.archive() == before[1]


def test_a_repair_adopts_too(local):
    """What the database does not know is an orphan like others."""
    local.haul("one", "two")
    before = local.archive()
    local.rows("delete from stored_objects where key like 'UC/one/%'")
    local.rows("delete from attempts where job in (select job from videos where video_id = 'one')")
    local.rows("delete from videos where video_id = 'one'")
    local.rows("delete from video_processing_jobs where url like '%/one'")
    assert local.told(repair=True) == [("orphan", f"library/{RECORD}", True)]
    assert local.archive() == before


def test_copies_in_mirrors_are_adopted_with_it(make):
    """A record in one storage leads to the objects in all; what a mirror lacks is copied there by nobody but a copy."""
    kept = make(storages={"library": "library", "mirror": "mirror"})
    kept.haul("one", "two")
    before = kept.archive()
    lose(kept)
    (kept.folder / "mirror" / "UC/two/video.mp4").unlink()
    kept.fsck(adopt=True)
    assert kept.archive() == [row for row in before if row[:2] != ("mirror", "UC/two/video.mp4")]


def test_a_video_that_only_a_mirror_has_is_brought_to_the_primary_storage(make):
    """Its job is due, and the copy is made from the mirror."""
    kept = make(storages={"library": "library", "mirror": "mirror"})
    kept.haul("one")
    before = kept.archive()
    lose(kept)
    for name in (KEY, RECORD):
        (kept.folder / "library" / name).unlink()
    kept.fsck(adopt=True)
    kept.work()
    assert [row[:3] for row in kept.archive()] == [row[:3] for row in before]
    assert kept.holds()[KEY] == body("one")
    assert not kept.source.served


def test_what_was_adopted_and_is_damaged_is_kept_under_another_name(shelf):
    """No database knows its attempt any more, so it is not replaced; nor is what was kept deleted later."""
    shelf.haul("one")
    [(attempt,)] = shelf.rows("select attempt from stored_objects where role = 'video'")
    lose(shelf)
    shelf.fsck(adopt=True)
    shelf.overwrite(KEY, b"short", attempt=attempt)
    assert shelf.told(repair=True) == [("wrong size", f"library/{KEY}", True)]
    shelf.work()
    aside = f"{KEY}.damaged-{hashlib.sha256(b'short').hexdigest()[:8]}"
    for _ in range(2):
        assert shelf.told(repair=True, deep=True) == [("foreign", f"library/{aside}", False)]
    storage = shelf.pipeline.assembly.place("library").storage
    assert (storage.read(KEY, None).read(), storage.read(aside, None).read()) == (body("one"), b"short")


def test_what_is_not_as_the_record_says_is_not_adopted(local):
    """A video of another size is passed over, and with --deep one of other bytes."""
    local.haul("one", "two", "three")
    lose(local)
    library = local.folder / "library"
    (library / KEY).write_bytes(b"short")
    (library / "UC/two/video.mp4").write_bytes(body("tow"))
    (library / "UC/three/video.mp4").unlink()
    told = local.fsck(adopt=True, deep=True)
    assert not any(each.repaired for each in told)
    assert local.rows("select * from videos") == []
    local.fsck(adopt=True)
    assert local.rows("select video_id from videos") == [("two",)]
    assert [each[0] for each in local.told(deep=True)].count("wrong digest") == 1


def good(**changed):
    """A record as it should be, of a video of one byte."""
    file = {"role": "video", "extension": "mp4", "media_type": "video/mp4", "size": 1}
    file |= {"sha256": hashlib.sha256(b"x").hexdigest()} | changed.pop("file", {})
    told = {"record": 1, "source": "generic", "video_id": "v", "variant": "", "channel_id": "c", "title": "t"}
    told |= {"url": "https://example.com/v", "format": "mp4", "duration": 1.5, "files": [file]}
    return told | changed


HOSTILE = {
    "no JSON": b"\x80\x00",
    "a deep one": b"[" * 1_000_000,
    "another thing": b'{"record": 1}',
    "a number too long": json.dumps(good()).replace("1.5", "9" * 5000).encode(),
    "not a number": json.dumps(good()).replace("1.5", "NaN").encode(),
    "a size below zero": good(file={"size": -1}),
    "a size that is true": good(file={"size": True}),
    "a size for no database": good(file={"size": 1 << 70}),
    "no digest": good(file={"sha256": "../../x"}),
    "no role": good(file={"role": ""}),
    "the role of the record": good(file={"role": "record"}),
    "two of one role": good(files=good()["files"] * 2),
    "too many": good(files=good()["files"] * 2000),
    "no files": good(files=[]),
    "files that are none": good(files=["x"]),
    "a title that is none": good(title=["t"]),
    "an endless title": good(title="t" * 100_000),
    "a file URL": good(url="file:///etc/passwd"),
    "a URL with a password": good(url="https://user:secret@example.com/v"),
    "a URL that is signed": good(url="https://example.com/v?X-Amz-Signature=secret"),
    "an endless duration": good(duration=1e300),
    "another version": good(record=2),
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_record_is_told_and_passed_over(local, content):
    """It makes no row, stays where it is, and what is told quotes nothing of it."""
    folder = local.folder / "library" / "UC" / "v"
    folder.mkdir(parents=True)
    (folder / "video.json").write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    (folder / "video.mp4").write_bytes(b"x")
    found = local.fsck(adopt=True, repair=True, deep=True)
    assert {each.sort for each in found} == {"foreign"}
    assert not any("secret" in each.detail or "passwd" in each.detail for each in found)
    assert local.rows("select * from video_processing_jobs") == []
    assert len(local.holds()) == 2


@pytest.mark.parametrize(
    "changed",
    [
        {"file": {"extension": "../../../../outside"}},
        {"file": {"extension": "mp4\0"}},
        {"file": {"extension": "/etc/passwd"}},
    ],
)
def test_a_record_names_nothing_outside_its_folder(local, changed):
    """What it calls an extension is brought into the alphabet of keys, so that it leads to no other file."""
    folder = local.folder / "library" / "UC" / "v"
    folder.mkdir(parents=True)
    (local.folder / "outside").write_bytes(b"x")
    (folder / "video.json").write_text(json.dumps(good(**changed)))
    assert [each.sort for each in local.fsck(adopt=True)] == ["foreign"]
    assert local.rows("select * from video_processing_jobs") == []


def test_text_that_no_database_takes_is_replaced(local):
    """A title may hold anything that JSON can write."""
    folder = local.folder / "library" / "UC" / "v"
    folder.mkdir(parents=True)
    (folder / "video.json").write_text(json.dumps(good(title="a\0b\ud800c\x1b")))
    (folder / "video.mp4").write_bytes(b"x")
    assert [each.repaired for each in local.fsck(adopt=True)] == [True]
    assert local.rows("select title from videos") == [("a\ufffdb\ufffdc\x1b",)]


def test_a_file_that_is_too_large_for_a_record_is_not_read(local):
    """A gigabyte under the name of a record costs nothing."""
    folder = local.folder / "library" / "UC" / "v"
    folder.mkdir(parents=True)
    with (folder / "video.json").open("wb") as file:
        file.truncate(1 << 30)
    [trouble] = local.fsck(adopt=True)
    assert (trouble.sort, trouble.detail) == ("foreign", "it is too large for a record")


def test_a_second_record_of_one_video_is_passed_over(local):
    """The first one counts; no video has two rows, and no row is taken from a job that has the video."""
    for name in ("a", "b"):
        folder = local.folder / "library" / "UC" / name
        folder.mkdir(parents=True)
        (folder / "video.json").write_text(json.dumps(good()))
        (folder / "video.mp4").write_bytes(b"x")
    told = local.fsck(adopt=True)
    assert sorted((each.sort, each.repaired) for each in told) == [("foreign", False)] * 2 + [("orphan", True)]
    assert len(local.rows("select * from videos")) == 1
    assert len(local.archive()) == 2
