"""What deletions, moves, repairs and those who ask for a video mean to each other, one after the other."""

import time
from datetime import timedelta

import pytest
from attrs import evolve

from haulage.contracts.metadata import Again, Done, Query
from haulage.errors import Failure, Kind, StorageError
from haulage.operations.copying.copy import Copier
from haulage.operations.copying.copy import Progress as Copied
from haulage.operations.copying.plan import Wanted
from haulage.operations.holding import holder
from haulage.operations.prune.deletion import Deletion, Progress
from haulage.pipeline import reading, removal
from haulage.pipeline.attempt import Attempt
from haulage.values import Try

KEY = "UC/one/video.mp4"
RECORD = "UC/one/video.json"
FAR = Wanted("far", ("library",))


@pytest.fixture
def moving(make):
    """An archive whose storages a video may be moved between, with one that it has to be in."""
    return make(storages={"library": "library", "nas": "nas", "far": "far"}, store_to=["library"])


def states(kept):
    """What rows say, by storage and key."""
    return {
        (storage, key): state for storage, key, state in kept.rows("select storage, key, state from stored_objects")
    }


def statuses(kept):
    """How jobs stand: their status, and whether they are due."""
    return [(status, due is not None) for status, due in kept.rows("select status, due_at from video_processing_jobs")]


def ask(kept):
    kept.pipeline.add([kept.source.url("/UC/one", kept.source.texts["/UC/one"])])


def move(kept, old, new):
    outcomes = Copier(kept.pipeline.assembly, Wanted(new, (old,), move=True), 1, Copied()).outcomes()
    assert [each.left for each in outcomes] == [""]


def delete(kept, storage):
    """Delete all of a storage; why it was left, where it was."""
    assembly = kept.pipeline.assembly
    there = [each for each in assembly.store.holdings() if each.storage == storage]
    return [each.left for each in Deletion(assembly, there).run(Progress())]


def held(kept):
    """Hold the one job there is."""
    holding = holder(kept.pipeline.assembly)
    found = holding.__enter__()
    return holding, found.holding(next(kept.pipeline.find()).id)


def break_off(kept, then):
    """Leave the first video as a deletion does that was broken off before anything was gone."""
    holding, job = held(kept)
    with job as ours:
        going = (evolve(copy, state="deleting", attempt=ours.attempt.attempt) for copy in ours.job.copies)
        ours.settle(evolve(ours.job, copies=tuple(going)), then)
    holding.__exit__(None, None, None)


def test_a_second_move_does_not_undo_the_first(moving):
    """A video that was asked for in between, and moved on, is brought back by nobody."""
    moving.haul("one")
    move(moving, "library", "nas")
    ask(moving)
    moving.work()
    move(moving, "nas", "far")
    assert statuses(moving) == [("downloaded", False)], "a video that was moved is to be hauled"
    assert moving.fsck() == []
    assert (moving.holds("library"), moving.holds("nas")) == ({}, {})
    assert not moving.source.served


def test_a_moved_video_that_is_lost_is_hauled_again(moving):
    """Nobody wanted it gone: a repair that says so keeps its word."""
    moving.haul("one", "two")
    move_all = Copier(moving.pipeline.assembly, Wanted("nas", ("library",), move=True), 1, Copied())
    assert [each.left for each in move_all.outcomes()] == ["", ""]
    (moving.folder / "nas" / KEY).unlink()
    assert ("missing", f"nas/{KEY}", True) in moving.told(repair=True)
    moving.work()
    assert moving.holds()[KEY] == b"one " * 100
    assert set(statuses(moving)) == {("downloaded", False)}
    assert moving.source.served == {"/UC/one": 1}


@pytest.mark.parametrize("then", [Again(), Done()], ids=["due", "put down"])
@pytest.mark.parametrize("kind", ["local", "memory"])
def test_who_asks_while_a_deletion_is_broken_off_gets_the_video(make, kind, then):
    """It is not deleted, and being whole it is not downloaded either."""
    kept = make(storages={"library": "library" if kind == "local" else {"type": "memory"}})
    kept.haul("one")
    break_off(kept, then)
    ask(kept)
    kept.work()
    assert statuses(kept) == [("downloaded", False)], "a video that was asked for was deleted"
    assert states(kept) == {("library", KEY): "stored", ("library", RECORD): "stored"}
    assert kept.pipeline.assembly.place("library").storage.stat(KEY) is not None
    assert not kept.source.served, "a video that was there was downloaded"
    assert kept.fsck(deep=True) == []


def test_two_names_of_one_place_let_nothing_go(make):
    """Deleting it by one name would take it from the other."""
    kept = make(storages={"library": {"type": "memory"}, "nas": {"type": "memory"}})
    library, nas = (kept.pipeline.assembly.place(name).storage for name in ("library", "nas"))
    nas._shelf = library._shelf
    nas.url = library.url
    kept.haul("one")
    assert delete(kept, "nas") == ["library is the same place by another name"]
    assert library.stat(KEY) is not None, "the only object was deleted"
    assert set(states(kept).values()) == {"stored"}


