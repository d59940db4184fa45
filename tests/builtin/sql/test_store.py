import contextlib
import itertools
import json
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from attrs import evolve
from sqlalchemy import Engine, event

from haulage.builtin.sql.store import SqlStore
from haulage.contracts.metadata import Again, Beat, Done, Gate, Keep, NewJob, Query
from haulage.errors import AttemptLost, Duplicate, Failure, Kind
from haulage.values import AttemptId, Copy, JobId, MediaFacts, MediaFile, Request, Status, Try, Video

LONG = timedelta(minutes=5)
SHORT = timedelta(milliseconds=200)
HERE = "here"
NOW = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"


def new(number, site="example.com", **rest):
    return NewJob(Request(f"https://{site}/{number}"), site, **rest)


def claim(store, lease=LONG, home=HERE, handover=LONG, batch="", worker="host:1"):
    return store.claim(worker, lease, home=home, handover=handover, batch=batch)


def must_claim(store, **rest):
    hold = claim(store, **rest)
    assert hold is not None
    return hold


def eventually(call, seconds=10):
    """What a call answers as soon as it answers something."""
    until = time.monotonic() + seconds
    while (answer := call()) is None:
        assert time.monotonic() < until, "it never came"
        time.sleep(0.01)
    return answer


def lapsed(ask, hold):
    """Wait until a lease is over, by the database's clock."""
    eventually(
        lambda: ask(f"select 1 from video_processing_jobs where attempt = ? and due_at <= {NOW}", hold.attempt) or None
    )


def expire(ask, hold):
    """Let a lease end now."""
    ask(f"update video_processing_jobs set due_at = {NOW} where attempt = ?", hold.attempt)


def video(name="v1", url="https://example.com/1", variant="", **rest):
    return Video("youtube", name, variant, url, **rest)


def file(role="video", extension="mp4", size=1000):
    return MediaFile(Path(f"/space/x/{role}.{extension}"), role, extension, "video/mp4", size, "5" * 64)


def copy(hold, storage="archive", role="video", state="intended", **rest):
    return Copy(storage, role, f"UC1/v1/{role}.mp4", state, hold.attempt, 1000, "5" * 64, **rest)


def rich(hold, name="v1"):
    """A record with everything in it."""
    failure = Failure(Kind.TRANSIENT, "connection reset", cure="none")
    return evolve(
        hold.job,
        site="youtube",
        status=Status.UPLOADING,
        video=video(name, hold.job.request.url, title="Ä title", channel_id="UC1", duration=61.5),
        facts=MediaFacts("mp4", 61.4, 1080, 1920, "h264", "aac"),
        files=(file(), file("subtitle", "en.vtt", 10)),
        home=HERE,
        copies=(copy(hold, state="stored"), copy(hold, "nas", token="upload-7"), copy(hold, role="subtitle")),
        tries=(Try(hold.attempt, "fetch", failure, counted=True, wait=timedelta(seconds=2)),),
    )


def ended(store, ask, number, status=Status.DOWNLOADED, **rest):
    store.add([new(number)])
    hold = must_claim(store)
    store.save(hold, evolve(hold.job, status=status, **rest), Done())
    return hold.job.id


# T1: one transaction, durable on return


def test_what_a_call_wrote_is_there_for_others_when_it_returns(store, ask):
    """A second connection sees each change at once, without waiting for anybody."""
    assert store.add([new(1), new(2)], batch="b") == 2
    assert ask("select url, status, batch, attempt from video_processing_jobs order by number") == [
        ("https://example.com/1", "pending", "b", None),
        ("https://example.com/2", "pending", "b", None),
    ]
    hold = must_claim(store)
    assert ask("select attempt, worker from video_processing_jobs where id = ?", hold.job.id) == [
        (hold.attempt, "host:1")
    ]
    store.beat([Beat(hold.attempt, "fetch", 5, 10)], LONG)
    assert ask("select stage, done, total from video_processing_jobs where id = ?", hold.job.id) == [("fetch", 5, 10)]
    store.save(hold, evolve(hold.job, status=Status.FAILED), Done())
    assert ask("select status, due_at, attempt from video_processing_jobs where id = ?", hold.job.id) == [
        ("failed", None, None)
    ]


PROGRAM = """
import sys, time
from datetime import timedelta
from pathlib import Path
from attrs import evolve
from haulage.builtin.sql.store import SqlStore
from haulage.contracts.metadata import Again, Beat, Done, NewJob
from haulage.values import Request, Status, Video

store = SqlStore.open("sqlite:///haulage.db", Path(sys.argv[1]))
def claim():
    return store.claim("host:2", timedelta(minutes=5), home="here", handover=timedelta(minutes=5))
def say(word):
    print(word, flush=True)
def wait():
    time.sleep(600)
"""


