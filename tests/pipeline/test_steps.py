from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from haulage.pipeline.record import record
from haulage.pipeline.steps import (
    Delete,
    Expand,
    Fetch,
    Nothing,
    Store,
    Verify,
    next_step,
    stage_of,
    status_of,
)
from haulage.values import AttemptId, Copy, Job, JobId, MediaFacts, MediaFile, Request, Status, Video

ASKED = Job(JobId("1" * 32), Request("https://example.com/1"), "example.com")
VIDEO = Video("youtube", "v1", "", "https://example.com/1")
MAIN = MediaFile(Path("/space/video.mp4"), "video", "mp4", "video/mp4", 9, "5" * 64)
SUBTITLE = MediaFile(Path("/space/video.en.vtt"), "subtitle", "en.vtt", "text/vtt", 1, "6" * 64)
THUMBNAIL = MediaFile(Path("/space/video.jpg"), "thumbnail", "jpg", "image/jpeg", 2, "7" * 64)
FILES = (MAIN, SUBTITLE, THUMBNAIL)
KNOWN = evolve(ASKED, video=VIDEO)
FETCHED = evolve(KNOWN, files=(MAIN, SUBTITLE), facts=MediaFacts("mp4"), home="here")


def copy(storage, file=MAIN, state="stored"):
    return Copy(storage, file.role, f"UC1/v1/video.{file.extension}", state, AttemptId("a"), file.size, file.sha256)


STORE_TO = ("archive", "nas")
INTENDED = copy("archive", state="intended")
GROWING = evolve(INTENDED, size=None, sha256=None, token="an upload")
_FILE, _CONTENT = record(FETCHED)
RECORD = (_FILE, None, _CONTENT)
WITH_RECORD = (MAIN, SUBTITLE, _FILE)
ARCHIVED = tuple(copy("archive", each) for each in WITH_RECORD)
GOING = evolve(FETCHED, attempts=(AttemptId("a"),))
ASKED_SINCE = evolve(GOING, asked_after=1)


# next_step


@pytest.mark.parametrize(
    ("job", "here", "step"),
    [
        (ASKED, False, Expand()),
        (KNOWN, False, Fetch()),
        (FETCHED, True, Store("archive", MAIN, None)),
        (FETCHED, False, Fetch()),
        (evolve(FETCHED, copies=(INTENDED,)), True, Verify(INTENDED)),
        (evolve(FETCHED, copies=(INTENDED,)), False, Verify(INTENDED)),
        (evolve(FETCHED, copies=(copy("archive"),)), True, Store("archive", SUBTITLE, None)),
        (evolve(FETCHED, copies=(copy("archive"),)), False, Fetch()),
        (evolve(FETCHED, copies=(GROWING,)), True, Store("archive", MAIN, None)),
        (evolve(FETCHED, copies=(copy("archive"), copy("archive", SUBTITLE))), True, Store("archive", *RECORD)),
        (evolve(FETCHED, copies=(copy("archive"), copy("archive", SUBTITLE))), False, Store("archive", *RECORD)),
        (evolve(FETCHED, copies=ARCHIVED), True, Store("nas", MAIN, None)),
        (evolve(FETCHED, copies=ARCHIVED), False, Store("nas", MAIN, "archive")),
        (evolve(FETCHED, copies=(copy("nas"), copy("nas", SUBTITLE))), False, Store("archive", MAIN, "nas")),
        (evolve(FETCHED, copies=(copy("archive", state="deleted"),)), True, Store("archive", MAIN, None)),
        (evolve(FETCHED, copies=(copy("old"), copy("old", SUBTITLE))), False, Fetch()),
        (evolve(FETCHED, copies=tuple(copy(s, f) for s in STORE_TO for f in WITH_RECORD)), False, Nothing()),
        (evolve(GOING, copies=(copy("archive", state="deleting"),)), False, Delete(copy("archive", state="deleting"))),
        (evolve(ASKED_SINCE, copies=(copy("nas", state="deleting"),)), False, Verify(copy("nas", state="deleting"))),
        (evolve(GOING, copies=(copy("archive", state="deleted"),)), False, Nothing()),
        (evolve(GOING, copies=(copy("archive", state="deleted"),)), True, Store("nas", MAIN, None)),
        (evolve(GOING, copies=(copy("archive", state="deleted"), copy("nas"))), False, Nothing()),
        (evolve(GOING, copies=(copy("nas", state="deleted"),)), False, Fetch()),
        (evolve(GOING, files=(), copies=(copy("archive", state="deleted"),)), False, Nothing()),
        (evolve(FETCHED, copies=(evolve(copy("archive"), sha256="0" * 64), *ARCHIVED[1:])), False, Fetch()),
        (evolve(GOING, copies=(*ARCHIVED, copy("nas", state="deleted"))), False, Nothing()),
        (evolve(ASKED_SINCE, copies=(copy("archive", state="deleted"),)), False, Fetch()),
        (evolve(ASKED_SINCE, copies=(*ARCHIVED, copy("nas", state="deleted"))), False, Store("nas", MAIN, "archive")),
    ],
)  # fmt: skip
def test_the_next_step_follows_from_the_record(job, here, step):
    """What is there decides what comes next, and nothing else does."""
    assert next_step(job, STORE_TO, here) == step


