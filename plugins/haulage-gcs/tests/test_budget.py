"""The memory that uploads share."""

from hypothesis import given
from hypothesis import strategies as st

from haulage_gcs.budget import Budget

LEAST = 256


@given(size=st.integers(0, 10_000), wanted=st.lists(st.integers(1, 5_000), max_size=20))
def test_what_is_handed_out_stays_within_the_budget_and_one_step_an_upload(size, wanted):
    """Uploads together hold no more than the budget, and what each of them needs to go on at all."""
    budget = Budget(size)
    taken = [budget.take(each, LEAST) for each in wanted]
    assert all(each >= LEAST and each % LEAST == 0 for each in taken)
    assert sum(taken) <= size + LEAST * len(taken)


def test_who_comes_when_nothing_is_free_gets_the_least():
    """An upload that finds the budget spent goes on with little, instead of waiting for the others."""
    budget = Budget(1000)
    assert budget.take(1000, 250) == 1000
    assert budget.take(1000, 250) == 250


def test_what_was_given_back_is_free():
    """The next upload gets what the one before gave back, that beyond the budget not counted twice."""
    budget = Budget(1000)
    taken = [budget.take(1000, 250), budget.take(500, 250)]
    for each in taken:
        budget.give(each)
    assert budget.take(2000, 250) == 1000