@contextlib.contextmanager
def program(folder, body):
    """Another process that uses the same database; killed at the end of the block if it still runs."""
    command = [sys.executable, "-c", PROGRAM + textwrap.dedent(body), str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("body", "statement", "rows"),
    [
        (
            'store.add([NewJob(Request("https://e.com/2"), "e.com")])',
            "select url from video_processing_jobs order by number",
            [("https://example.com/1",), ("https://e.com/2",)],
        ),
        ("claim()", "select worker, attempt is null from video_processing_jobs", [("host:2", 0)]),
        (
            'hold = claim(); store.beat([Beat(hold.attempt, "fetch", 5, 10)], timedelta(minutes=5))',
            "select stage, done, total from video_processing_jobs",
            [("fetch", 5, 10)],
        ),
        (
            "hold = claim(); video = Video('youtube', 'v1', '', 'https://example.com/1');"
            "store.save(hold, evolve(hold.job, status=Status.DOWNLOADED, video=video), Done())",
            "select j.status, j.due_at, v.video_id from video_processing_jobs j join videos v on v.job = j.id",
            [("downloaded", None, "v1")],
        ),
    ],
    ids=["add", "claim", "beat", "save"],
)
def test_what_a_call_wrote_outlives_the_process(store, ask, database, body, statement, rows):
    """A process that is killed right after a call returned has lost nothing, and the file is sound."""
    store.add([new(1)])
    with program(database.parent, f"{body}\nsay('returned')\nwait()") as process:
        assert process.stdout.readline() == "returned\n"
        process.send_signal(signal.SIGKILL)
        process.wait(10)
    assert ask(statement) == rows
    assert ask("pragma integrity_check") == [("ok",)]


@contextlib.contextmanager
def listening(name, function):
    """Have SQLAlchemy call a function; the connections are those of the sqlite3 module."""
    event.listen(Engine, name, function)
    try:
        yield
    finally:
        event.remove(Engine, name, function)


def test_every_commit_is_forced_to_the_disk(database, ask):
    """A power failure loses nothing either: each connection writes ahead and waits for the disk."""
    seen = []

    def look(connection, _record, _proxy):
        seen.extend(connection.execute(f"pragma {name}").fetchone()[0] for name in ("synchronous", "foreign_keys"))

    with listening("checkout", look):
        store = SqlStore.open("sqlite:///haulage.db", database.parent)
        store.prepare()
        store.close()
    assert seen == [2, 1]
    assert ask("pragma journal_mode") == [("wal",)]


# T2: one holder


def test_a_held_job_is_not_claimed(store):
    """While its lease lasts nobody else gets the job."""
    store.add([new(1)])
    assert claim(store) is not None
    assert claim(store) is None


def test_each_of_200_jobs_is_claimed_once_by_8_threads(store, ask):
    """Threads that claim at once share the jobs out, each to one of them."""
    store.add([new(number) for number in range(200)])
    taken: list[str] = []
    barrier = threading.Barrier(8)

    def work():
        barrier.wait(10)
        while (hold := claim(store)) is not None:
            taken.append(hold.job.id)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(taken) == sorted(each for (each,) in ask("select id from video_processing_jobs"))
    assert len(taken) == 200
    assert ask("select count(*), max(number) from attempts") == [(200, 1)]


def test_each_of_200_jobs_is_claimed_once_by_2_processes(store, ask, database):
    """Processes that claim at the same moment, a hundred times, never get the same job."""
    store.add([new(number) for number in range(200)])
    body = """
    for line in sys.stdin:
        say(claim().job.id)
    """
    taken = []
    with program(database.parent, body) as one, program(database.parent, body) as other:
        for _ in range(100):
            for process in (one, other):
                process.stdin.write("go\n")
                process.stdin.flush()
            taken += [process.stdout.readline().strip() for process in (one, other)]
    assert sorted(taken) == sorted(each for (each,) in ask("select id from video_processing_jobs"))
    assert ask("select count(*), max(number) from attempts") == [(200, 1)]


def test_processes_that_start_at_once_find_a_new_database_ready(tmp_path):
    """Workers that prepare one new database at the same moment, sixty times, all succeed."""
    body = """
    for line in sys.stdin:
        store = SqlStore.open("sqlite:///haulage.db", Path(line.strip()))
        store.prepare()
        store.close()
        say("prepared")
    """
    with contextlib.ExitStack() as stack:
        processes = [stack.enter_context(program(tmp_path, body)) for _ in range(4)]
        for number in range(60):
            folder = tmp_path / str(number)
            folder.mkdir()
            for process in processes:
                process.stdin.write(f"{folder}\n")
                process.stdin.flush()
            assert [process.stdout.readline() for process in processes] == ["prepared\n"] * 4
            with contextlib.closing(sqlite3.connect(folder / "haulage.db")) as connection:
                assert connection.execute("select version from schema_version").fetchall() == [(1,)]