MOVED = evolve(GOING, copies=(copy("archive", state="deleted"), copy("cold")))
MOVED_AND_ASKED_FOR = evolve(MOVED, asked_after=1)


@pytest.mark.parametrize("job", [MOVED, MOVED_AND_ASKED_FOR])
def test_what_was_moved_elsewhere_is_not_brought_back(job):
    """Asking for it downloads nothing and copies nothing back; mirrors that lack it are made from where it is."""
    assert next_step(job, ("archive",), False, ("cold",)) == Nothing()
    assert next_step(job, STORE_TO, False, ("cold",)) == Store("nas", MAIN, "cold")
    assert next_step(job, STORE_TO, False) == Nothing()
    assert status_of(job, ("archive",)) == Status.DOWNLOADED


def test_what_nobody_has_any_more_is_hauled_again_and_then_mirrored():
    """What was hauled since it was asked for is no reason to leave out a storage that let go of it before."""
    again = evolve(copy("nas"), attempt=AttemptId("b"))
    asked = evolve(MOVED_AND_ASKED_FOR, copies=(copy("archive", state="deleted"), again), attempts=("a", "b"))
    assert next_step(asked, STORE_TO, False) == Store("archive", MAIN, "nas")
    assert next_step(evolve(asked, copies=(copy("archive", state="deleted"),)), STORE_TO, False) == Fetch()


class Model:
    """A job, its workspace and its storages, without any of them: what is done to it is written down."""

    def __init__(self, store_to, files):
        self.store_to, self.files = store_to, files
        self.job, self.here, self.objects = ASKED, False, set()
        self.fetches = 0

    def store(self, step, outcome):
        intent = copy(step.storage, step.file, "intended")
        if outcome == "crash before the intent":
            return
        self.replace(intent)
        if outcome in ("crash after the intent", "failure"):
            return
        self.objects.add((step.storage, step.file.role))
        if outcome == "crash after the commit":
            return
        self.verify(intent)

    def stored(self):
        return {(each.storage, each.role) for each in self.job.copies if each.state == "stored"}

    def verify(self, intent):
        kept = tuple(each for each in self.job.copies if each != intent)
        there = (intent.storage, intent.role) in self.objects
        self.job = evolve(self.job, copies=(*kept, evolve(intent, state="stored")) if there else kept)

    def replace(self, new):
        kept = tuple(each for each in self.job.copies if (each.storage, each.role) != (new.storage, new.role))
        self.job = evolve(self.job, copies=(*kept, new))

    def do(self, step, outcome):
        if isinstance(step, Store):
            self.store(step, outcome)
        elif outcome in ("success", "crash after the commit"):
            match step:
                case Expand():
                    self.job = evolve(self.job, video=VIDEO)
                case Fetch():
                    self.fetches += 1
                    facts = MediaFacts("mp4")
                    self.job, self.here = evolve(self.job, files=self.files, facts=facts, home="here"), True
                case Verify(intent):
                    self.verify(intent)
        elif isinstance(step, Fetch):
            self.job, self.here = evolve(self.job, files=(), home="here"), False  # as a fetch begins
            if outcome == "crash after the intent" and (self.store_to[0], "video") not in self.stored():
                self.replace(evolve(copy(self.store_to[0], state="intended"), size=None, sha256=None))


OUTCOMES = st.sampled_from(
    ["success", "failure", "crash before the intent", "crash after the intent", "crash after the commit"]
)


