"""T1: a call that writes is one transaction, durable on return."""

import signal
from datetime import timedelta

import pytest
from attrs import evolve

from haulage.builtin.sql.store import SqlStore
from haulage.contracts.metadata import Beat, Done, Gate
from haulage.errors import StoreError
from haulage.values import Status

LONG = timedelta(minutes=5)
NOW = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"


def test_t1_what_a_call_wrote_is_there_for_others_when_it_returns(store, ask, new, must_claim):
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
    held = must_claim(store)
    assert store.release("host:1") == 1
    assert ask(f"select attempt from video_processing_jobs where due_at <= {NOW}") == [(held.attempt,)]
    assert store.gate("example.com", Gate(None, "sign in")) is True
    assert ask("select opens_at, strikes, reason from sites") == [(None, 1, "sign in")]


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
def test_t1_what_a_call_wrote_outlives_the_process(store, ask, new, program, body, statement, rows):
    """A process that is killed right after a call returned has lost nothing, and the file is sound."""
    store.add([new(1)])
    with program(f"{body}\nsay('returned')\nwait()") as process:
        assert process.stdout.readline() == "returned\n"
        process.send_signal(signal.SIGKILL)
        process.wait(10)
    assert ask(statement) == rows
    assert ask("pragma integrity_check") == [("ok",)]


def test_t1_an_add_that_fails_adds_nothing(store, dump, new):
    """A page of jobs is there as a whole or not at all."""
    before = dump()

    def page():
        yield new(1)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        store.add(page())
    assert dump() == before


@pytest.mark.parametrize(
    ("fails", "call"),
    [
        ("insert on video_processing_jobs when new.url like '%/500'", "add"),
        ("update on video_processing_jobs", "claim"),
        ("update on video_processing_jobs when new.stage = 'second'", "beat"),
        ("update on sites", "save"),
        ("update on attempts when new.receipt is not null", "save"),
    ],
)
def test_t1_a_call_that_fails_half_way_changes_nothing(store, ask, dump, new, must_claim, rich, fails, call):
    """Whatever statement of a call fails, those before it are undone, those of earlier pages too."""
    store.add([new(number) for number in range(3)])
    first, second = must_claim(store), must_claim(store)
    ask(f"create trigger midway before {fails} begin select raise(abort, 'not today'); end")
    before = dump()
    calls = {
        "add": lambda: store.add([new(number) for number in range(501)], batch="b", again=True),
        "claim": lambda: must_claim(store),
        "beat": lambda: store.beat([Beat(first.attempt, "first", 1, 2), Beat(second.attempt, "second", 1, 2)], LONG),
        "save": lambda: store.save(first, rich(first), Done(), site=Gate(LONG, "429")),
    }
    with pytest.raises(StoreError, match="not today"):
        calls[call]()
    assert dump() == before


def test_t1_every_commit_is_forced_to_the_disk(database, ask, listening):
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