def test_a_job_whose_lease_is_over_is_taken_over(store):
    """The next holder learns who held it, and in which step that one was."""
    store.add([new(1)])
    first = must_claim(store)
    store.beat([Beat(first.attempt, "store:archive", 7, 9)], SHORT)
    second = eventually(lambda: claim(store))
    assert second.attempt != first.attempt
    assert second.previous == first.attempt
    assert (second.job.stage, second.job.done, second.job.total) == ("store:archive", 7, 9)
    assert len(second.job.attempts) == 2
    third = store.save(second, second.job, Again())
    assert third.job == second.job
    assert must_claim(store).previous is None


# T3: a save succeeds only for the current attempt, while its lease lasts


@pytest.mark.parametrize("then", [Keep(), Again(), Done()])
def test_a_save_after_the_lease_changes_nothing(store, ask, dump, then):
    """Who slept past the lease is told so, even where nobody else has taken the job yet."""
    store.add([new(1)])
    hold = must_claim(store, lease=SHORT)
    lapsed(ask, hold)
    before = dump()
    with pytest.raises(AttemptLost) as caught:
        store.save(hold, rich(hold), then, site=Gate(LONG, "429"))
    assert caught.value.failure.kind is Kind.CRASHED
    assert dump() == before


@pytest.mark.parametrize("then", [Keep(), Again(), Done()])
def test_a_save_by_the_holder_before_changes_nothing(store, dump, then):
    """Who lost the job to another cannot write into it."""
    store.add([new(1)])
    first = must_claim(store, lease=SHORT)
    eventually(lambda: claim(store))
    before = dump()
    with pytest.raises(AttemptLost):
        store.save(first, rich(first), then, site="open")
    assert dump() == before


def test_a_save_with_the_attempt_of_another_job_changes_nothing(store, dump):
    """An attempt opens one job and no other, and an invented one opens none."""
    store.add([new(1), new(2)])
    one, other = must_claim(store), must_claim(store)
    before = dump()
    for hold in (evolve(one, attempt=other.attempt), evolve(one, attempt=AttemptId("0" * 32))):
        with pytest.raises(AttemptLost):
            store.save(hold, rich(hold), Done())
    assert dump() == before


@pytest.mark.parametrize("then", [Again(), Done()])
def test_who_put_the_job_down_holds_it_no_more(store, dump, then):
    """After Again and Done the attempt opens nothing."""
    store.add([new(1)])
    hold = must_claim(store)
    store.save(hold, hold.job, then)
    before = dump()
    with pytest.raises(AttemptLost):
        store.save(hold, rich(hold), Keep())
    assert store.beat([Beat(hold.attempt, "fetch", 1, 2)], LONG) == {hold.attempt: "lost"}
    assert dump() == before


def test_beats_keep_the_lease_and_tell_who_lost_his(store, ask):
    """One call extends all leases that last, keeps their progress, and names the others."""
    store.add([new(1), new(2)])
    kept, lost = must_claim(store, lease=LONG), must_claim(store, lease=SHORT)
    lapsed(ask, lost)
    [(before,)] = ask("select due_at from video_processing_jobs where attempt = ?", kept.attempt)
    beats = [Beat(kept.attempt, "fetch", 5, None), Beat(lost.attempt, "fetch", 6, 7)]
    assert store.beat(beats, 2 * LONG) == {lost.attempt: "lost"}
    [(after,)] = ask("select due_at from video_processing_jobs where attempt = ?", kept.attempt)
    assert timedelta(minutes=4) < datetime.fromisoformat(after) - datetime.fromisoformat(before) < timedelta(minutes=6)
    assert ask("select stage, done, total from video_processing_jobs order by number") == [
        ("fetch", 5, None),
        ("", 0, None),
    ]
    assert store.beat([], LONG) == {}


def test_keep_leaves_the_lease_as_it_is(store, ask):
    """A save that goes on holding does not shorten or end the hold, and the next one follows from it."""
    store.add([new(1)])
    hold = must_claim(store)
    held = "select attempt, due_at from video_processing_jobs"
    before = ask(held)
    hold = store.save(hold, evolve(hold.job, status=Status.DOWNLOADING), Keep())
    assert hold.job.status is Status.DOWNLOADING
    assert ask(held) == before
    store.save(hold, evolve(hold.job, status=Status.FETCHED), Keep())
    assert ask("select status from video_processing_jobs") == [("fetched",)]


# T4: a repeated call does no harm


@pytest.mark.parametrize("then", [Keep(), Again(timedelta(minutes=1)), Done()])
def test_a_save_that_is_repeated_returns_the_same_and_changes_nothing(store, dump, then):
    """Whose answer was lost may ask again: the second call says what the first one did."""
    store.add([new(1)])
    hold = must_claim(store)
    gate = None if isinstance(then, Keep) else Gate(LONG, "429")
    first = store.save(hold, rich(hold), then, site=gate)
    before = dump()
    assert store.save(hold, rich(hold), then, site=gate) == first
    assert dump() == before


