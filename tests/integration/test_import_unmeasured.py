"""Imports where nobody can measure: by size and digest alone, which is said, and nothing that is plainly no video."""

import hashlib

import pytest

LAYOUT = ("--layout", "{channel_id}/{title}.{video_id}.{ext}", "--source", "scripted")
PAGE = ("--url", "http://a.test/good/{video_id}")
ROWS = "select key, role, size, sha256, attempt from stored_objects order by key"


@pytest.fixture
def old(scripted):
    """A folder of small files, as the only storage."""
    config = scripted.folder / "haulage.yaml"
    config.write_text(config.read_text() + "storages: {old: old, nas: nas}\nstore_to: [old]\n")
    folder = scripted.folder / "old" / "UC1"
    folder.mkdir(parents=True)
    for name in ("a.one.mp4", "a.one.en.vtt", "a.one.jpg", "b.two.mkv"):
        (folder / name).write_text(name)
    return folder


def test_files_are_taken_by_size_and_digest(haulage, scripted, old):
    """What is a page or empty is left; the rest has the digests of its bytes, sidecars too, and is never fetched."""
    (old / "c.three.mp4").write_text("\n <!DOCTYPE HTML><title>404</title>")
    (old / "d.four.mp4").touch()
    result = haulage("import", "--from", "old", *LAYOUT, *PAGE)
    assert result.returncode == 1
    assert "files are taken by size and digest alone" in result.stderr
    left = {line.split("\t")[2]: line.split("\t")[-1] for line in result.stdout.splitlines() if line[:4] == "left"}
    assert left == {
        "UC1/c.three.mp4": "it is a page, and no medium",
        "UC1/d.four.mp4": "the file is empty",
    }
    roles = {"a.one.mp4": "video", "a.one.en.vtt": "subtitle.en", "a.one.jpg": "thumbnail", "b.two.mkv": "video"}
    assert scripted.rows(ROWS) == [
        (f"UC1/{name}", role, len(name), hashlib.sha256(name.encode()).hexdigest(), "")
        for name, role in sorted(roles.items())
    ]
    assert haulage("get", "http://a.test/good/one", "http://a.test/good/two").returncode == 0
    assert not list(scripted.folder.glob("*.begun")), "what was imported was fetched"
    assert haulage("fsck", "--deep").returncode == 0


def test_a_second_file_of_a_video_is_told(haulage, scripted, old):
    """The first one is recorded, whichever run finds the other."""
    (old / "z.one.webm").write_text("another")
    for _ in range(2):
        result = haulage("import", "--from", "old", *LAYOUT, *PAGE)
        assert result.returncode == 1
        assert (
            "left\t7 bytes\tUC1/z.one.webm\tanother file of its video is there already: UC1/a.one.mp4" in result.stdout
        )
    assert [row[0] for row in scripted.rows(ROWS) if row[1] == "video"] == ["UC1/a.one.mp4", "UC1/b.two.mkv"]


def test_what_was_asked_for_already_is_taken_in(haulage, scripted, old):
    """A job that failed, one that was pruned, and one that waits: each has its video then, and downloads nothing."""
    assert haulage("get", "http://a.test/unavailable/one").returncode == 1
    assert haulage("get", "http://a.test/good/two").returncode == 0
    assert haulage("delete", "--yes", "two").returncode == 0
    assert scripted.rows("select distinct state from stored_objects") == [("deleted",)]
    for begun in scripted.folder.glob("*.begun"):
        begun.unlink()
    result = haulage("import", "--from", "old", *LAYOUT, "--url", "http://a.test/other/{video_id}")
    assert (result.returncode, result.stdout.count("imported\t")) == (0, 2), result.stdout
    jobs = scripted.rows("select status, due_at from video_processing_jobs")
    assert jobs == [("downloaded", None)] * 2
    assert haulage("get", "http://a.test/good/two").returncode == 0
    assert not list(scripted.folder.glob("*.begun")), "what was imported was fetched"


def test_the_url_of_a_list_is_that_of_no_video(haulage, scripted, old):
    """What the database has under a URL is not made into something else."""
    assert haulage("get", "http://a.test/list/one").returncode == 0
    before = scripted.rows("select url, status from video_processing_jobs order by url")
    result = haulage("import", "--from", "old", *LAYOUT, "--url", "http://a.test/list/{video_id}")
    assert result.returncode == 1
    [left] = [line.split("\t")[2:] for line in result.stdout.splitlines() if line.startswith("left")]
    assert left[0] == "UC1/a.one.mp4"
    assert left[1].startswith("its URL is that of a list, or of another video")
    rows = scripted.rows("select url, status from video_processing_jobs order by url")
    assert sorted({*rows} - {*before}) == [("http://a.test/list/two", "downloaded")]
