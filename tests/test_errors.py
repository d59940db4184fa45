import copy
import pickle
import re
from datetime import timedelta

import pytest

from haulage import errors
from haulage.cancel import Cancelled
from haulage.errors import (
    AlreadyExists,
    AttemptLost,
    ConfigError,
    Duplicate,
    Failure,
    FetchError,
    HaulageError,
    Kind,
    PluginError,
    StorageError,
    StoreError,
)

FAILURE = Failure(Kind.RATE_LIMITED, "the site said 429", retry_after=timedelta(seconds=7), cure="wait")
PLAIN = [HaulageError, PluginError, FetchError, StorageError, AlreadyExists, StoreError, AttemptLost]


@pytest.mark.parametrize(
    "error", [*(kind(FAILURE) for kind in PLAIN), Duplicate(FAILURE, "a" * 32), ConfigError("one", "two")]
)
@pytest.mark.parametrize("again", [lambda error: pickle.loads(pickle.dumps(error)), copy.copy])
def test_an_error_crosses_a_process_border_whole(error, again):
    """What a worker in another process raises arrives with its type, its failure and its fields."""
    arrived = again(error)
    assert type(arrived) is type(error)
    assert arrived.failure == error.failure
    assert str(arrived) == str(error)
    assert vars(arrived) == vars(error)


def test_a_duplicate_brings_the_other_job_across():
    """The id of the twin is no part of the text, and still arrives."""
    assert pickle.loads(pickle.dumps(Duplicate(FAILURE, "b" * 32))).other == "b" * 32


def test_a_config_error_keeps_its_problems_apart():
    """All problems are told at once, one a line."""
    error = pickle.loads(pickle.dumps(ConfigError("a.yaml:1:1: one", "a.yaml:2:1: two")))
    assert error.problems == ("a.yaml:1:1: one", "a.yaml:2:1: two")
    assert str(error) == "a.yaml:1:1: one\na.yaml:2:1: two"
    assert error.failure.kind is Kind.CONFIG


def test_an_error_says_what_happened_and_what_to_do():
    """People read the message, and the cure where there is one."""
    assert str(FetchError(FAILURE)) == "the site said 429; wait"
    assert str(FetchError(Failure(Kind.BUG, "it broke"))) == "it broke"


def test_the_tree_is_the_one_that_is_drawn():
    """Whoever catches by the tree in the module's docstring catches what it says."""
    parents = {"HaulageError": "Exception", "Cancelled": "BaseException"}
    stack = []
    for line in re.findall(r"^    ([│ ]*[├└]── \w+)", errors.__doc__ or "", re.MULTILINE):
        depth, name = line.index("──") // 4, line.split("── ")[1]
        stack[depth:] = [name]
        if depth:
            parents[name] = stack[depth - 1]
    real = {
        each.__name__: each
        for each in vars(errors).values()
        if isinstance(each, type) and issubclass(each, HaulageError)
    }
    real["Cancelled"] = Cancelled
    assert {name: each.__base__.__name__ for name, each in real.items()} == parents


def test_kinds_are_written_as_they_are_recorded():
    """The words in the database, in logs and in JSON do not change."""
    assert [kind.value for kind in Kind] == [
        "transient", "rate_limited", "unavailable", "not_yet", "auth", "geo", "invalid", "no_space", "storage",
        "denied", "conflict", "environment", "config", "crashed", "bug",
    ]  # fmt: skip
