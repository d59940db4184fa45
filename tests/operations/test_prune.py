"""What is deleted of an archive, and what is left, whatever happened since it was decided."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from attrs import evolve

from haulage.builtin.jsonl import event_document
from haulage.contracts.metadata import Again, Done, NewJob
from haulage.contracts.policies import Deleted
from haulage.errors import Failure, Kind, StorageError
from haulage.operations.holding import holder
from haulage.operations.prune.deletion import Deletion, Progress, planned
from haulage.values import JobId, Request

KEY = "UC/one/video.mp4"
RECORD = "UC/one/video.json"
ALL = [{"max_age": "1ms"}]


def states(kept):
    """What rows say, by storage and key."""
    return {
        (storage, key): state for storage, key, state in kept.rows("select storage, key, state from stored_objects")
    }


def jobs(kept):
    """How jobs stand, by video: their status, and whether they are due."""
    query = (
        "select v.video_id, j.status, j.due_at is not null from videos v join video_processing_jobs j on v.job = j.id"
    )
    return {video: (status, bool(due)) for video, status, due in kept.rows(query)}


def job(kept, video="one"):
    [(found,)] = kept.rows(f"select job from videos where video_id = '{video}'")
    return JobId(found)


def decided(kept):
    """What the rules let go now, ready to be deleted."""
    made = planned(kept.pipeline.assembly)
    return Deletion(kept.pipeline.assembly, [each.holding for each in made.going], made.begun)


def deleted(kept, deletion=None):
    """Delete; what became of each video, by its id and its storage."""
    outcomes = list((deletion or decided(kept)).run(Progress()))
    return {(each.holding.video_id, each.holding.storage): (each.left, each.objects, each.size) for each in outcomes}


def held_by_another(kept, video="one"):
    """Take a job as another worker would."""
    store = kept.pipeline.assembly.store
    return store.claim("x", timedelta(seconds=60), home="h", handover=timedelta(0), job=job(kept, video))


def ask_again(kept, video="one"):
    """Ask for a video's very URL."""
    url = kept.source.url(f"/UC/{video}", kept.source.texts[f"/UC/{video}"])
    kept.pipeline.add([url])
    return url


@pytest.fixture
def make_kept(make):
    """An archive with rules, of plain files or of a storage that tells who wrote what."""

    def made(retention=ALL, kind="local", **config):
        storages = {"library": "library"} if kind == "local" else {"library": {"type": "memory"}}
        return make(**{"retention": retention, "storages": storages, **config})

    return made


@pytest.mark.parametrize("kind", ["local", "shelf"])
def test_what_the_rules_let_go_is_deleted_and_its_rows_stay(make_kept, kind):
    """No object is left of it, its job has ended as pruned, and what a rule keeps is untouched."""
    kept = make_kept([*ALL, {"keep": ["TWO"]}], kind)
    kept.haul("one", "two")
    sizes = dict(kept.rows("select key, size from stored_objects"))
    made = planned(kept.pipeline.assembly)
    assert [(each.holding.video_id, each.rule) for each in made.going] == [("one", "retention[0].max_age")]
    assert [(each.holding.video_id, each.keeper) for each in made.kept] == [("two", "retention[1].keep")]
    assert deleted(kept) == {("one", "library"): ("", 2, sizes[KEY] + sizes[RECORD])}
    storage = kept.pipeline.assembly.place("library").storage
    assert {each.key for each in storage.list("")} == {"UC/two/video.mp4", "UC/two/video.json"}
    assert states(kept)["library", KEY] == states(kept)["library", RECORD] == "deleted"
    assert jobs(kept) == {"one": ("pruned", False), "two": ("downloaded", False)}
    assert deleted(kept) == {}
    assert kept.fsck(deep=True) == []


def test_what_was_deleted_comes_back_only_to_who_asks_for_it(make_kept):
    """A list that names the video brings nothing; asking for its very URL downloads it again."""
    kept = make_kept()
    kept.haul("one")
    deleted(kept)
    url = kept.source.url("/UC/one", kept.source.texts["/UC/one"])
    site = kept.pipeline.assembly.fetcher.site(url)
    kept.pipeline.assembly.store.add([NewJob(Request(url), site)], batch="b", parent=JobId("list"))
    kept.work()
    assert not kept.source.served
    assert not kept.holds()
    ask_again(kept)
    kept.work()
    assert kept.source.served == {"/UC/one": 1}
    assert kept.holds()[KEY] == kept.source.texts["/UC/one"]
    assert jobs(kept) == {"one": ("downloaded", False)}