def test_a_mirror_that_was_let_go_before_it_was_whole_is_owed_nothing(make, monkeypatch):
    """A repair has nothing to do there, however often it looks."""
    kept = make(storages={"library": "library", "nas": "nas"})
    nas = kept.pipeline.assembly.place("nas").storage
    stat = nas.stat

    def refuse(key):
        if key == RECORD:
            raise StorageError(Failure(Kind.STORAGE, "it stalls"))
        return stat(key)

    with monkeypatch.context() as patched:
        patched.setattr(nas, "stat", refuse)
        list(kept.pipeline.run([kept.source.url("/UC/one", b"one " * 100)]))
    assert kept.pipeline.tally().owed == {"nas": 1}
    assert delete(kept, "nas") == [""]
    assert kept.pipeline.tally().owed == {}, "what was let go is owed"
    assert kept.fsck(repair=True) == []


def test_a_lease_that_ends_meanwhile_leaves_that_video_alone(make, monkeypatch):
    """As after a machine has slept: the next video has its turn, and the program goes on."""
    kept = make()
    kept.haul("one", "two")
    slept = []

    def sleep(storage, key, ctx, lease=None):
        if isinstance(ctx, Attempt) and not slept:
            slept.append(key)
            ctx.cancel.expire_at(time.monotonic() - 1, "lost")
        return reading.read_digest(storage, key, ctx, lease)

    monkeypatch.setattr(removal, "read_digest", sleep)
    left = delete(kept, "library")
    assert [bool(each) for each in left].count(True) == 1, "not one video was left, and the other deleted"
    assert len([key for key in kept.holds() if key.endswith(".mp4")]) == 1


def test_a_mirror_is_made_of_what_was_fetched_and_of_nothing_else(make):
    """A storage that holds another encoding is no source; the video is downloaded once more instead."""
    kept = make(storages={"library": "library", "nas": "nas"})
    kept.haul("one")
    (kept.folder / "nas" / KEY).unlink()
    holding, job = held(kept)
    with job as ours:
        [main] = ours.job.files
        ours.settle(evolve(ours.job, files=(evolve(main, sha256="0" * 64),)), Done())
    holding.__exit__(None, None, None)
    kept.fsck(repair=True)
    kept.work()
    assert kept.holds("nas")[KEY] == b"one " * 100, "a mirror is not made for ever"
    assert [job.tries for job in kept.pipeline.find(Query())] == [()]


def test_a_worker_does_not_take_a_disk_that_is_not_mounted_for_a_deletion_that_is_done(make):
    """It stops, as it would before a download; once the disk is there, it goes on and deletes what shall go."""
    kept = make()
    kept.haul("one", "two")
    break_off(kept, Again())
    (kept.folder / "library").rename(kept.folder / "elsewhere")
    (kept.folder / "library").mkdir()
    with pytest.raises(StorageError, match="'library' has none of the 1 videos"):
        kept.work()
    assert states(kept)["library", KEY] == "deleting", "a row says that a file is gone, which is there"
    (kept.folder / "library").rmdir()
    (kept.folder / "elsewhere").rename(kept.folder / "library")
    kept.work()
    assert states(kept)["library", KEY] == "deleted"
    assert KEY not in kept.holds()


@pytest.mark.parametrize("operation", ["copy", "nothing"])
def test_a_job_that_rests_goes_on_resting(make, operation):
    """Whatever an operation did with it: a site or a storage that asked for patience gets it."""
    kept = make(storages={"library": "library", "nas": "nas", "far": "far"}, store_to=["library", "nas"])
    kept.haul("one")
    (kept.folder / "nas" / KEY).unlink()
    holding, job = held(kept)
    with job as ours:
        mine = ours.attempt.attempt
        failed = Try(mine, "store:nas", Failure(Kind.STORAGE, "it stalls"), counted=True, wait=timedelta(hours=1))
        owed = tuple(copy for copy in ours.job.copies if (copy.storage, copy.key) != ("nas", KEY))
        ours.settle(evolve(ours.job, copies=owed, tries=(failed,)), Again(timedelta(hours=1)))
    holding.__exit__(None, None, None)
    left = "select (julianday(due_at) - julianday('now')) * 86400 from video_processing_jobs"
    for _ in range(2):
        if operation == "copy":
            assert [each.left for each in Copier(kept.pipeline.assembly, FAR, 1, Copied()).outcomes()] in ([""], [])
        else:
            with holder(kept.pipeline.assembly) as holding, holding.holding(next(kept.pipeline.find()).id):
                pass
        [(seconds,)] = kept.rows(left)
        assert 3500 < seconds <= 3600, "a job that rests is due at once"
