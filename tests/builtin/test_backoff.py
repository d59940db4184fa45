from datetime import timedelta

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from haulage.builtin.backoff import ExponentialBackoff
from haulage.contracts.policies import History
from haulage.errors import Failure, Kind
from haulage.values import AttemptId, Try

DEFAULT = ExponentialBackoff(3, timedelta(seconds=1), 2.0, timedelta(hours=1))


def history(failures, draw=0.0):
    failure = Failure(Kind.TRANSIENT, "reset")
    one = Try(AttemptId("a"), "fetch", failure, counted=True, wait=timedelta(seconds=1))
    return History((one,) * failures, draw)


def waits(policy, draw=0.0, most=40):
    """What the policy answers after 1, 2, 3 ... failures, in seconds, until it gives up."""
    answers = [policy.next_delay(history(failures, draw)) for failures in range(1, most + 1)]
    end = answers.index(None) if None in answers else most
    assert all(answer is None for answer in answers[end:])
    return [answer.total_seconds() for answer in answers[:end]]


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (DEFAULT, [1, 2]),
        (evolve(DEFAULT, attempts=4), [1, 2, 4]),
        (evolve(DEFAULT, attempts=1), []),
        (evolve(DEFAULT, attempts=5, initial=timedelta(milliseconds=1500), factor=3.0), [1.5, 4.5, 13.5, 40.5]),
        (evolve(DEFAULT, attempts=5, factor=1.0), [1, 1, 1, 1]),
        (evolve(DEFAULT, attempts=6, max_delay=timedelta(seconds=5)), [1, 2, 4, 5, 5]),
        (evolve(DEFAULT, attempts=3, max_delay=timedelta(0)), [0, 0]),
        (evolve(DEFAULT, attempts=4, initial=timedelta(0)), [0, 0, 0]),
    ],
)
def test_waits_grow_by_the_factor_until_the_tries_are_used_up(policy, expected):
    """Three tries have two waits, of 1 s and 2 s; a fourth try adds the 4 s."""
    assert waits(policy) == expected


@pytest.mark.parametrize(("draw", "expected"), [(0.0, [1, 2]), (0.5, [1.25, 2.5]), (0.999, [1.4995, 2.999])])
def test_jitter_adds_the_share_that_was_drawn(draw, expected):
    """The same draw gives the same wait, and it is never shorter than without jitter."""
    assert waits(evolve(DEFAULT, jitter=0.5), draw) == expected


def test_the_longest_wait_is_the_longest_before_jitter():
    """Jobs that all wait the longest time are still spread."""
    policy = evolve(DEFAULT, attempts=9, max_delay=timedelta(seconds=4), jitter=1.0)
    assert waits(policy, 0.5)[-1] == 6


@pytest.mark.parametrize("factor", [2.0, 1e300, float("inf")])
def test_a_wait_that_no_number_holds_is_the_longest_one(factor):
    """After ten thousand failures the policy still answers."""
    policy = evolve(DEFAULT, attempts=10**6, factor=factor)
    assert policy.next_delay(history(10_000)) == timedelta(hours=1)


@settings(derandomize=True)
@given(
    attempts=st.integers(1, 50),
    initial=st.integers(0, 10**9),
    factor=st.floats(1, 1e6),
    longest=st.integers(0, 10**10),
    jitter=st.floats(0, 1),
    draw=st.floats(0, 1, exclude_max=True),
    failures=st.integers(1, 60),
)
def test_every_wait_is_within_its_bounds(attempts, initial, factor, longest, jitter, draw, failures):
    """A wait lies between the one without jitter and that with all of it, and tries end when they shall."""
    milliseconds = timedelta(milliseconds=1)
    policy = ExponentialBackoff(attempts, initial * milliseconds, factor, longest * milliseconds, jitter)
    wait = policy.next_delay(history(failures, draw))
    assert (wait is None) == (failures >= attempts)
    if wait is not None:
        least = min(initial * factor ** (failures - 1), longest)
        assert least - 1 <= wait / milliseconds <= least * (1 + jitter) + 1
        assert policy.next_delay(history(failures, draw)) == wait
