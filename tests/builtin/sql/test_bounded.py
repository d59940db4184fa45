"""T7: every call is bounded, and no lock is held while a caller computes."""

import contextlib
import shutil
import sqlite3
from datetime import timedelta

import pytest

from haulage.builtin.sql.store import SqlStore
from haulage.contracts.metadata import Beat, Done, Gate, Keep, Query

LONG = timedelta(minutes=5)
HERE = "here"


SIZES = (100, 100_000)
PAST, FUTURE = "2020-01-01T00:00:00.000Z", "9000-01-01T00:00:00.000Z"


def fill(database, jobs, *, site="large.example", due=PAST):
    """Write rows of jobs by hand, as many as no test could add one by one; host:1 has tried each and put it down."""
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("insert or ignore into sites values (?, ?, 0, '')", (site, PAST))
        start = connection.execute("select coalesce(max(number), 0) from video_processing_jobs").fetchone()[0] + 1
        connection.executemany(
            "insert into video_processing_jobs (subscription, listed, id, url, variant, site, status, batch, files,"
            " due_at, worker, asked_after, stage, done, added_at)"
            " values ('', 0, ?1, ?2, '', ?3, 'pending', 'b', '[]', ?4, 'host:1', 0, '', 0, ?5)",
            ((f"{n:032x}", f"https://e.com/{n}", site, due, PAST) for n in range(start, start + jobs)),
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


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """Databases of so many jobs that were due then, each made once and copied for each test."""
    folder = tmp_path_factory.mktemp("filled")

    def copy(jobs, due, to):
        made = folder / f"{jobs}-{due and due[:4]}.db"
        if not made.exists():
            store = SqlStore.open(f"sqlite:///{made}", folder)
            store.prepare()
            store.close()
            fill(made, jobs, due=due)
        shutil.copy(made, to)

    return copy


@pytest.fixture
def costs(filled, listening, tmp_path):
    """The steps of each call with 100 jobs and with 100,000; `calls` gets a store ready and gives its calls."""

    def costs(calls, *, due=PAST, change="select 1"):
        steps, counts = Steps(), []
        for size in SIZES:
            database = tmp_path / str(size)
            filled(size, due, database)
            fill(database, 50, site="small.example", due="2021-01-01T00:00:00.000Z")
            with contextlib.closing(sqlite3.connect(database)) as connection, connection:
                connection.execute(change)
            with listening("connect", steps.watch):
                store = SqlStore.open(f"sqlite:///{database}", tmp_path)
                counts.append([steps.of(call) for call in calls(store)])
                store.close()
        return list(zip(*counts, strict=True))

    return costs


def grown(costs):
    """The costs that grew with the number of jobs."""
    return [(few, many) for few, many in costs if many > 3 * few + 10]


def test_t7_nobody_waits_for_a_caller_who_computes(store, ask, new, must_claim):
    """Between calls, and between the pages of a find, others write, and no snapshot of the database is kept for it."""
    holds, found, sites = [], store.find(Query()), store.sites()
    calls = {
        "add": lambda: store.add([new(number) for number in range(501)]),
        "claim": lambda: holds.append(must_claim(store)),
        "beat": lambda: store.beat([Beat(holds[0].attempt, "fetch", 1, 2)], LONG),
        "save": lambda: store.save(holds[0], holds[0].job, Keep()),
        "release": lambda: store.release("host:1"),
        "gate": lambda: store.gate("example.com", Gate(LONG, "429")),
        "sites": lambda: next(sites),
        "find": lambda: next(found),
        "next_due": lambda: store.next_due(home=HERE, handover=LONG),
    }
    for name, call in calls.items():
        call()
        try:
            ask("update schema_version set version = version")
            [(waits, _, _)] = ask("pragma wal_checkpoint(truncate)")
        except sqlite3.OperationalError:
            waits = True
        assert not waits, f"{name} has left the database locked"
    assert sum(1 for _ in found) == 500


CLOSE = f"update sites set opens_at = '{FUTURE}', strikes = 1 where name = 'large.example'"
OTHERS = (
    f"update video_processing_jobs set attempt = id, worker = 'host:2', due_at = '{FUTURE}'"
    " where site = 'large.example' and number <= 10000"
)
STRIKES = "update sites set strikes = 3"


@pytest.mark.parametrize(
    ("due", "change", "claimed"),
    [
        (PAST, "select 1", "large.example"),
        (None, "select 1", "small.example"),
        (PAST, CLOSE, "small.example"),
        (PAST, STRIKES, "large.example"),
        (FUTURE, "select 1", "small.example"),
        (FUTURE, STRIKES, "small.example"),
    ],
    ids=["due", "ended", "largest site closed", "strikes", "resting", "resting, strikes"],
)
def test_t7_a_claim_costs_the_same_however_many_jobs_there_are(costs, must_claim, due, change, claimed):
    """With 100,000 jobs SQLite takes hardly more steps to claim one, save it and look ahead than with 100."""

    def calls(store):
        def take():
            hold = must_claim(store)
            assert hold.job.site == claimed
            store.save(hold, hold.job, Done())

        take()  # the first one reads the schema
        return take, lambda: store.next_due(home=HERE, handover=LONG)

    assert grown(costs(calls, due=due, change=change)) == []


def test_t7_a_claim_for_a_batch_costs_the_same_however_many_jobs_there_are(costs, new, must_claim):
    """A batch of a few jobs behind 100,000 others is found at once, and so is the front of a batch of 100,000."""

    def calls(store):
        store.add([new(number, site="large.example") for number in range(5)], batch="mine")
        must_claim(store, batch="mine")
        for batch in ("mine", "b"):
            yield lambda batch=batch: must_claim(store, batch=batch)
            yield lambda batch=batch: store.next_due(home=HERE, handover=LONG, batch=batch)

    assert grown(costs(calls)) == []


@pytest.mark.parametrize("batch", ["", "b"])
def test_t7_who_has_no_room_finds_what_is_fetched_however_many_jobs_there_are(costs, claim, batch):
    """One job whose files lie here is found at once among 100,000 others, and so is that there is none."""

    def calls(store):
        def take():
            hold = claim(store, batch=batch, fetched=True)
            assert hold.job.id == f"{7:032x}"
            store.save(hold, hold.job, Done())

        def in_vain():
            assert claim(store, batch=batch, home="elsewhere", fetched=True) is None

        in_vain()  # the first one reads the schema
        return take, in_vain

    fetched = "update video_processing_jobs set home = 'here', files = json_array(json_object(%s)) where number = 7"
    facts = "'path', '/w/v', 'role', 'video', 'extension', 'mp4', 'media_type', '', 'size', 1, 'sha256', ''"
    assert grown(costs(calls, change=fetched % facts)) == []


@pytest.mark.parametrize(
    "change",
    ["select 1", OTHERS],
    ids=["wait", "held by others"],
)
def test_t7_a_release_costs_the_same_however_many_jobs_there_are(costs, must_claim, change):
    """What a dead worker holds is found at once, although 100,000 that it put down wait, or others hold 10,000."""

    def calls(store):
        for _ in range(5):
            must_claim(store)

        def release():
            assert store.release("host:1") == 5

        return [release]

    assert grown(costs(calls, change=change)) == []