def test_a_save_that_is_repeated_after_others_went_on_changes_nothing(store, dump):
    """The answer is still the first one's when another worker has taken the job up meanwhile."""
    store.add([new(1)])
    hold = must_claim(store)
    first = store.save(hold, rich(hold), Again())
    must_claim(store)
    before = dump()
    assert store.save(hold, rich(hold), Again()) == first
    with pytest.raises(AttemptLost):
        store.save(hold, evolve(rich(hold), status=Status.FAILED), Again())
    assert dump() == before


def test_jobs_that_are_added_twice_are_there_once(store, dump):
    """Asking again before the job has ended names the same job."""
    jobs = [new(1), new(2, video=video("v2", "https://example.com/2"))]
    assert store.add(jobs, batch="b") == 2
    before = dump()
    assert store.add(jobs, batch="b") == 0
    assert store.add([new(1), new(1)], batch="b") == 0
    assert dump() == before


def test_two_urls_of_one_video_in_one_call_make_one_job(store, ask):
    """A list that has a video twice under two URLs gives one job, and is no failure."""
    assert store.add([new(1, video=video()), new(2, video=video(url="https://example.com/2")), new(3)]) == 2
    assert ask("select url from video_processing_jobs order by number") == [
        ("https://example.com/1",),
        ("https://example.com/3",),
    ]
    assert store.add([new(4, video=video(url="https://example.com/4"))]) == 0


def test_an_add_that_fails_adds_nothing(store, dump):
    """A page of jobs is there as a whole or not at all."""
    before = dump()

    def page():
        yield new(1)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        store.add(page())
    assert dump() == before


# T5: what was saved is seen by every later claim


def test_a_claim_gives_what_was_saved(store):
    """Everything in the record survives being put down and taken up again."""
    store.add([new(1)], batch="b", parent=JobId("f" * 32))
    hold = must_claim(store)
    saved = rich(hold)
    store.save(hold, saved, Again())
    again = must_claim(store)
    assert again.job.tries[0].ended is not None
    assert evolve(again.job, tries=saved.tries, copies=()) == evolve(
        saved, attempts=(hold.attempt, again.attempt), copies=()
    )
    assert set(again.job.copies) == set(saved.copies)
    assert again.job.tries == (evolve(saved.tries[0], ended=again.job.tries[0].ended),)
    assert (again.job.parent, again.job.request) == ("f" * 32, Request("https://example.com/1"))


def test_a_claim_gives_what_another_process_saved(store, database):
    """What one process saved is what the next one works with."""
    store.add([new(1)])
    body = """
    hold = claim()
    store.save(hold, evolve(hold.job, status=Status.FETCHED, home="there"), Keep())
    store.save(hold, evolve(hold.job, status=Status.PENDING, home="here"), Again())
    say("saved")
    """
    with program(database.parent, "from haulage.contracts.metadata import Keep\n" + textwrap.dedent(body)) as process:
        assert process.stdout.readline() == "saved\n"
    assert must_claim(store).job.home == "here"


def test_a_job_whose_site_changed_can_be_claimed(store, ask):
    """A URL that turns out to belong to a site nobody has met yet does not lose its job."""
    store.add([new(1)])
    hold = must_claim(store)
    store.save(hold, evolve(hold.job, site="youtube"), Again())
    assert ask("select name, strikes from sites order by name") == [("example.com", 0), ("youtube", 0)]
    assert must_claim(store).job.site == "youtube"


# T6: the store's own clock


def test_times_are_those_of_the_database(store, ask):
    """What is due now is due by the database's clock, to the millisecond, and a lease ends a lease later."""
    [(before,)] = ask(f"select {NOW}")
    store.add([new(1)])
    [(after,)] = ask(f"select {NOW}")
    [(due, added)] = ask("select due_at, added_at from video_processing_jobs")
    assert before <= due <= after
    assert before <= added <= after
    [(before,)] = ask("select strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '+300 seconds')")
    hold = must_claim(store, lease=LONG)
    [(after,)] = ask("select strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '+300 seconds')")
    [(due,)] = ask("select due_at from video_processing_jobs")
    assert before <= due <= after
    [(before,)] = ask("select strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '+1.5 seconds')")
    store.save(hold, hold.job, Again(timedelta(seconds=1.5)))
    [(after,)] = ask("select strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '+1.5 seconds')")
    [(due,)] = ask("select due_at from video_processing_jobs")
    assert before <= due <= after


def test_the_clock_of_the_caller_does_not_matter(database, ask):
    """With a database whose clock is ten years ahead, every time is ten years ahead, and leases hold."""
    plain = sqlite3.connect(":memory:", check_same_thread=False)

    def years_later(*args):
        [[time]] = plain.execute(f"select strftime({', '.join('?' * len(args))}, '+10 years')", args)
        return time

    def ahead(connection, _record):
        connection.create_function("strftime", -1, years_later)

    with contextlib.closing(plain), listening("connect", ahead):
        store = SqlStore.open("sqlite:///haulage.db", database.parent)
        store.prepare()
        store.add([new(1)])
        hold = must_claim(store)
        assert claim(store) is None
        due = store.next_due(home=HERE, handover=LONG)
        failure = Failure(Kind.TRANSIENT, "reset")
        tries = (Try(hold.attempt, "fetch", failure, counted=True, wait=LONG),)
        store.save(hold, evolve(hold.job, tries=tries), Again(LONG), site=Gate(LONG, "429"))
        store.close()
    assert due is not None
    assert timedelta(minutes=4) < due <= LONG
    years = "substr({0}, 1, 4) - strftime('%Y', 'now')"
    for table, column in [
        ("video_processing_jobs", "due_at"),
        ("video_processing_jobs", "added_at"),
        ("attempts", "began_at"),
        ("attempts", "ended_at"),
        ("sites", "opens_at"),
    ]:
        assert ask(f"select {years.format(column)} from {table}")[0][0] in (10, 11), (table, column)


