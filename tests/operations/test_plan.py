"""What would become of a video, and what a plan comes to, for every record."""

from datetime import timedelta

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from haulage.billing.rates import Rate
from haulage.contracts.fetcher import Estimate
from haulage.contracts.totals import Throughput
from haulage.errors import Failure, Kind
from haulage.operations.plan import Planned, State, Sum, Verdict, judge, key, known
from haulage.values import AttemptId, Copy, Job, JobId, MediaFacts, MediaFile, Request, Try, Video

STORE_TO = ("archive", "nas")
ATTEMPTS = tuple(AttemptId(letter * 32) for letter in "ab")
REQUEST = Request("https://a.test/v")
VIDEO = Video("youtube", "v", "", REQUEST.url, channel_id="UC1")
MAIN = MediaFile("/gone/video.mp4", "video", "mp4", "video/mp4", 700, "5" * 64)
RECORD = "record"


def a_copy(storage, state, role="video", attempt=ATTEMPTS[0]):
    return Copy(storage, role, f"UC1/v/{role}.mp4", state, attempt, 700, "5" * 64)


def a_job(*copies, asked_after=0, tries=(), files=(MAIN,), video=VIDEO):
    rest = {"asked_after": asked_after, "tries": tries, "files": files, "video": video, "facts": MediaFacts("mp4")}
    return Job(JobId("j"), REQUEST, "a.test", copies=copies, attempts=ATTEMPTS, **rest)


WHOLE = [a_copy(storage, "stored", role) for storage in STORE_TO for role in ("video", RECORD)]
GONE = [evolve(each, state="deleted") for each in WHOLE]
GOING = [evolve(each, state="deleting") for each in WHOLE]
BROKE = Try(ATTEMPTS[1], "fetch", Failure(Kind.TRANSIENT, "it broke"), counted=True, wait=None)


@pytest.mark.parametrize(
    ("job", "waits", "again", "verdict"),
    [
        (None, False, False, (State.NEW, True)),
        (a_job(*WHOLE), False, True, (State.STORED, False)),
        (a_job(*WHOLE), True, False, (State.STORED, False)),
        (a_job(*GONE), False, False, (State.PRUNED, False)),
        (a_job(*GONE), False, True, (State.PRUNED, True)),
        (a_job(*GONE, asked_after=2), True, False, (State.WAITS, True)),
        (a_job(*GOING), True, False, (State.PRUNED, False)),
        (a_job(*GOING), True, True, (State.STORED, False)),
        (a_job(files=()), True, False, (State.WAITS, True)),
        (a_job(files=(), video=None), True, False, (State.WAITS, True)),
        (a_job(files=(), tries=(BROKE,)), False, True, (State.FAILED, True)),
        (a_job(files=(), tries=(BROKE,)), False, False, (State.FAILED, False)),
        (a_job(files=(), tries=(BROKE,)), True, False, (State.WAITS, True)),
    ],
)
def test_a_verdict_is_what_a_worker_would_do(job, waits, again, verdict):
    """Once stored, let go, due or failed: what is hauled then follows from who asks, and from nothing else."""
    told = judge(job, STORE_TO, waits=waits, again=again)
    assert (told.state, told.hauls) == verdict


def test_a_verdict_says_why():
    """The reason of a failure is told, what follows, and which mirrors lack what is stored."""
    failed = a_job(files=(), tries=(BROKE,))
    assert judge(failed, STORE_TO, waits=False, again=True).reason == "transient: it broke; tried again"
    assert "haulage retry" in judge(failed, STORE_TO, waits=False, again=False).reason
    assert judge(failed, STORE_TO, waits=True, again=False).reason == "in the queue after transient: it broke"
    assert judge(a_job(*WHOLE[:2]), STORE_TO, waits=False, again=False).reason == "nas still lacks it"


states = st.sampled_from(["intended", "stored", "deleting", "deleted"])
jobs = st.builds(
    lambda copies, asked_after, failed: a_job(*copies, asked_after=asked_after, tries=(BROKE,) if failed else ()),
    st.lists(st.builds(a_copy, st.sampled_from(STORE_TO), states, attempt=st.sampled_from(ATTEMPTS)), max_size=2,
             unique_by=lambda copy: copy.storage),
    st.integers(0, 2),
    st.booleans(),
)  # fmt: skip


@given(jobs, st.booleans(), st.booleans())
def test_what_is_stored_is_never_hauled_and_what_nobody_asks_for_neither(job, waits, again):
    """Whatever else is known of it."""
    told = judge(job, STORE_TO, waits=waits, again=again)
    primary = [copy.state for copy in job.copies if copy.storage == STORE_TO[0]]
    if primary == ["stored"]:
        assert (told.state, told.hauls) == (State.STORED, False)
    if not waits and not again:
        assert not told.hauls


def test_what_was_fetched_is_known_and_not_asked_for():
    """Its size is that of the file, and its key that of the object where there is one."""
    job = a_job(evolve(WHOLE[0], key="elsewhere/v.mp4"))
    told = known(job)
    assert (told.size, told.exact, told.extension) == (700, True, "mp4")
    assert known(a_job(files=())) is None
    assert key(job, "archive", "{video_id}/video.{ext}", told) == "elsewhere/v.mp4"
    assert key(None, "archive", "{channel_id}/{video_id}/video.{ext}", told) == "UC1/v/video.mp4"
    assert key(None, "archive", "{video_id}/video.{ext}", evolve(told, extension=None)) is None


planned = st.builds(
    lambda hauls, size, exact, asked: Planned(
        REQUEST,
        Verdict(State.NEW, hauls),
        Estimate(VIDEO, size=size, exact=exact) if asked else None,
        VIDEO,
        None,
        STORE_TO,
    ),
    st.booleans(),
    st.none() | st.integers(0, 10**12),
    st.booleans(),
    st.booleans(),
)


@given(st.lists(planned))
def test_a_total_counts_what_would_be_hauled_and_what_nobody_tells(each):
    """Sizes that are known are added up, those that are not are counted, and both are all that would be hauled."""
    added = Sum()
    for one in each:
        added.add(one)
    rates = {"archive": Rate(0.02, None, 10**9, ""), "nas": Rate(None, None, 10**9, "")}
    total = added.total(STORE_TO, rates, Throughput(1000, timedelta(seconds=10)))
    hauled = [one.estimate for one in each if one.verdict.hauls]
    sizes = [one.size for one in hauled if one and one.size is not None]
    assert (total.videos, total.size, total.unknown) == (len(hauled), sum(sizes), len(hauled) - len(sizes))
    assert total.exact == all(one.exact for one in hauled if one and one.size is not None)
    assert total.seconds == sum(sizes) / 100
    assert total.cost.known == pytest.approx(sum(sizes) / 1e9 * 0.02)
    assert total.cost.unpriced == (("nas",) if sum(sizes) else ())
    assert added.total(STORE_TO, rates, None).seconds is None
    assert added.total(STORE_TO, rates, Throughput(0, timedelta(0))).seconds is None
