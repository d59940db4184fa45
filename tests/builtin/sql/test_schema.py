import contextlib
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from haulage.builtin.sql.store import SqlStore
from haulage.contracts.metadata import Done, NewJob, Query
from haulage.errors import Failure, Kind
from haulage.values import AttemptId, Copy, Job, JobId, MediaFacts, MediaFile, Request, Status, Try, Video

FROZEN = Path(__file__).with_name("schema-1.sql")

BEGUN = datetime(2026, 1, 5, 10, tzinfo=UTC)

ONE = Job(
    id=JobId("e7c966ef61bc37a45be1ead95f8cf454"),
    request=Request("https://example.com/watch?v=one"),
    site="youtube",
    status=Status.DOWNLOADED,
    parent=JobId("f" * 32),
    video=Video("youtube", "one", "", "https://example.com/watch?v=one", "Ein Video über Füchse", "UC1", duration=60.5),
    facts=MediaFacts("mov,mp4", 60.48, 1920, 1080, "h264", "aac", "yt-dlp 2025.12.08"),
    files=(
        MediaFile(Path("/space/1/video.mp4"), "video", "mp4", "video/mp4", 7000, "1" * 64),
        MediaFile(Path("/space/1/video.en.vtt"), "subtitle", "en.vtt", "text/vtt", 70, "2" * 64),
    ),
    copies=(
        Copy(
            *("archive", "video", "UC1/one/video.mp4", "stored", AttemptId("a2" * 16), 7000, "1" * 64),
            version="8d-17",
            stored_at=datetime(2026, 1, 5, 10, 1, 59, tzinfo=UTC),
        ),
        Copy("archive", "subtitle", "UC1/one/video.en.vtt", "intended", AttemptId("a2" * 16), 70, "2" * 64, "upload-9"),
        Copy(
            *("nas", "video", "UC1/one/video.mp4", "deleted", AttemptId("a1" * 16), 7000, "1" * 64),
            stored_at=datetime(2026, 1, 5, 10, 1, 30, tzinfo=UTC),
            deleted_at=datetime(2026, 1, 6, tzinfo=UTC),
        ),
    ),
    tries=(
        Try(
            AttemptId("a1" * 16),
            "fetch",
            Failure(Kind.TRANSIENT, "connection reset"),
            counted=True,
            wait=timedelta(seconds=1),
            ended=datetime(2026, 1, 5, 10, 1, 5, 500_000, tzinfo=UTC),
        ),
    ),
    attempts=(AttemptId("a1" * 16), AttemptId("a2" * 16)),
    asked_after=1,
    stage="store:archive",
    done=7000,
    total=7000,
    added=BEGUN,
)
TWO = Job(
    id=JobId("296adc76e2786739fe126e28a0535c36"),
    request=Request("https://example.com/two"),
    site="youtube",
    status=Status.DUPLICATE,
    twin=ONE.id,
    attempts=(AttemptId("a3" * 16),),
    stage="expand",
    added=BEGUN + timedelta(seconds=1),
)
THREE = Job(
    id=JobId("adc2d8a92060ed443ae705e3960afe4e"),
    request=Request("https://example.com/three"),
    site="example.com",
    status=Status.DOWNLOADING,
    home="home-1",
    attempts=(AttemptId("a4" * 16),),
    stage="fetch",
    done=512,
    total=1024,
    added=BEGUN + timedelta(seconds=2),
)
FOUR = Job(
    JobId("4" * 32), Request("https://closed.example/4", "720p"), "closed.example", added=BEGUN + timedelta(seconds=3)
)
FIVE = Job(JobId("5" * 32), Request("https://waits.example/5"), "waits.example", added=BEGUN + timedelta(seconds=4))
SIX = Job(
    JobId("077681e03bc2a5951ad35f8640f1b0ad"),
    Request("https://example.com/four"),
    "example.com",
    added=BEGUN + timedelta(seconds=5),
)


def masters(path):
    """What a database is made of, without the layout of the text."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("select type, name, tbl_name, sql from sqlite_master order by type, name").fetchall()
    return {(kind, name, table): sql and " ".join(sql.split()) for kind, name, table, sql in rows}


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A database that the first haulage of schema 1 might have left."""
    path = tmp_path / "archive.db"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.executescript(FROZEN.read_text(encoding="utf-8"))
    return path


@pytest.fixture
def opened(archive: Path) -> Iterator[SqlStore]:
    """That database, opened by today's code."""
    store = SqlStore.open("sqlite:///archive.db", archive.parent)
    store.prepare()
    yield store
    store.close()


def test_schema_1_is_what_it_was(store, database, archive):
    """A new database has the tables and indexes of the frozen file, so that both are one schema."""
    assert masters(database) == masters(archive)


def test_an_old_archive_opens(opened):
    """Every job of an archive that was written before is found with all that was known of it."""
    assert list(opened.find(Query())) == [ONE, TWO, THREE, FOUR, FIVE, SIX]
    assert list(opened.find(Query(status=(Status.PENDING,)))) == [FOUR, FIVE, SIX]
    assert list(opened.find(Query(unfinished=True, batch="b2"))) == [THREE, SIX]


def test_work_goes_on_in_an_old_archive(opened):
    """What was left undone is taken up in order, the crash is seen, and closed sites stay closed."""
    ask = {"home": "home-1", "handover": timedelta(minutes=10)}
    hold = opened.claim("host:9", timedelta(minutes=5), **ask)
    assert (hold.job.id, hold.previous, hold.strikes) == (THREE.id, "a4" * 16, 0)
    assert (len(hold.job.attempts), hold.job.stage) == (2, "fetch")
    opened.save(hold, hold.job, Done())
    hold = opened.claim("host:9", timedelta(minutes=5), **ask)
    assert hold.job.id == SIX.id
    assert opened.claim("host:9", timedelta(minutes=5), **ask) is None
    opened.save(hold, hold.job, Done())
    wait = opened.next_due(**ask)
    assert wait is not None
    assert wait > timedelta(days=365 * 6000)  # the closed site's, and not the one that waits for a person


def test_what_an_old_archive_has_is_not_added_again(opened):
    """Ids are made today as they were then, so that a URL names the job it named."""
    urls = ["https://example.com/watch?v=one", "https://example.com/two", "https://example.com/four"]
    assert opened.add([NewJob(Request(url), "example.com") for url in urls], again=True) == 0
    assert [job.status for job in opened.find(Query(unfinished=True))] == [
        Status.DOWNLOADED, Status.DUPLICATE, Status.DOWNLOADING, Status.PENDING, Status.PENDING, Status.PENDING,
    ]  # fmt: skip
