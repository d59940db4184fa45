"""Histories of calls that Hypothesis makes up, the same ones each time."""

import itertools
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test


def try_histories(machine: Callable[[str], RuleBasedStateMachine], count: int, steps: int) -> None:
    """Have machines make calls and compare, after each, what is there with what they hold.

    Args:
        machine: Makes one for each history, which has this name.
        count: How many histories.
        steps: How many calls each has at most.

    Raises:
        AssertionError: What is there is not what a machine holds.
    """
    numbers = itertools.count()
    made: Any = lambda: machine(f"history-{next(numbers)}")  # noqa: E731 - it is given as a class
    run_state_machine_as_test(
        made,
        settings=settings(
            max_examples=count,
            stateful_step_count=steps,
            derandomize=True,
            database=None,
            deadline=None,
            print_blob=False,
            report_multiple_bugs=False,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