@pytest.mark.parametrize("after", [timedelta.max, timedelta(days=365 * 9000)])
def test_a_wait_past_the_end_of_the_calendar_loses_no_job(store, ask, after):
    """A site that asks for ten thousand years neither ends its jobs nor waits for a person."""
    store.add([new(1)])
    hold = must_claim(store)
    store.save(hold, hold.job, Again(after), site=Gate(after, "429"))
    [(due, opens)] = ask("select due_at, opens_at from video_processing_jobs join sites")
    assert due > "2999"
    assert opens > "2999"
    wait = store.next_due(home=HERE, handover=LONG)
    assert wait is not None
    assert wait > timedelta(days=365 * 900)


# T7: no lock is held while a caller computes


def test_nobody_waits_for_a_caller_who_computes(store, ask):
    """Between calls, and between the pages of a find, others write without waiting."""
    write = "update video_processing_jobs set worker = ? where number = 1"
    store.add([new(number) for number in range(600)])
    ask(write, "a")
    hold = must_claim(store)
    ask(write, "b")
    store.save(hold, hold.job, Keep())
    ask(write, "c")
    found = store.find(Query())
    next(found)
    ask(write, "d")
    assert sum(1 for _ in found) == 599
    store.next_due(home=HERE, handover=LONG)
    ask(write, "e")
    assert ask("select worker from video_processing_jobs where number = 1") == [("e",)]


# T8: one video, one job


def test_of_two_jobs_with_one_video_the_second_is_a_duplicate(store, dump):
    """The second save changes nothing and says which job has the video."""
    store.add([new(1), new(2)])
    one, other = must_claim(store), must_claim(store)
    store.save(one, evolve(one.job, video=video()), Keep())
    before = dump()
    with pytest.raises(Duplicate) as caught:
        store.save(other, rich(other), Done(), site=Gate(LONG, "429"))
    assert caught.value.other == one.job.id
    assert caught.value.failure == Failure(Kind.CONFLICT, "youtube v1 has a job already")
    assert dump() == before
    store.save(other, evolve(other.job, video=video(variant="audio")), Keep())
    store.save(one, evolve(one.job, video=video()), Done())


