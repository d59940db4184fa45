"""What copying to another storage does to an archive, and what it leaves alone."""

import threading
import time
from datetime import timedelta

import pytest
import service_storages as service

from haulage.contracts.metadata import Done
from haulage.errors import Failure, Kind, StorageError
from haulage.operations.copying.copy import BUSY, Copier, Progress
from haulage.operations.copying.plan import Wanted

KEY = "UC/one/video.mp4"


def body(name):
    return f"{name} ".encode() * 100


@pytest.fixture(autouse=True)
def told():
    """Nothing that a test told the service is left for the next one."""
    yield
    for each in (service.READS, service.BEFORE, service.AFTER, service.READING):
        each.clear()


@pytest.fixture
def inside(make):
    """An archive in one of two storages of a service; keywords change its config."""

    def inside(kind="careful", **config):
        storages = {"old": {"type": kind}, "new": {"type": kind}}
        kept = make(**{"storages": storages, "store_to": ["old"], "plugins": ["service_storages"], **config})
        kept.haul("one")
        service.READS.clear()
        return kept

    return inside


def copy(kept, *, old="old", new="new", move=False, progress=None):
    """Copy everything; what became of each video."""
    copier = Copier(kept.pipeline.assembly, Wanted(new, (old,), move), 2, progress or Progress())
    return list(copier.outcomes())


def held(kept, storage, key=KEY):
    """What an object holds; None where there is none."""
    place = kept.pipeline.assembly.place(storage).storage
    return service.MemoryStorage.read(place, key, None).read() if place.stat(key) else None


def states(kept):
    return sorted(kept.archive("storage", "role", "state"))


STORED = [("new", "record", "stored"), ("new", "video", "stored")]
KEPT = [("old", "record", "stored"), ("old", "video", "stored")]
GONE = [("old", "record", "deleted"), ("old", "video", "deleted")]


def test_a_service_that_checks_is_believed(inside):
    """Where the original is the version that was verified, not a byte passes through here."""
    kept = inside()
    progress = Progress()
    [outcome] = copy(kept, progress=progress)
    assert (outcome.inside, len(outcome.copied), outcome.removed, outcome.left) == (2, 2, (), "")
    assert not service.READS
    assert held(kept, "new") == body("one")
    assert states(kept) == STORED + KEPT
    assert (progress.videos, progress.size) == (1, outcome.size)
    assert outcome.size > len(body("one"))
    [(version,)] = kept.rows("select version from stored_objects where storage = 'new' and role = 'video'")
    assert version == kept.pipeline.assembly.place("new").storage.stat(KEY).version
    assert copy(kept) == []


def test_a_service_that_does_not_check_is_read_back(inside):
    """Once for each file, and what is right is stored."""
    kept = inside("careless")
    [outcome] = copy(kept)
    assert (outcome.inside, outcome.left) == (2, "")
    assert {place for place, _ in service.READS} == {"new"}
    assert states(kept) == STORED + KEPT


def test_a_service_that_copies_something_else(inside):
    """It is told, no row says that it is there, and a move deletes nothing."""
    kept = inside("careless", storages={"old": {"type": "careless"}, "new": {"type": "careless", "spoils": True}})
    [outcome] = copy(kept, move=True)
    assert "not whole" in outcome.left
    assert states(kept) == KEPT
    assert held(kept, "old") == body("one")


def test_an_original_that_is_another_version_is_read(inside):
    """The bytes are right, so it is copied; but they are hashed on their way."""
    kept = inside()
    [(attempt,)] = kept.rows("select attempt from stored_objects where role = 'video'")
    kept.overwrite(KEY, body("one"), attempt=attempt, storage="old")
    [outcome] = copy(kept)
    assert (outcome.inside, outcome.left) == (1, "")
    assert service.READS == {("old", KEY): 1}


def test_an_original_that_is_changed_while_the_service_copies_it(inside):
    """The copy is read back, and found to be something else; nothing is deleted."""
    kept = inside()

    def change(source, key):
        if key == KEY:
            kept.overwrite(KEY, body("two"), storage="old")

    service.BEFORE.append(change)
    [outcome] = copy(kept, move=True)
    assert "is not there, or not whole" in outcome.left
    assert [row for row in states(kept) if row[0] == "old"] == KEPT
    assert ("new", "video", "stored") not in states(kept)
    assert held(kept, "old") == body("two")


def test_an_answer_of_the_service_that_is_lost(inside):
    """What it made is found, read and recorded."""
    kept = inside()

    def lose():
        raise StorageError(Failure(Kind.STORAGE, "the connection ended"))

    service.AFTER.append(lose)
    [outcome] = copy(kept, move=True)
    assert (outcome.inside, outcome.left) == (2, "")
    assert {place for place, _ in service.READS} == {"new"}
    assert states(kept) == STORED + GONE


