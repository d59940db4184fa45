"""What `status --watch` draws of a snapshot, as text of a terminal's size."""

import io
from datetime import UTC, datetime, timedelta

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from haulage import Failure, JobId, Kind, Site, Status
from haulage.cli.screen import draw, share
from haulage.cli.snapshot import Failed, Running, Snapshot, document

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
EMPTY = Snapshot(NOW, {}, 0)


@pytest.fixture(autouse=True)
def utc(monkeypatch):
    """Have this machine stand in Greenwich."""
    import time

    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def running(number, stage="fetch", done=5_000_000, total=20_000_000, rate=1_500_000.0):
    url = f"https://example.com/videos/of/a/channel/with/a/name/{number}.mp4"
    return Running(JobId(str(number)), f"Title {number}", url, Status.DOWNLOADING, stage, done, total, rate)


def failed(number, status=Status.FAILED, **rest):
    failure = Failure(Kind.TRANSIENT, f"connection {number} was reset", **rest)
    return Failed(JobId(str(number)), f"Title {number}", "https://x", status, failure, NOW - timedelta(minutes=number))


FULL = Snapshot(
    NOW,
    {Status.DOWNLOADED: 120400, Status.FAILED: 4, Status.PENDING: 123, Status.DOWNLOADING: 2, Status.UPLOADING: 1},
    12_345_678_901,
    (
        running(1),
        running(2, total=None, rate=None),
        running(3, "store:nas", rate=500_000.0),
        running(4, "", 0, None, None),
    ),
    (
        Site("example.com", NOW + timedelta(seconds=250), 2, "429 Too Many Requests"),
        Site("open.example", NOW - timedelta(seconds=1), 1, "was refused before"),
        Site("vimeo", None, 1, "sign in"),
    ),
    (failed(1, cure="wait a bit"), failed(2, Status.PENDING), evolve(failed(3), at=NOW - timedelta(days=3))),
)


def drawn(snapshot, width=80, height=24):
    """The lines that a terminal of a size shows."""
    console = Console(width=width, height=height, file=io.StringIO(), force_terminal=False, highlight=False)
    console.print(draw(snapshot, width, height))
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_all_that_is_known_is_on_a_screen_of_eighty_columns():
    """Counts, what runs with its stage, speed and time left, which sites are closed, and what failed with its cure."""
    assert drawn(FULL) == [
        "haulage  12.3 GB stored                                2026-07-01 12:00:00+00:00",
        "queue  123 pending, 2 downloading, 1 uploading",
        "ended  120400 downloaded, 4 failed",
        "",
        "Running: 4  fetch 1.5 MB/s  store 500.0 kB/s",
        "fetch  Title 1                   ━━━           25 %  20.0 MB   1.5 MB/s     0:10",
        "fetch  Title 2                                        5.0 MB",
        "store  Title 3                   ━━━           25 %  20.0 MB 500.0 kB/s     0:30",
        "begin  Title 4                                       0 bytes",
        "",
        "Closed sites: 2",
        "example.com  opens at 12:04:10, in 4:10, 2 strikes: 429 Too Many Requests",
        "vimeo  waits for you, 1 strike: sign in; then: haulage resume vimeo",
        "",
        "Latest failures",
        "11:59:00   transient  Title 1",
        "           connection 1 was reset",
        "           cure: wait a bit",
        "11:58:00   transient, waits  Title 2",
        "           connection 2 was reset",
        "2026-06-28 transient  Title 3",
        "           connection 3 was reset",
    ]


def test_what_is_owed_has_a_line_of_its_own():
    """With a number for each mirror, in JSON too."""
    owing = evolve(EMPTY, counts={Status.DOWNLOADED: 20}, owed={"nas": 12, "tape": 1})
    assert drawn(owing)[1:4] == ["queue  nothing", "ended  20 downloaded", "owed   12 to nas, 1 to tape"]
    assert document(owing)["owed"] == {"nas": 12, "tape": 1}