def test_of_saves_that_race_with_one_video_one_succeeds(store, ask):
    """However many jobs turn out to be one video at once, one gets it."""
    store.add([new(number) for number in range(8)])
    holds = [must_claim(store) for _ in range(8)]
    barrier, outcomes = threading.Barrier(8), []

    def save(hold):
        barrier.wait(10)
        try:
            store.save(hold, evolve(hold.job, video=video()), Keep())
            outcomes.append(hold.job.id)
        except Duplicate as error:
            outcomes.append(("after", error.other))

    threads = [threading.Thread(target=save, args=(hold,)) for hold in holds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    [winner] = [each for each in outcomes if isinstance(each, str)]
    assert [each for each in outcomes if each != winner] == [("after", winner)] * 7
    assert ask("select job from videos") == [(winner,)]


# Which job comes next


def test_jobs_are_claimed_in_the_order_they_became_due(store):
    """First come, first served; a job that was put down goes to the end."""
    store.add([new(number) for number in (3, 1, 2)])
    store.add([new(0, site="other.example")])
    first = must_claim(store)
    store.save(first, first.job, Again())
    urls = [first.job.request.url, *(must_claim(store).job.request.url for _ in range(4))]
    assert urls == [
        "https://example.com/3",
        "https://example.com/1",
        "https://example.com/2",
        "https://other.example/0",
        "https://example.com/3",
    ]


def test_a_job_that_rests_is_claimed_when_its_time_has_come(store, ask):
    """Before its time nobody gets it, afterwards the next one who asks does."""
    store.add([new(1)])
    hold = must_claim(store)
    store.save(hold, hold.job, Again(SHORT))
    [(due,)] = ask("select due_at from video_processing_jobs")
    again = eventually(lambda: claim(store))
    assert again.job.id == hold.job.id
    assert ask("select began_at >= ? from attempts where number = 2", due) == [(1,)]


def test_a_closed_site_is_not_claimed_until_it_opens(store):
    """No job of a site that refused begins before the cool-down is over, and other sites go on."""
    store.add([new(number) for number in range(3)])
    hold = must_claim(store)
    store.save(hold, hold.job, Again(), site=Gate(LONG, "429"))
    assert claim(store) is None
    store.add([new(7, site="other.example")])
    assert must_claim(store).job.site == "other.example"
    assert claim(store) is None


def test_a_cool_down_ends_by_itself(store, ask):
    """A site is claimed again as soon as its time is over, and not before."""
    store.add([new(1)])
    hold = must_claim(store)
    store.save(hold, hold.job, Again(), site=Gate(SHORT, "429"))
    [(opens,)] = ask("select opens_at from sites")
    eventually(lambda: claim(store))
    assert ask("select began_at >= ? from attempts where number = 2", opens) == [(1,)]


def test_a_site_with_strikes_is_asked_by_one_job_at_a_time(store, ask):
    """After a cool-down one job goes ahead; the others follow when it has succeeded, at the latest when it has died."""
    store.add([new(number) for number in range(5)])
    hold = must_claim(store)
    store.save(hold, hold.job, Again(LONG), site=Gate(LONG, "429"))
    assert ask("select strikes, reason from sites") == [(1, "429")]
    assert claim(store) is None
    ask(f"update sites set opens_at = {NOW}")
    scout = must_claim(store)
    assert scout.strikes == 1
    assert claim(store) is None
    expire(ask, scout)
    second = must_claim(store)
    assert claim(store) is None
    second = store.save(second, second.job, Keep(), site="open")
    assert ask("select strikes, reason from sites") == [(0, "")]
    assert must_claim(store).strikes == 0
    assert must_claim(store).strikes == 0


def test_strikes_are_counted_until_the_site_opens(store, ask):
    """Each refusal is a strike, and a success forgets them all."""
    store.add([new(1)])
    for strikes in range(3):
        hold = eventually(lambda: claim(store))
        assert hold.strikes == strikes
        store.save(hold, hold.job, Again(), site=Gate(timedelta(0), "429"))
    hold = eventually(lambda: claim(store))
    store.save(hold, hold.job, Again(), site="open")
    assert must_claim(store).strikes == 0


def test_a_success_does_not_open_a_site_that_nobody_closed(store, ask):
    """The site of a success that refused nobody is left as it is."""
    store.add([new(1)])
    before = ask("select * from sites")
    hold = must_claim(store)
    store.save(hold, hold.job, Done(), site="open")
    assert ask("select * from sites") == before


def test_the_files_of_a_job_keep_it_at_home(store):
    """A job whose files lie elsewhere is left to its home, until it has waited there for too long."""
    store.add([new(1), new(2)])
    hold = must_claim(store)
    store.save(hold, evolve(hold.job, home="there"), Again())
    other = must_claim(store, home=HERE)
    assert other.job.request.url == "https://example.com/2"
    assert claim(store, home=HERE) is None
    assert must_claim(store, home="there").job.id == hold.job.id


def test_a_job_whose_home_stays_away_is_handed_over(store):
    """After the handover time any workspace takes it."""
    store.add([new(1)])
    hold = must_claim(store)
    store.save(hold, evolve(hold.job, home="there"), Again())
    assert claim(store, home=HERE, handover=LONG) is None
    assert eventually(lambda: claim(store, home=HERE, handover=SHORT)).job.id == hold.job.id


def test_a_batch_is_claimed_alone(store):
    """Who works for a batch gets its jobs and no others; who works for all gets all."""
    store.add([new(1)], batch="a")
    store.add([new(2)], batch="b")
    assert must_claim(store, batch="b").job.request.url == "https://example.com/2"
    assert claim(store, batch="b") is None
    assert claim(store, batch="c") is None
    assert must_claim(store).job.request.url == "https://example.com/1"


def test_a_job_that_is_asked_for_again_joins_the_batch(store):
    """Of two runs that want one waiting job, the later one gets it."""
    store.add([new(1)], batch="a")
    store.add([new(1)], batch="b")
    assert claim(store, batch="a") is None
    assert must_claim(store, batch="b").job.request.url == "https://example.com/1"


# How long until then


def due(store, **rest):
    wait = store.next_due(**{"home": HERE, "handover": LONG, **rest})
    return None if wait is None else wait.total_seconds()


def test_next_due_tells_when_to_come_again(store):
    """Nothing left, something now, or the time until the first job is due."""
    assert due(store) is None
    store.add([new(1), new(2)], batch="a")
    assert due(store) == 0
    assert due(store, batch="b") is None
    one, two = must_claim(store, lease=timedelta(seconds=100)), must_claim(store, lease=timedelta(seconds=200))
    assert 95 < due(store) <= 100
    store.save(one, one.job, Done())
    assert 195 < due(store) <= 200
    store.save(two, two.job, Again(timedelta(seconds=50)))
    assert 45 < due(store) <= 50
    assert 45 < due(store, batch="a") <= 50


def test_next_due_waits_for_the_site_and_the_home(store, ask):
    """A job that is due waits for its site to open, and for the handover where its files are elsewhere."""
    store.add([new(1), new(2)])
    one = must_claim(store)
    two = must_claim(store)
    store.save(one, evolve(one.job, home="there"), Again())
    store.save(two, two.job, Done())
    assert 295 < due(store) <= 300
    assert due(store, home="there") == 0
    again = must_claim(store, home="there")
    store.save(again, again.job, Again(), site=Gate(timedelta(seconds=1000), "429"))
    assert 995 < due(store) <= 1000
    ask("update sites set opens_at = null")
    assert due(store) is None
    assert claim(store, home="there") is None


# Asking again


@pytest.mark.parametrize("status", [Status.FAILED, Status.UNAVAILABLE, Status.DOWNLOADED, Status.EXPANDED])
def test_asking_again_reopens_what_has_ended(store, ask, status):
    """A job that has ended is due once more, with its record, for whoever asks now."""
    name = ended(store, ask, 1, status, home="there")
    assert store.add([new(1)], batch="b", again=True) == 0
    [(at_once, batch)] = ask(f"select due_at <= {NOW}, batch from video_processing_jobs")
    assert (at_once, batch) == (1, "b")
    hold = must_claim(store, home="there", batch="b")
    assert (hold.job.id, hold.job.status, hold.previous, len(hold.job.attempts)) == (name, status, None, 2)


def test_without_asking_again_what_has_ended_stays(store, ask, dump):
    """An entry of a list that was hauled before is not hauled again."""
    ended(store, ask, 1)
    before = dump()
    assert store.add([new(1)], batch="b") == 0
    assert dump() == before
    assert claim(store) is None


def test_asking_again_disturbs_nobody(store, ask):
    """A job that waits goes on waiting and one that is held stays in its holder's hands."""
    store.add([new(1), new(2)])
    held, rests = must_claim(store), must_claim(store)
    store.save(rests, rests.job, Again(LONG))
    times = "select due_at, attempt, stage from video_processing_jobs order by number"
    before = ask(times)
    store.add([new(1), new(2)], again=True)
    assert ask(times) == before
    store.save(held, held.job, Done())


def test_the_url_that_was_given_now_is_the_one_that_is_used(store, ask):
    """A job's id is that of its URL and variant; the signed URL that was forgotten at the end comes back."""
    url = "https://example.com/1?token=new"
    job = NewJob(Request(url), "example.com")
    store.add([job])
    hold = must_claim(store)
    store.save(hold, evolve(hold.job, request=Request("https://example.com/1")), Done())
    assert ask("select url from video_processing_jobs") == [("https://example.com/1",)]
    store.add([job], again=True)
    assert must_claim(store).job.request.url == url


# Finding


def test_find_gives_all_pages_in_order(store, ask):
    """Of 1,200 jobs each is found once, in the order they were added."""
    urls = [f"https://example.com/{number}" for number in range(1200)]
    store.add([new(number) for number in range(1200)])
    assert [job.request.url for job in store.find(Query())] == urls
    ids = tuple(each for (each,) in ask("select id from video_processing_jobs order by number desc"))
    assert [job.request.url for job in store.find(Query(ids=(*ids, ids[700])))] == urls


def test_find_does_not_miss_what_is_added_meanwhile(store):
    """A job that is added while the pages are read comes last, and one that is changed does not come twice."""
    store.add([new(number) for number in range(600)])
    found = store.find(Query())
    first = next(found)
    store.add([new(600)])
    hold = must_claim(store)
    store.save(hold, hold.job, Again())
    urls = [first.request.url, *(job.request.url for job in found)]
    assert urls == [f"https://example.com/{number}" for number in range(601)]


def test_find_filters(store, ask):
    """Each field of a query that is not empty narrows what is found."""
    failed = ended(store, ask, 1, Status.FAILED)
    done = ended(store, ask, 2)
    store.add([new(3)], batch="b")
    store.add([new(4)], batch="b")
    held = must_claim(store)
    [(waiting,)] = ask("select id from video_processing_jobs where url like '%/4'")

    def ids(**query):
        return [job.id for job in store.find(Query(**query))]

    assert ids() == [failed, done, held.job.id, waiting]
    assert ids(status=(Status.FAILED,)) == [failed]
    assert ids(status=(Status.DOWNLOADED, Status.FAILED)) == [failed, done]
    assert ids(batch="b") == [held.job.id, waiting]
    assert ids(unfinished=True) == [held.job.id, waiting]
    assert ids(ids=(waiting, done)) == [done, waiting]
    assert ids(ids=(waiting, done), unfinished=True) == [waiting]
    assert ids(ids=("nobody",)) == []
    assert ids(batch="c") == []
    assert ids(status=(Status.FAILED,), batch="b") == []


# What people read in the tables


def test_each_attempt_has_a_row(store, ask):
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


def test_an_attempt_that_succeeded_has_an_end_and_no_kind(store, ask):
    """Only attempts that failed count as tries."""
    store.add([new(1)])
    hold = must_claim(store)
    store.save(hold, hold.job, Done())
    assert ask("select kind, ended_at is not null from attempts") == [(None, 1)]
    assert next(store.find(Query())).tries == ()


def test_a_video_has_the_columns_that_people_query(store, ask):
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


def test_the_files_of_a_job_are_kept_with_it(store, ask):
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


def test_a_copy_has_a_row_that_follows_its_state(store, ask):
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


def test_rows_of_copies_say_what_is_where(store, ask):
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


# What it costs


def fill(database, jobs, *, sites=("large.example",), due="2020-01-01T00:00:00.000Z", home=None):
    """Write rows of jobs by hand, as many as no test could add one by one."""
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        for site in sites:
            connection.execute("insert or ignore into sites values (?, '2020-01-01T00:00:00.000Z', 0, '')", (site,))
        start = connection.execute("select coalesce(max(number), 0) from video_processing_jobs").fetchone()[0] + 1
        rows = (
            (f"{n:032x}", f"https://e.com/{n}", site, "b" if site == sites[0] else "", due, home)
            for n, site in zip(range(start, start + jobs), itertools.cycle(sites), strict=False)
        )
        connection.executemany(
            "insert into video_processing_jobs"
            " (id, url, variant, site, status, batch, home, files, due_at, asked_after, stage, done, added_at)"
            " values (?, ?, '', ?, 'pending', ?, ?6, '[]', ?5, 0, '', 0, '2020-01-01T00:00:00.000Z')",
            rows,
        )


class Steps:
    """Counts what SQLite does, in hundreds of the instructions of its machine."""

    def __init__(self):
        self.count = 0

    def watch(self, connection, _record):
        connection.set_progress_handler(self.step, 100)

    def step(self):
        self.count += 1
        return 0

    def of(self, call):
        self.count = 0
        call()
        return self.count


@pytest.mark.parametrize(
    ("rows", "after", "claimed"),
    [
        ({}, "", "large.example"),
        ({"due": None}, "", "small.example"),
        (
            {},
            "update sites set opens_at = '9000-01-01T00:00:00.000Z', strikes = 1 where name = 'large.example'",
            "small.example",
        ),
        ({}, "update sites set strikes = 3", "large.example"),
        ({"due": "9000-01-01T00:00:00.000Z"}, "", "small.example"),
        ({"due": "9000-01-01T00:00:00.000Z"}, "update sites set strikes = 3", "small.example"),
    ],
    ids=["due", "ended", "largest site closed", "strikes", "resting", "resting, strikes"],
)
def test_a_claim_costs_the_same_however_many_jobs_there_are(tmp_path, rows, after, claimed):
    """With 100,000 jobs SQLite takes hardly more steps to claim one, save it and look ahead than with 100."""
    steps, counts = Steps(), {}
    for size in (100, 100_000):
        folder = tmp_path / str(size)
        folder.mkdir()
        with listening("connect", steps.watch):
            store = SqlStore.open("sqlite:///haulage.db", folder)
            store.prepare()
            fill(folder / "haulage.db", size, **rows)
            fill(folder / "haulage.db", 50, sites=("small.example",), due="2021-01-01T00:00:00.000Z")
            with contextlib.closing(sqlite3.connect(folder / "haulage.db")) as connection, connection:
                connection.execute(after or "select 1")

            def take(store=store):
                hold = must_claim(store)
                assert hold.job.site == claimed
                store.save(hold, hold.job, Done())

            def look(store=store):
                store.next_due(home=HERE, handover=LONG)

            take()  # the first one reads the schema
            counts[size] = [steps.of(take), steps.of(look)]
            store.close()
    small, large = counts[100], counts[100_000]
    assert all(many <= 3 * few + 10 for few, many in zip(small, large, strict=True)), counts


def test_a_claim_for_a_batch_costs_the_same_however_many_jobs_there_are(tmp_path):
    """A batch of a few jobs behind 100,000 others is found at once, and so is the front of a batch of 100,000."""
    steps, counts = Steps(), []
    for size in (100, 100_000):
        folder = tmp_path / str(size)
        folder.mkdir()
        with listening("connect", steps.watch):
            store = SqlStore.open("sqlite:///haulage.db", folder)
            store.prepare()
            fill(folder / "haulage.db", size)
            store.add([new(number, site="large.example") for number in range(5)], batch="mine")
            must_claim(store, batch="mine")
            counts.append(
                [
                    steps.of(lambda store=store: must_claim(store, batch="mine")),
                    steps.of(lambda store=store: store.next_due(home=HERE, handover=LONG, batch="mine")),
                    steps.of(lambda store=store: must_claim(store, batch="b")),
                    steps.of(lambda store=store: store.next_due(home=HERE, handover=LONG, batch="b")),
                ]
            )
            store.close()
    assert all(many <= 3 * few + 10 for few, many in zip(*counts, strict=True)), counts


def test_closing_twice_is_harmless(store):
    """A store may be closed again."""
    store.close()
    store.close()
