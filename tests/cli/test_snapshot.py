"""How fast jobs move, as of several looks."""

from datetime import UTC, datetime

from attrs import evolve

from haulage import Job, JobId, Request, Status
from haulage.cli.snapshot import Rates, Running, Snapshot

JOB = Job(JobId("1" * 32), Request("https://example.com/1"), "example.com", stage="fetch")


def read(rates, now, *done, **changes):
    """What is read of jobs that are so far."""
    jobs = [evolve(JOB, id=JobId(str(number)), done=each, **changes) for number, each in enumerate(done)]
    return list(rates.read(jobs, now).values())


def test_a_speed_needs_two_looks():
    """The first look tells none, the second one what was done in between."""
    rates = Rates()
    assert read(rates, 100.0, 5000, 0) == []
    assert read(rates, 102.0, 7000, 0) == [1000.0, 0.0]


def test_a_speed_is_that_of_the_last_seconds():
    """A look that meets no beat does not stop it, and what was long ago does not count."""
    rates = Rates(over=10.0)
    for now in range(20):
        read(rates, float(now), now * 100)
    assert read(rates, 20.0, 1900) == [1000 / 11]
    for now in range(21, 31):
        told = read(rates, float(now), 1900 + (now - 20) * 5000)
    assert told == [50_000 / 11]


def test_a_step_begins_anew():
    """The upload is no faster for the download before it, nor is a download that begins again."""
    rates = Rates()
    read(rates, 0.0, 0)
    assert read(rates, 1.0, 9000) == [9000.0]
    assert read(rates, 2.0, 10, stage="store:nas") == []
    assert read(rates, 3.0, 30, stage="store:nas") == [20.0]
    assert read(rates, 4.0, 5, stage="store:nas") == []


def test_what_ended_is_forgotten():
    """A job that is claimed again later has no speed from before."""
    rates = Rates()
    read(rates, 0.0, 0)
    read(rates, 1.0)
    assert read(rates, 2.0, 9000) == []


def test_time_left_needs_a_size_and_a_speed():
    """Otherwise nothing is claimed."""
    one = Running(JOB.id, "n", "u", Status.DOWNLOADING, "fetch", 25, 100, 5.0)
    assert one.left.total_seconds() == 15.0
    assert evolve(one, total=None).left is None
    assert evolve(one, rate=None).left is None
    assert evolve(one, rate=0.0).left is None
    assert evolve(one, rate=1e-9).left is None
    assert Snapshot(datetime.now(UTC), {}, 0, (one, evolve(one, rate=None))).rate("fetch") == 5.0
    assert Snapshot(datetime.now(UTC), {}, 0, (one,)).rate("store") is None
