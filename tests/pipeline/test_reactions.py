"""What follows a failure."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from haulage.builtin.backoff import ExponentialBackoff
from haulage.contracts.metadata import Again, Done, Gate
from haulage.errors import Failure, Kind
from haulage.pipeline.steps import Reaction, react
from haulage.values import AttemptId, Job, JobId, Request, Status, Try, Video

KNOWN = Job(
    JobId("1" * 32),
    Request("https://example.com/1"),
    "example.com",
    video=Video("youtube", "v1", "", "https://example.com/1"),
)
DEFAULT = ExponentialBackoff(3, timedelta(seconds=1), 2.0, timedelta(hours=1))


def seconds(number):
    return timedelta(seconds=number)


def minutes(number):
    return timedelta(minutes=number)


def tried(number, kind=Kind.TRANSIENT, stage="fetch", counted=True, wait=timedelta(0), ended=None):
    return Try(AttemptId(f"old{number}"), stage, Failure(kind, "m"), counted=counted, wait=wait, ended=ended)


def reaction(kind, *, tries=(), asked_after=0, stage="fetch", strikes=0, policy=DEFAULT, attempt="now", **failure):
    attempts = tuple(each.attempt for each in tries)
    job = evolve(KNOWN, tries=tuple(tries), attempts=attempts, asked_after=asked_after)
    return react(Failure(kind, "message", **failure), stage, AttemptId(attempt), job, strikes, policy)


REACTIONS = {
    Kind.TRANSIENT: Reaction(Again(seconds(1)), counted=True),
    Kind.STORAGE: Reaction(Again(seconds(1)), counted=True),
    Kind.INVALID: Reaction(Again(timedelta(0)), counted=True),
    Kind.RATE_LIMITED: Reaction(Again(minutes(1)), gate=Gate(minutes(1), "message")),
    Kind.NOT_YET: Reaction(Again(minutes(60))),
    Kind.NO_SPACE: Reaction(Again(minutes(1))),
    Kind.UNAVAILABLE: Reaction(Done(), counted=True, status=Status.UNAVAILABLE),
    Kind.GEO: Reaction(Done(), counted=True, status=Status.UNAVAILABLE),
    Kind.DENIED: Reaction(Again(timedelta(0)), stops=True),
    Kind.CONFIG: Reaction(Again(timedelta(0)), stops=True),
    Kind.CRASHED: Reaction(Again(timedelta(0))),
    Kind.AUTH: Reaction(Again(timedelta(0)), gate=Gate(None, "message")),
    Kind.ENVIRONMENT: Reaction(Again(timedelta(0)), gate=Gate(None, "message")),
    Kind.CONFLICT: Reaction(Done()),
    Kind.BUG: Reaction(Done()),
}


@pytest.mark.parametrize("kind", list(Kind))
def test_each_kind_of_failure_has_its_reaction(kind):
    """What follows a first failure depends on its kind alone."""
    found = reaction(kind)
    assert found == REACTIONS[kind]
    assert (found.wait is None) == isinstance(found.then, Done)


def test_every_kind_is_in_the_table():
    """No kind of failure is without a reaction that is written down here."""
    assert set(REACTIONS) == set(Kind)


def story(kind, policy=DEFAULT, most=30, **rest):
    """The waits that follow one failure after another, in seconds, until the job ends."""
    tries, waits = list(rest.pop("tries", ())), []
    while len(waits) < most:
        found = reaction(kind, tries=tries, policy=policy, **rest)
        tries.append(tried(len(tries), kind, rest.get("stage", "fetch"), found.counted, found.wait))
        if found.wait is None:
            return waits
        waits.append(found.wait.total_seconds())
    return waits


@pytest.mark.parametrize("kind", [Kind.TRANSIENT, Kind.STORAGE])
@pytest.mark.parametrize(("attempts", "waits"), [(1, []), (3, [1, 2]), (4, [1, 2, 4])])
def test_failures_that_a_retry_may_help_follow_the_policy(kind, attempts, waits):
    """Three tries wait 1 s and 2 s and then end; a fourth one adds the 4 s."""
    assert story(kind, evolve(DEFAULT, attempts=attempts)) == waits


def test_each_step_has_tries_of_its_own():
    """Failures of the fetch and of another storage do not count for this storage."""
    tries = [tried(1, stage="fetch"), tried(2, Kind.STORAGE, "store:nas"), tried(3, stage="fetch")]
    assert reaction(Kind.STORAGE, tries=tries, stage="store:archive").wait == seconds(1)
    assert reaction(Kind.STORAGE, tries=tries, stage="store:nas").wait == seconds(2)
    assert reaction(Kind.TRANSIENT, tries=tries, stage="fetch").wait is None


def test_what_is_not_counted_uses_up_no_try():
    """A cool-down, a full disk, a crash and a cancel leave all tries to the policy."""
    kinds = [Kind.RATE_LIMITED, Kind.NO_SPACE, Kind.CRASHED, Kind.NOT_YET, Kind.DENIED]
    tries = [tried(number, kind, counted=reaction(kind).counted) for number, kind in enumerate(kinds)]
    assert story(Kind.TRANSIENT, tries=tries) == [1, 2]


def test_an_invalid_file_is_fetched_afresh_once():
    """What was no whole medium twice is a failure, whatever else happened in between."""
    assert story(Kind.INVALID) == [0]
    assert reaction(Kind.INVALID, tries=[tried(1, Kind.INVALID), tried(2)]).then == Done()
    assert reaction(Kind.INVALID, tries=[tried(1)]).then == Again()


@pytest.mark.parametrize(
    ("strikes", "cool_down"),
    [(0, 1), (1, 2), (2, 4), (3, 8), (4, 16), (5, 32), (6, 60), (7, 60), (19, 60), (10_000, 60)],
)
def test_the_cool_down_of_a_site_doubles_up_to_an_hour(strikes, cool_down):
    """Each strike in a row closes the site for twice as long, whichever job it was that was refused."""
    found = reaction(Kind.RATE_LIMITED, strikes=strikes)
    assert found == Reaction(Again(minutes(cool_down)), gate=Gate(minutes(cool_down), "message"))


@pytest.mark.parametrize("strikes", [0, 5, 19])
def test_what_the_site_asked_for_is_honoured(strikes):
    """Where the site says how long to wait, the site is closed for as long as that."""
    found = reaction(Kind.RATE_LIMITED, strikes=strikes, retry_after=seconds(7))
    assert found == Reaction(Again(seconds(7)), gate=Gate(seconds(7), "message"))


def test_no_answer_closes_a_site_for_longer_than_a_job_is_tried():
    """What a site asks for beyond 48 hours, when a job of it would have ended, is cut to that."""
    found = reaction(Kind.RATE_LIMITED, retry_after=timedelta(days=365))
    assert found == Reaction(Again(timedelta(hours=48)), gate=Gate(timedelta(hours=48), "message"))


def test_rate_limits_end_after_twenty_of_the_jobs_own():
    """Nineteen are waited out and not counted; the twentieth ends the job, and still closes its site for the others."""
    assert len(story(Kind.RATE_LIMITED)) == 19
    tries = [tried(number, Kind.RATE_LIMITED, counted=False) for number in range(19)]
    last = reaction(Kind.RATE_LIMITED, tries=tries, strikes=40)
    assert last == Reaction(Done(), gate=Gate(minutes(60), "message"))
    assert last.status is Status.FAILED


@pytest.mark.parametrize(("hours", "ends"), [(47, False), (48, True)])
def test_rate_limits_end_after_two_days(hours, ends):
    """A job that was refused for 48 hours ends, even where it was refused a few times only."""
    began = datetime(2026, 1, 5, tzinfo=UTC)
    times = [began, began + timedelta(hours=hours)]
    tries = [tried(number, Kind.RATE_LIMITED, ended=ended) for number, ended in enumerate(times)]
    assert (reaction(Kind.RATE_LIMITED, tries=tries).wait is None) == ends


def test_what_is_announced_is_waited_for():
    """A premiere is due again at its time, and after an hour where no time was named."""
    assert reaction(Kind.NOT_YET, retry_after=minutes(200)) == Reaction(Again(minutes(200)))
    assert story(Kind.NOT_YET) == [3600] * 30


def test_a_full_disk_pauses_for_as_long_as_it_is_full():
    """No number of full disks ends a job."""
    assert story(Kind.NO_SPACE) == [60] * 30


def test_ten_crashes_in_a_row_end_a_job():
    """A video that kills its worker each time is given up; one that does so now and then is not."""
    assert story(Kind.CRASHED) == [0] * 9
    nine = [tried(number, Kind.CRASHED, counted=False) for number in range(9)]
    assert reaction(Kind.CRASHED, tries=nine).then == Done()
    assert reaction(Kind.CRASHED, tries=[*nine, tried(9)]).then == Again()
    assert reaction(Kind.CRASHED, tries=[tried(9), *nine]).then == Done()


@pytest.mark.parametrize("kind", [Kind.TRANSIENT, Kind.STORAGE, Kind.INVALID, Kind.RATE_LIMITED, Kind.CRASHED])
def test_asking_again_starts_counting_anew(kind):
    """What happened before somebody asked for a job again does not count, however it had ended then."""
    fresh = story(kind)
    before = [tried(number, kind, counted=reaction(kind).counted) for number in range(len(fresh))]
    assert story(kind, tries=before, asked_after=len(before)) == fresh
    assert story(kind, tries=before) != fresh


def test_jitter_is_drawn_from_the_attempt():
    """The same attempt waits as long when it is decided again, and a thousand attempts are spread evenly."""
    policy = evolve(DEFAULT, jitter=1.0)
    waits = sorted(
        reaction(Kind.TRANSIENT, policy=policy, attempt=f"{number:032x}").wait.total_seconds() for number in range(1000)
    )
    assert waits == sorted(
        reaction(Kind.TRANSIENT, policy=policy, attempt=f"{number:032x}").wait.total_seconds() for number in range(1000)
    )
    assert 1 <= waits[0] < 1.05
    assert 1.95 < waits[-1] < 2
    assert max(later - earlier for earlier, later in pairwise(waits)) < 0.05


@settings(derandomize=True)
@given(
    kind=st.sampled_from(Kind),
    tries=st.lists(
        st.builds(
            tried,
            st.integers(0, 99),
            st.sampled_from(Kind),
            st.sampled_from(["expand", "fetch", "store:archive"]),
            st.booleans(),
            st.none() | st.timedeltas(timedelta(0), timedelta(days=9)),
            st.none() | st.datetimes(timezones=st.just(UTC)),
        ),
        max_size=30,
    ),
    strikes=st.integers(0, 10**6),
    retry_after=st.none() | st.timedeltas(timedelta(0), timedelta(days=999)),
)
def test_after_any_history_there_is_an_answer(kind, tries, strikes, retry_after):
    """No record makes it raise; waits are never negative, only sites that refuse are closed, only refusals stop all."""
    found = reaction(kind, tries=tries, strikes=strikes, retry_after=retry_after)
    assert found.wait is None or found.wait >= timedelta(0)
    assert (found.gate is not None) == (kind in (Kind.RATE_LIMITED, Kind.AUTH, Kind.ENVIRONMENT))
    assert found.stops == (kind in (Kind.DENIED, Kind.CONFIG))
    if found.gate is not None:
        assert (found.gate.closed_for is None) == (kind in (Kind.AUTH, Kind.ENVIRONMENT))
        assert found.gate.closed_for is None or found.gate.closed_for > timedelta(0)


@pytest.mark.parametrize("kind", [Kind.AUTH, Kind.ENVIRONMENT])
def test_a_storage_that_needs_a_person_stops_the_run(kind):
    """What a storage lacks is no matter of the site: nothing is closed, and the file waits."""
    assert reaction(kind, stage="store:archive") == Reaction(Again(), stops=True)