@settings(derandomize=True, max_examples=500)
@given(
    storages=st.permutations(["archive", "nas", "tape"]).flatmap(
        lambda names: st.integers(1, 3).map(lambda count: tuple(names[:count]))
    ),
    count=st.integers(1, 3),
    story=st.lists(st.tuples(OUTCOMES, st.booleans()), max_size=25),
)
def test_whatever_happens_a_job_comes_to_its_end(storages, count, story):
    """After any failures, crashes and losses of the workspace, the steps end with every file in every storage."""
    model = Model(storages, FILES[:count])
    everything = {(storage, role) for storage in storages for role in [*(f.role for f in FILES[:count]), "record"]}
    quiet = 0
    while True:
        job, here = model.job, model.here
        step = next_step(job, storages, here)
        stored = model.stored()
        intended = [each for each in job.copies if each.state == "intended" and each.size is not None]
        assert stored <= model.objects, "a copy counts as stored that is not there"
        assert isinstance(step, Expand) == (job.video is None)
        assert isinstance(step, Verify) == bool(job.video and intended)
        assert not (isinstance(step, Fetch) and job.files and here), "what is here is downloaded again"
        if isinstance(step, Store):
            assert (step.storage, step.file.role) not in stored, "what is stored is stored again"
            assert (step.content is not None) == (step.file.role == "record")
            assert (step.source is None) == (here or step.content is not None)
            assert step.source is None or (step.source, step.file.role) in stored
        if isinstance(step, Nothing):
            assert stored == everything
            break
        if story:
            outcome, lost = story.pop(0)
            model.do(step, outcome)
            if lost:
                model.here = False
        else:
            quiet += 1
            assert quiet <= 3 + 2 * len(everything), "it does not end"
            model.do(step, "success")


def test_without_trouble_a_video_is_downloaded_once():
    """The plain way is expand, fetch, and one store for each file and storage, in the order of the config."""
    model, stages = Model(STORE_TO, FILES[:2]), []
    while not isinstance(step := next_step(model.job, model.store_to, model.here), Nothing):
        stages.append(stage_of(step))
        model.do(step, "success")
    assert stages == ["expand", "fetch", *["store:archive"] * 3, *["store:nas"] * 3]
    assert model.fetches == 1


@pytest.mark.parametrize(
    ("step", "stage"),
    [
        (Expand(), "expand"),
        (Fetch(), "fetch"),
        (Store("nas", MAIN, None), "store:nas"),
        (Store("nas", MAIN, "archive"), "store:nas"),
        (Verify(INTENDED), "store:archive"),
        (Delete(INTENDED), "delete:archive"),
        (Nothing(), "nothing"),
    ],
)
def test_each_storage_has_a_stage_of_its_own(step, stage):
    """Failures of one storage do not use up the tries of another."""
    assert stage_of(step) == stage


@pytest.mark.parametrize(
    ("job", "status"),
    [
        (ASKED, Status.PENDING),
        (KNOWN, Status.PENDING),
        (evolve(KNOWN, home="here"), Status.DOWNLOADING),
        (FETCHED, Status.FETCHED),
        (evolve(FETCHED, home=None), Status.FETCHED),
        (evolve(FETCHED, copies=(INTENDED,)), Status.UPLOADING),
        (evolve(FETCHED, copies=(copy("nas"),)), Status.UPLOADING),
        (evolve(FETCHED, copies=(copy("archive", SUBTITLE),)), Status.UPLOADING),
        (evolve(FETCHED, copies=(copy("archive"),)), Status.DOWNLOADED),
        (evolve(FETCHED, copies=(copy("nas", state="intended"), copy("archive"))), Status.DOWNLOADED),
        (evolve(GOING, copies=(copy("archive", state="deleted"),)), Status.PRUNED),
        (evolve(GOING, copies=(copy("archive", state="deleted"), copy("nas"))), Status.DOWNLOADED),
        (evolve(GOING, copies=(copy("archive"), copy("nas", state="deleted"))), Status.DOWNLOADED),
        (evolve(ASKED_SINCE, copies=(copy("archive", state="deleted"),)), Status.UPLOADING),
    ],
)
def test_the_status_follows_from_the_record(job, status):
    """A video counts as downloaded as soon as the primary storage holds it, whatever is still owed."""
    assert status_of(job, STORE_TO) == status