def test_a_mirror_that_stays_keeps_the_video(make_kept):
    """What is deleted from the first storage is not made again from the mirror, until all of it has gone."""
    kept = make_kept([{"storage": "library", "max_age": "1ms"}], storages={"library": "library", "nas": "nas"})
    kept.haul("one")
    assert set(deleted(kept)) == {("one", "library")}
    assert jobs(kept) == {"one": ("downloaded", False)}
    kept.work()
    assert not kept.holds()
    assert KEY in kept.holds("nas")


def test_a_new_first_storage_is_not_owed_what_was_let_go(make, source):
    """Where a storage was put first later, the last copy in an old one goes for good, whoever goes on with the job."""
    kept = make(storages={"library": "library"})
    kept.haul("one")
    new = make(storages={"new": "new", "library": "library"}, retention=ALL)
    store = new.pipeline.assembly.store
    assert set(deleted(new)) == {("one", "library")}
    assert jobs(new) == {"one": ("pruned", False)}
    hold = held_by_another(new)
    store.save(hold, hold.job, Again())  # as after a kill
    new.work()
    assert not source.served
    assert jobs(new) == {"one": ("pruned", False)}
    assert new.fsck() == []


@pytest.mark.parametrize("kind", ["local", "shelf"])
@pytest.mark.parametrize("key", [KEY, RECORD])
def test_what_is_not_what_was_stored_any_more_stays(make_kept, kind, key):
    """An object of the same size with other bytes is nobody's to delete, and nothing beside it goes."""
    kept = make_kept(kind=kind)
    kept.haul("one")
    storage = kept.pipeline.assembly.place("library").storage
    before = {each.key: each.size for each in storage.list("")}
    [(attempt,)] = kept.rows("select attempt from stored_objects where role = 'video'")
    kept.overwrite(key, b"x" * before[key], attempt=attempt)
    [(left, objects, size)] = deleted(kept).values()
    assert re.search("not those that were stored|another file", left)
    assert (objects, size) == (0, 0)
    assert {each.key: each.size for each in storage.list("")} == before
    assert set(states(kept).values()) == {"stored"}
    assert jobs(kept) == {"one": ("downloaded", False)}


def test_what_somebody_else_wrote_stays_even_where_it_is_the_same(make_kept):
    """Where a storage tells who wrote an object, only ours is deleted."""
    kept = make_kept(kind="shelf")
    kept.haul("one")
    kept.overwrite(KEY, kept.source.texts["/UC/one"], attempt="f" * 32)
    assert deleted(kept) == {("one", "library"): ("somebody else wrote it", 0, 0)}


def test_a_file_that_somebody_removed_does_not_keep_the_rest(make_kept):
    """One file that is missing is as good as deleted; where all are, the storage may be another one."""
    kept = make_kept()
    kept.haul("one", "two")
    (kept.folder / "library" / RECORD).unlink()
    for path in (kept.folder / "library" / "UC" / "two").iterdir():
        path.unlink()
    made = deleted(kept)
    assert made["one", "library"][0] == ""
    assert "it is not there" in made["two", "library"][0]
    assert states(kept)["library", "UC/two/video.mp4"] == "stored"
    assert jobs(kept) == {"one": ("pruned", False), "two": ("downloaded", False)}


def test_what_happened_since_it_was_decided_is_respected(make_kept):
    """A job that is held, asked for again, worked on, or whose copy was made anew, is left for the next time."""
    kept = make_kept()
    kept.haul("held", "asked", "worked", "still")
    deletion = decided(kept)
    held_by_another(kept, "held")
    ask_again(kept, "asked")
    hold = held_by_another(kept, "worked")
    kept.pipeline.assembly.store.save(hold, hold.job, Done())
    left = {video: why for (video, _), (why, _, _) in deleted(kept, deletion).items()}
    assert left.pop("still") == ""
    assert all("worke" in why or "asked" in why for why in left.values()), left
    assert len(left) == 3
    assert {key.split("/")[1] for key in kept.holds()} == {"held", "asked", "worked"}