def test_another_layout_since(make):
    """What is stored is read where it lies, and is named at the new place as everything is now."""
    kept = make(storages={"library": "library", "nas": "nas"}, store_to=["library"])
    kept.haul("one")
    later = make(storages={"library": "library", "nas": "nas"}, store_to=["library"], layout="{video_id}/v.{ext}")
    [outcome] = copy(later, old="library", new="nas", move=True)
    assert outcome.left == ""
    assert sorted(later.holds("nas")) == ["one/v.json", "one/v.mp4"]
    assert later.holds("nas")["one/v.mp4"] == body("one")
    assert later.holds("library") == {}


def test_what_was_moved_is_not_hauled_again(make):
    """Neither by a worker nor by asking; once nobody has it, asking hauls it again."""
    kept = make(storages={"library": "library", "nas": "nas"}, store_to=["library"])
    kept.haul("one")
    assert [outcome.left for outcome in copy(kept, old="library", new="nas", move=True)] == [""]
    kept.work()
    url = kept.source.url("/UC/one", body("one"))
    assert [job.status for job in kept.pipeline.run([url])] == ["downloaded"]
    assert not kept.source.served
    assert (kept.holds(), sorted(kept.holds("nas"))) == ({}, ["UC/one/video.json", KEY])
    [outcome] = copy(kept, old="nas", new="library", move=True)
    assert (len(outcome.copied), outcome.left) == (2, "")
    assert (kept.holds()[KEY], kept.holds("nas")) == (body("one"), {})


def test_two_names_of_one_place(make):
    """They are found out before anything is copied, or deleted."""
    kept = make(storages={"library": "library", "also": "./library/../library"}, store_to=["library"])
    kept.haul("one")
    before = kept.holds()
    from haulage.errors import ConfigError

    with pytest.raises(ConfigError, match="are the same place, by two names"):
        copy(kept, old="library", new="also", move=True)
    assert kept.holds() == before
    assert {row[0] for row in states(kept)} == {"library"}


def test_a_job_that_a_worker_has_is_waited_for(make):
    """As soon as it puts it down it is copied, by the same command."""
    kept = make(storages={"library": "library", "nas": "nas"}, store_to=["library"])
    kept.haul("one", "two")
    store = kept.pipeline.assembly.store
    [(job,)] = kept.rows("select job from videos where video_id = 'one'")
    hold = store.claim("somebody", timedelta(seconds=60), home="x", handover=timedelta(0), job=job)
    copied = []

    class Let(Progress):
        def ended(self):
            super().ended()
            if self.videos == 1:
                store.save(hold, hold.job, Done())

    copied = copy(kept, old="library", new="nas", progress=Let())
    assert [(outcome.job.video.id, outcome.left) for outcome in copied] == [("two", ""), ("one", "")]


def test_a_job_that_a_worker_keeps_is_told(make):
    """A lease is waited for, and no longer."""
    kept = make(storages={"library": "library", "nas": "nas"}, store_to=["library"], lease="1s")
    kept.haul("one")
    [(job,)] = kept.rows("select job from videos")
    kept.pipeline.assembly.store.claim("x", timedelta(seconds=60), home="x", handover=timedelta(0), job=job)
    assert [outcome.left for outcome in copy(kept, old="library", new="nas")] == [BUSY]
    assert {row[0] for row in states(kept)} == {"library"}


def test_a_copy_that_takes_longer_than_a_lease_keeps_its_job(inside):
    """The lease is renewed while a storage is slow, and nobody else gets the job."""
    kept = inside("careless", lease="6s")  # not shorter, for a machine that stalls
    due, go = "select julianday(due_at) * 86400 from video_processing_jobs", threading.Event()

    def wait():
        go.wait(30)

    service.READING.append(wait)
    done = []
    thread = threading.Thread(target=lambda: done.extend(copy(kept)))
    thread.start()
    try:
        deadline = time.monotonic() + 30
        while not service.READS:
            assert time.monotonic() < deadline
        [(first,)] = kept.rows(due)
        while kept.rows(due)[0][0] < first + 2:  # a beat each 1.5 s: there were two
            assert time.monotonic() < deadline, "the lease was not renewed"
        [(job,)] = kept.rows("select job from videos")
        store = kept.pipeline.assembly.store
        assert store.claim("x", timedelta(seconds=60), home="x", handover=timedelta(0), job=job) is None
    finally:
        go.set()
        thread.join()
    assert [(outcome.inside, outcome.left) for outcome in done] == [(2, "")]


def test_a_storage_that_fails_now_and_then_is_asked_again(make):
    """As the retry policy says; afterwards all is there."""
    kept = make(storages={"old": {"type": "careful"}, "nas": "nas"}, store_to=["old"], plugins=["service_storages"],
                retry={"attempts": 3, "initial": "0.01s"})  # fmt: skip
    kept.haul("one")
    service.READS.clear()
    failures = [StorageError(Failure(Kind.STORAGE, "503"))]

    def fail():
        if failures:
            raise failures.pop()

    service.READING.append(fail)
    assert [(outcome.left, len(outcome.copied)) for outcome in copy(kept, new="nas")] == [("", 2)]
    assert service.READS[("old", KEY)] == 2
