"""What a download archive names stays away until somebody asks for it: by any fetcher, and whatever its page is."""

import pytest

JOBS = "select url, status, due_at from video_processing_jobs where status <> 'expanded' order by url"
LIST, FIRST, SECOND = (f"http://a.test/{path}" for path in ("list/all", "good/first", "good/second"))


@pytest.fixture
def begun(scripted):
    """Whether a video was fetched."""
    return lambda name: (scripted.folder / f"{name}.begun").exists()


@pytest.mark.parametrize("page", [(), ("--url", "http://a.test/good/{video_id}")])
def test_lists_do_not_bring_it_back_and_who_asks_gets_it(haulage, scripted, begun, page):
    """With a page of its own or by its words alone; once it was asked for it is a video like others."""
    (scripted.folder / "archive.txt").write_text("Scripted first\n")
    assert haulage("import", "--archive", "archive.txt", *page).returncode == 0
    noted = FIRST if page else "scripted:first"
    assert scripted.rows(JOBS) == [(noted, "pruned", None)]
    assert haulage("get", LIST).returncode == 0
    assert (begun("first"), begun("second")) == (False, True)
    assert haulage("work").returncode == 0
    assert haulage("retry").returncode == 0
    assert not begun("first"), "what the archive names was brought back"
    assert haulage("get", FIRST).returncode == 0
    assert begun("first"), "who asks for a video does not get it"
    stored = [path.read_text() for path in (scripted.folder / "library").rglob("video.mp4")]
    assert sorted(stored) == ["first", "second"]
    assert {row[1:] for row in scripted.rows(JOBS)} <= {("downloaded", None), ("duplicate", None)}
    assert haulage("import", "--archive", "archive.txt", *page).returncode == 0
    (scripted.folder / "first.begun").unlink()
    assert haulage("get", LIST).returncode == 0
    assert not begun("first"), "what is stored was fetched again"


def test_what_is_stored_or_failed_is_left_as_it_is(haulage, scripted):
    """The archive changes nothing of what the database knows."""
    assert haulage("get", SECOND, "http://a.test/unavailable/third").returncode == 1
    before = scripted.rows("select id, url, status from video_processing_jobs order by id")
    (scripted.folder / "archive.txt").write_text("scripted second\nscripted third\n")
    told = haulage("import", "--archive", "archive.txt", "--url", "http://a.test/good/{video_id}")
    assert (told.returncode, told.stdout) == (0, "2 videos of the archive: 0 new, and recorded as let go\n")
    assert scripted.rows("select id, url, status from video_processing_jobs order by id") == before