@pytest.mark.parametrize("died", [True, False])
def test_a_job_whose_holder_died_is_no_reason_to_leave_its_video(make_kept, died):
    """Nothing is left to do for it, so that no worker needs to come first; one that a living worker holds is left."""
    kept = make_kept()
    kept.haul("one")
    held_by_another(kept)
    if died:
        kept.pipeline.assembly.store.release("x")
    assert bool(deleted(kept)["one", "library"][0]) is not died
    assert bool(kept.holds()) is not died
    if died:
        assert jobs(kept) == {"one": ("pruned", False)}


def test_a_video_whose_mirror_is_owed_is_left(make_kept, monkeypatch):
    """Its job waits as long as it did before."""
    kept = make_kept(storages={"library": "library", "nas": "nas"}, retry={"attempts": 3, "initial": "1h"})
    nas = kept.pipeline.assembly.place("nas").storage

    def fail(*_, **__):
        raise StorageError(Failure(Kind.STORAGE, "it stalls"))

    monkeypatch.setattr(nas, "begin", fail)
    kept.pipeline.add([kept.source.url("/UC/one", b"one" * 100)])
    kept.pipeline.assembly.worker.work_once("")
    due = kept.rows("select due_at from video_processing_jobs")
    assert jobs(kept) == {"one": ("downloaded", True)}
    assert "waits in the queue" in deleted(kept)["one", "library"][0]
    assert KEY in kept.holds()
    assert kept.rows("select due_at from video_processing_jobs") == due


def test_what_is_asked_for_while_it_is_taken_up_is_not_lost(make_kept, monkeypatch):
    """Between the look at a job and the hold of it somebody asks for it again: it stays, and is due."""
    kept = make_kept()
    kept.haul("one")
    deletion, store = decided(kept), kept.pipeline.assembly.store
    claim = store.claim
    monkeypatch.setattr(store, "claim", lambda *args, **rest: [ask_again(kept), claim(*args, **rest)][1])
    assert deleted(kept, deletion)["one", "library"][0] == "somebody asked for it again"
    assert KEY in kept.holds()
    assert jobs(kept)["one"][1], "nobody goes on with what was asked for"


def test_what_no_rule_wants_gone_any_more_stays(make_kept):
    """The rules are asked again before anything goes: others may have made room meanwhile."""
    kept = make_kept([{"max_total": 2000}])
    for name in ("one", "two", "three"):
        kept.haul(name)
    assembly = kept.pipeline.assembly
    made = planned(assembly)
    assert [each.holding.video_id for each in made.going] == ["one", "two"]
    deletion = Deletion(assembly, [each.holding for each in made.going])
    others = [each for each in assembly.store.holdings() if each.video_id == "three"]
    assert not [each for each in Deletion(assembly, others).run(Progress()) if each.left]
    outcomes = {each.holding.video_id: each.left for each in deletion.run(Progress(), still=lambda: planned(assembly))}
    assert outcomes == dict.fromkeys(["one", "two"], "no rule wants it gone any more")
    assert {key.split("/")[1] for key in kept.holds()} == {"one", "two"}


def test_a_storage_with_nothing_of_ours_is_refused_and_nothing_deleted(make_kept):
    """An archive that is not mounted has nothing; neither it nor another storage loses anything."""
    kept = make_kept(storages={"library": "library", "nas": "nas"})
    kept.haul("one", "two")
    before = kept.rows("select * from stored_objects")
    (kept.folder / "nas").rename(kept.folder / "elsewhere")
    with pytest.raises(StorageError, match="'nas' has none of the 2 videos"):
        deleted(kept)
    assert len(kept.holds()) == 4
    assert kept.rows("select * from stored_objects") == before


@pytest.mark.parametrize("happens", [StorageError(Failure(Kind.STORAGE, "it stalls")), KeyboardInterrupt()])
def test_a_deletion_that_was_broken_off_is_gone_on_with(make_kept, monkeypatch, happens):
    """Its job is due, its rows claim nothing, and the next time, or a worker, finishes it."""
    kept = make_kept()
    kept.haul("one")
    storage, deletion = kept.pipeline.assembly.place("library").storage, decided(kept)
    with monkeypatch.context() as patch:

        def fail(*_, **__):
            raise happens

        patch.setattr(storage, "delete", fail)
        if isinstance(happens, StorageError):
            assert deleted(kept, deletion) == {("one", "library"): ("it stalls", 0, 0)}
        else:
            with pytest.raises(KeyboardInterrupt):
                deleted(kept, deletion)
    assert set(states(kept).values()) == {"deleting"}
    assert jobs(kept)["one"][1], "nobody goes on with it"
    made = planned(kept.pipeline.assembly)
    assert ([each.video_id for each in made.begun], made.going) == (["one"], ())
    assert deleted(kept)["one", "library"][0] == ""
    assert not kept.holds()
    assert jobs(kept) == {"one": ("pruned", False)}


