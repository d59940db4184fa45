"""What people read in the tables."""

import json
from datetime import UTC, timedelta

from attrs import evolve

from haulage.contracts.metadata import Again, Done, Keep, NewJob, Query
from haulage.errors import Failure, Kind
from haulage.values import Request, Status, Try

SHORT = timedelta(milliseconds=200)
HERE = "here"
NOW = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"


def test_each_attempt_has_a_row(
    store,
    ask,
    new,
    claim,
    must_claim,
    eventually,
):
    """Attempts are numbered, and tell how they ended, when, and what followed."""
    store.add([new(1)])
    first = must_claim(store)
    transient = Failure(Kind.TRANSIENT, "connection reset", cure="wait")
    tries = (Try(first.attempt, "fetch", transient, counted=True, wait=timedelta(milliseconds=1)),)
    store.save(first, evolve(first.job, tries=tries), Again(timedelta(milliseconds=1)))
    second = eventually(lambda: claim(store, lease=SHORT))
    third = eventually(lambda: claim(store))
    crash = Try(second.attempt, "", Failure(Kind.CRASHED, "the worker died"), counted=False, wait=timedelta(0))
    third = store.save(third, evolve(third.job, tries=(*third.job.tries, crash)), Keep())
    rows = ask(
        "select number, stage, kind, message, cure, counted, wait, ended_at is null from attempts order by number"
    )
    assert rows == [
        (1, "fetch", "transient", "connection reset", "wait", 1, 0.001, 0),
        (2, "", "crashed", "the worker died", "", 0, 0.0, 0),
        (3, None, None, None, None, None, None, 1),
    ]
    last = Try(third.attempt, "store:archive", Failure(Kind.DENIED, "403"), counted=False, wait=None)
    times = ask("select began_at, ended_at from attempts where number < 3 order by number")
    store.save(third, evolve(third.job, tries=(*third.job.tries, last)), Done())
    assert ask("select began_at, ended_at from attempts where number < 3 order by number") == times
    assert ask("select kind, wait, ended_at >= began_at, worker from attempts where number = 3") == [
        ("denied", None, 1, "host:1")
    ]
    [job] = store.find(Query())
    assert [(each.attempt, each.failure.kind, each.wait) for each in job.tries] == [
        (first.attempt, Kind.TRANSIENT, timedelta(milliseconds=1)),
        (second.attempt, Kind.CRASHED, timedelta(0)),
        (third.attempt, Kind.DENIED, None),
    ]
    assert [each.ended.astimezone(UTC).isoformat(timespec="milliseconds")[:23] for each in job.tries if each.ended] == [
        ended[:23] for (ended,) in ask("select ended_at from attempts order by number")
    ]


def test_an_attempt_that_succeeded_has_an_end_and_no_kind(store, ask, new, must_claim):
    """Only attempts that failed count as tries."""
    store.add([new(1)])
    hold = must_claim(store)
    store.save(hold, hold.job, Done())
    assert ask("select kind, ended_at is not null from attempts") == [(None, 1)]
    assert next(store.find(Query())).tries == ()


def test_a_video_has_the_columns_that_people_query(store, ask, must_claim, rich):
    """What is downloaded is told by columns of these names, sizes in bytes, durations in seconds, and no token."""
    store.add([NewJob(Request("https://u:p@example.com/1?v=1&token=secret#x"), "example.com")])
    hold = must_claim(store)
    store.save(hold, rich(hold), Keep())
    assert ask(
        "select source, video_id, variant, title, channel_id, download_status, download_url, download_size,"
        " download_duration, download_resolution, download_format, width, height, video_codec, audio_codec, sha256,"
        " announced_duration from videos"
    ) == [
        ("youtube", "v1", "", "Ä title", "UC1", "uploading", "https://example.com/1?v=1", 1000, 61.4, "1080p", "mp4",
         1080, 1920, "h264", "aac", "5" * 64, 61.5)
    ]  # fmt: skip
    store.save(hold, evolve(rich(hold), status=Status.DOWNLOADED), Done())
    assert ask("select v.download_status, j.status from videos v join video_processing_jobs j on j.id = v.job") == [
        ("downloaded", "downloaded")
    ]


def test_the_files_of_a_job_are_kept_with_it(store, ask, new, must_claim, rich):
    """Until they are stored, the row knows where the fetched files lie."""
    store.add([new(1)])
    hold = must_claim(store)
    store.save(hold, rich(hold), Keep())
    [(files, home)] = ask("select files, home from video_processing_jobs")
    assert json.loads(files)[0] == {
        "path": "/space/x/video.mp4", "role": "video", "extension": "mp4", "media_type": "video/mp4", "size": 1000,
        "sha256": "5" * 64,
    }  # fmt: skip
    assert home == HERE


def test_a_copy_has_a_row_that_follows_its_state(store, ask, new, must_claim, eventually, video, copy):
    """The times at which a copy was stored and deleted are set once, when it gets there, and kept."""
    store.add([new(1)])
    hold = must_claim(store)

    def save(*copies):
        nonlocal hold
        hold = store.save(hold, evolve(hold.job, video=video(), copies=copies), Keep())
        return ask("select state, token, stored_at, deleted_at from stored_objects where storage = 'archive'")

    assert save(copy(hold, token="t")) == [("intended", "t", None, None)]
    [(state, token, stored, deleted)] = save(copy(hold, state="stored"))
    assert (state, token, deleted) == ("stored", None, None)
    [(now,)] = ask(f"select {NOW}")
    assert stored <= now
    eventually(lambda: ask(f"select 1 where {NOW} > ?", now) or None)
    assert save(copy(hold, state="stored"), copy(hold, "nas")) == [("stored", None, stored, None)]
    assert save(copy(hold, state="deleting")) == [("deleting", None, stored, None)]
    [(state, _, kept, deleted)] = save(copy(hold, state="deleted"))
    assert (state, kept) == ("deleted", stored)
    assert deleted > now
    assert save(copy(hold)) == [("intended", None, None, None)]
    assert save() == []
    assert ask("select count(*) from stored_objects") == [(0,)]


def test_rows_of_copies_say_what_is_where(store, ask, new, must_claim, rich):
    """Each file of the video in each storage has one row with key, size, digest and who wrote it."""
    store.add([new(1)])
    hold = must_claim(store)
    store.save(hold, rich(hold), Keep())
    rows = ask('select role, storage, "key", state, size, sha256, attempt, token from stored_objects order by number')
    assert rows == [
        ("video", "archive", "UC1/v1/video.mp4", "stored", 1000, "5" * 64, hold.attempt, None),
        ("video", "nas", "UC1/v1/video.mp4", "intended", 1000, "5" * 64, hold.attempt, "upload-7"),
        ("subtitle", "archive", "UC1/v1/subtitle.mp4", "intended", 1000, "5" * 64, hold.attempt, None),
    ]