def test_the_screen_shows_the_numbers_of_the_document():
    """What people read is what machines read."""
    told, shown = document(FULL), "\n".join(drawn(FULL))
    for status, count in told["counts"].items():
        assert f"{count} {status}" in shown
    assert told["rates"] == {"fetch": 1_500_000.0, "store": 500_000.0}
    assert [(each["name"], each["left"]) for each in told["running"]] == [
        ("Title 1", 10.0),
        ("Title 2", None),
        ("Title 3", 30.0),
        ("Title 4", None),
    ]
    assert told["sites"][0] == {
        "name": "example.com",
        "opens": "2026-07-01T12:04:10.000Z",
        "strikes": 2,
        "reason": "429 Too Many Requests",
    }
    assert told["failures"][0] == {
        "url": "https://x",
        "name": "Title 1",
        "status": "failed",
        "kind": "transient",
        "message": "connection 1 was reset",
        "cure": "wait a bit",
        "at": "2026-07-01T11:59:00.000Z",
    }


def test_nothing_yet():
    """An empty queue says how to fill it."""
    assert drawn(EMPTY)[1:] == ["Nothing yet; haul something with: haulage get URL", "", "Running: nothing"]


def test_what_does_not_fit_is_summed_up():
    """Of many jobs and sites as many are shown as fit, and how many more there are; each part has its share."""
    sites = tuple(Site(f"site{number}.example", None, 1, "sign in") for number in range(30))
    many = evolve(FULL, running=tuple(running(number) for number in range(60)), sites=sites)
    shown = drawn(many)
    assert len(shown) == 24
    jobs = [line for line in shown if line.startswith("fetch")]
    assert f"and {60 - len(jobs)} more" in shown
    closed = [line for line in shown if line.startswith("site")]
    assert f"and {30 - len(closed)} more" in shown
    assert min(len(jobs), len(closed)) >= 3
    assert "11:59:00   transient  Title 1" in shown
    assert len([line for line in drawn(many, height=200) if line.startswith("fetch")]) == 60


def test_a_url_shows_its_end():
    """What has no title yet is told from others by the end of its URL."""
    one = running(77)
    [line] = [line for line in drawn(evolve(EMPTY, running=(evolve(one, name=one.url),))) if line.startswith("fetch")]
    assert line.startswith("fetch  …")
    assert "/77.mp4" in line


def test_without_colours_a_control_code_of_a_site_does_nothing():
    """What a site says cannot move the cursor or break a line."""
    site = Site("evil", None, 1, "sign\x1b[2J\nin")
    failure = evolve(failed(1), failure=Failure(Kind.BUG, "a\x1b[31mb\nc"))
    shown = drawn(evolve(FULL, sites=(site,), failed=(failure,)))
    assert "evil  waits for you, 1 strike: sign [2J in; then: haulage resume evil" in shown
    assert "           a [31mb c" in shown


_TEXT = st.text(st.characters(exclude_categories=("Cc", "Cs", "Cf", "Zl", "Zp", "Mn", "Me")), max_size=90)


@settings(max_examples=50, deadline=None)
@given(
    st.integers(40, 200),
    st.integers(1, 60),
    st.lists(
        st.tuples(_TEXT, st.integers(0, 10**12), st.none() | st.integers(1, 10**12), st.none() | st.floats(0, 1e10))
    ),
    st.lists(_TEXT, max_size=12),
)
def test_no_screen_is_too_small(width, height, jobs, words):
    """Whatever there is to show, nothing is drawn beyond the lines and the columns of the terminal."""
    snapshot = evolve(
        FULL,
        running=tuple(
            evolve(running(1), name=name, done=done, total=total, rate=rate) for name, done, total, rate in jobs
        ),
        sites=tuple(Site(word, None, 1, word) for word in words),
        failed=tuple(evolve(failed(1, cure=word), name=word) for word in words),
    )
    shown = drawn(snapshot, width, height)
    assert len(shown) <= height
    assert max(map(cell_len, shown), default=0) <= width


@given(st.integers(-5, 60), st.lists(st.integers(0, 30), max_size=5))
def test_lines_are_shared_fairly(room, wanted):
    """All lines are given that are wanted and there; who gets less than wanted gets as many as others, or one less."""
    given = share(room, wanted)
    assert sum(given) == min(max(room, 0), sum(wanted))
    for got, want in zip(given, wanted, strict=True):
        assert got <= want
        assert got == want or got >= max(given) - 1