def test_a_worker_that_finishes_a_deletion_tells_it(make_kept):
    """Each object once, with what it was, as lines of events have it."""
    kept = make_kept()
    kept.haul("one")
    sizes = dict(kept.rows("select key, size from stored_objects"))
    with holder(kept.pipeline.assembly) as holding, holding.holding(job(kept)) as held:
        going = tuple(evolve(copy, state="deleting", attempt=held.attempt.attempt) for copy in held.job.copies)
        held.settle(evolve(held.job, copies=going), Again())
    events = []
    kept.pipeline.assembly.worker.watch(events.append)
    kept.work()
    told = [event_document(each, datetime.now(UTC)) for each in events if isinstance(each, Deleted)]
    assert {each["event"] for each in told} == {"deleted"}
    assert {each["key"]: each["size"] for each in told} == sizes
    assert not kept.holds()
    assert jobs(kept) == {"one": ("pruned", False)}


def test_what_was_asked_for_since_its_deletion_was_broken_off_is_not_deleted(make_kept, monkeypatch):
    """Who asked for it again gets it: neither a prune nor a worker goes on with that deletion."""
    kept = make_kept()
    kept.haul("one")
    with holder(kept.pipeline.assembly) as holding, holding.holding(job(kept)) as held:
        going = tuple(evolve(copy, state="deleting", attempt=held.attempt.attempt) for copy in held.job.copies)
        held.settle(evolve(held.job, copies=going), Done())
    ask_again(kept)
    assert deleted(kept)["one", "library"][0] == "somebody asked for it again"
    assert KEY in kept.holds()
    kept.work()
    assert set(states(kept).values()) == {"stored"}
    assert jobs(kept) == {"one": ("downloaded", False)}


def test_a_storage_that_fails_again_and_again_is_given_up(make_kept, monkeypatch):
    """One trouble is told and passed; three in a row end it, instead of one timeout for each of thousands."""
    kept = make_kept()
    kept.haul("one", "two", "three", "four", "five")
    storage = kept.pipeline.assembly.place("library").storage
    deletion, tried = decided(kept), []

    def fail(key, **_):
        tried.append(key)
        raise StorageError(Failure(Kind.STORAGE, "it stalls"))

    monkeypatch.setattr(storage, "delete", fail)
    with pytest.raises(StorageError, match="it stalls"):
        deleted(kept, deletion)
    assert len(tried) == 3


@pytest.mark.parametrize("ahead", ["database", "machine"])
def test_a_clock_that_is_ahead_lets_nothing_go_too_early(make_kept, monkeypatch, ahead):
    """Ages are measured by the earlier one of the database's clock and this machine's."""
    kept = make_kept([{"max_age": "1d"}])
    kept.haul("one")
    wrong = datetime.now(UTC) + timedelta(days=400)
    if ahead == "database":
        monkeypatch.setattr(kept.pipeline.assembly.store, "clock", lambda: wrong)
    else:
        from haulage.operations.prune import deletion

        class Clock(datetime):
            @classmethod
            def now(cls, *_):
                return wrong

        monkeypatch.setattr(deletion, "datetime", Clock)
    assert planned(kept.pipeline.assembly).going == ()


def test_a_claim_that_is_interrupted_holds_nothing(make_kept, monkeypatch):
    """Where Ctrl-C comes just when the database has noted it, the next one has the job at once."""
    kept = make_kept()
    kept.haul("one")
    store, deletion = kept.pipeline.assembly.store, decided(kept)
    claim = store.claim
    with monkeypatch.context() as patch:

        def interrupted(*given, **named):
            assert claim(*given, **named)
            raise KeyboardInterrupt

        patch.setattr(store, "claim", interrupted)
        with pytest.raises(KeyboardInterrupt):
            deleted(kept, deletion)
    assert deleted(kept)["one", "library"][0] == "", "a job is held though nobody works on it"
