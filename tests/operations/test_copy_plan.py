"""What bringing a video to another storage takes follows from its record."""

from datetime import timedelta
from pathlib import Path

import pytest
from attempts import ONE, TWO, job
from attrs import evolve

from haulage.contracts.metadata import Again, Done
from haulage.operations.copying.plan import Plan, Wanted, file_of, plan_of, settled
from haulage.values import Copy, MediaFacts, MediaFile, Request, Status, Video

MAIN = MediaFile(Path("/gone/video.mp4"), "video", "mp4", "video/mp4", 9, "5" * 64)
HOUR = timedelta(hours=1)
SUBTITLE = MediaFile(Path("/gone/video.en.vtt"), "subtitle.en", "en.vtt", "text/vtt", 1, "6" * 64)
VIDEO = Video("plain", "v1", "", "https://example.com/1", channel_id="UC1")


def copies(storage, state="stored", roles=("video", "subtitle.en", "record")):
    sizes = {"video": (9, "5" * 64), "subtitle.en": (1, "6" * 64), "record": (100, "7" * 64)}
    return tuple(Copy(storage, role, f"UC1/v1/{role}", state, ONE, *sizes[role]) for role in roles)


def stored(*of, **fields):
    """A job that ended, with these copies."""
    known = {"video": VIDEO, "files": (MAIN, SUBTITLE), "facts": MediaFacts("mp4"), "status": Status.DOWNLOADED}
    return job(ONE, **{**known, "copies": tuple(each for group in of for each in group), **fields})


GOING, REST = copies("old", "deleted", ["video"]), copies("old", "deleting", ["record"])
OLD, NEW, ALSO = copies("old"), copies("new"), copies("also")
COPY, MOVE = Wanted("new", ("old", "also")), Wanted("new", ("old",), move=True)


@pytest.mark.parametrize(
    ("of", "wanted", "plan"),
    [
        ((OLD,), COPY, Plan("old", OLD)),
        ((OLD,), MOVE, Plan("old", OLD, going=3)),
        ((ALSO,), COPY, Plan("also", ALSO)),
        ((ALSO,), MOVE, None),
        ((ALSO, OLD), COPY, Plan("old", OLD)),
        ((OLD, NEW), COPY, None),
        ((OLD, NEW), MOVE, Plan("old", (), going=3)),
        ((NEW,), MOVE, None),
        ((OLD, copies("new", roles=("video",))), COPY, Plan("old", OLD[1:])),
        ((OLD, copies("new", "intended")), COPY, Plan("old", OLD)),
        ((OLD, copies("new", "deleted")), COPY, Plan("old", OLD)),
        ((copies("old", "deleted"), NEW), MOVE, None),
        ((copies("old", "deleting"), NEW), MOVE, Plan("old", (), going=3)),
        ((GOING, REST, NEW), MOVE, Plan("old", (), going=1)),
        ((copies("old", "deleting"), NEW), COPY, None),
        ((copies("old", roles=("record",)),), COPY, None),
    ],
)  # fmt: skip
def test_what_is_to_be_done_follows_from_the_record(of, wanted, plan):
    """What the new place lacks is copied; with a move, what is stored at the old place, or on its way out, goes."""
    assert plan_of(stored(*of), wanted) == plan


def test_only_what_was_asked_for():
    """Channels and variants narrow it down; what is no video yet is passed over."""
    assert plan_of(stored(OLD), evolve(COPY, channel_id="UC1")) is not None
    assert plan_of(stored(OLD), evolve(COPY, channel_id="UC2")) is None
    assert plan_of(stored(OLD), evolve(COPY, variants=("",))) is not None
    assert plan_of(stored(OLD), evolve(COPY, variants=("audio",))) is None
    small = evolve(stored(OLD), request=Request("https://example.com/1", "audio"))
    assert plan_of(small, evolve(COPY, variants=("audio",))) is not None
    assert plan_of(job(ONE), COPY) is None


@pytest.mark.parametrize("wanted", [COPY, MOVE])
def test_two_places_that_have_different_files(wanted):
    """Nothing is copied over another file, and nothing goes; records may differ, since they tell the same."""
    other = tuple(evolve(copy, sha256="8" * 64) if copy.role == "video" else copy for copy in NEW)
    plan = plan_of(stored(OLD, other), wanted)
    assert (plan.lacking, plan.going) == ((), 0)
    assert plan.hindrance.startswith("new has another file of it than old")
    older = tuple(evolve(copy, sha256="8" * 64) if copy.role == "record" else copy for copy in NEW)
    assert not (plan_of(stored(OLD, older), MOVE)).hindrance


def test_what_is_being_deleted_is_no_source():
    """Where the new place lacks a file of it, nothing is done."""
    plan = plan_of(stored(copies("old", "deleting"), copies("new", roles=("video",))), MOVE)
    assert (plan.lacking, plan.going, "being deleted" in plan.hindrance) == ((), 0, True)


def test_the_file_of_a_copy():
    """What was verified there is what is copied, under the name that its role has."""
    record = file_of(stored(OLD), OLD[2])
    assert (record.extension, record.media_type, record.size) == ("json", "application/json", 100)
    subtitle = file_of(stored(OLD), OLD[1])
    assert (subtitle.extension, subtitle.media_type, subtitle.sha256) == ("en.vtt", "text/vtt", "6" * 64)
    old = evolve(OLD[1], role="thumbnail", key="UC1/v1/video.jpg")
    assert file_of(stored(OLD), old).extension == "jpg"


@pytest.mark.parametrize(
    ("record", "rest", "then"),
    [
        (stored(OLD), None, Done()),
        (stored(OLD), HOUR, Done()),
        (stored(OLD, copies("new", "intended")), None, Again()),
        (stored(OLD, copies("new", "intended")), HOUR, Again()),
        (evolve(stored(copies("old", "deleting"), NEW), attempts=(ONE, TWO)), None, Again()),
        (stored(copies("old", "deleted"), NEW), None, Done()),
        (stored(copies("old", roles=("video",))), HOUR, Again(HOUR)),
        (stored(copies("old", roles=("video",))), None, Done()),
    ],
)
def test_a_job_is_put_down_as_it_was(record, rest, then):
    """It is due where something has to be found out, or when it was and something is left to do."""
    job, told = settled(record, ("old",), ("old", "new"), rest)
    assert told == then
    assert job.status == "downloaded"
