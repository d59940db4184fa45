"""What rules of retention may say."""

from pathlib import Path

import pytest

from haulage.config.load import load
from haulage.errors import ConfigError
from haulage.registry.host import Host


def loaded(text):
    return load(text, "haulage.yaml", Path("/srv/videos"), {}, Host(no_plugins=True))


def problems(text):
    """What is wrong with a config; what follows from plugins that are missing is left out."""
    with pytest.raises(ConfigError) as caught:
        loaded(f"fetcher: {{type: none}}\n{text}")
    return [each.removeprefix("haulage.yaml:") for each in caught.value.problems if "retention" in each]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("retention: {max_age: 30d}\n", "2:1: retention: expected a list, got a mapping"),
        (
            "retention: [{max_age: 0}]\n",
            "2:14: retention[0].max_age: expected more than 0s, which every video is older than",
        ),
        (
            "retention: [{max_total: -1}]\n",
            "2:14: retention[0].max_total: expected a size such as 500MB or 2GiB, got -1",
        ),
        ("retention: [{max_total: 0}]\n", "2:14: retention[0].max_total: 'max_total' must be > 0: 0"),
        ("retention: [{max_cost: 0}]\n", "2:14: retention[0].max_cost: 'max_cost' must be > 0: 0.0"),
        ("retention: [{keep_last: 0}]\n", "2:14: retention[0].keep_last: 'keep_last' must be >= 1: 0"),
        (
            "retention: [{keep: ['']}]\n",
            "2:14: retention[0].keep: expected patterns, got an empty text, which keeps nothing",
        ),
        ("retention: [{keep: []}]\n", "2:14: retention[0].keep: expected at least one pattern, got an empty list"),
        ("retention: [{keep: [3]}]\n", "2:21: retention[0].keep[0]: expected text in quotes, got 3"),
        (
            "retention: [{channel: , keep_last: 1}]\n",
            "2:14: retention[0].channel: expected a value, got nothing; leave the key out where it shall not count",
        ),
        (
            "retention: [{channel: '', keep_last: 1}]\n",
            "2:14: retention[0].channel: expected a name, got an empty text",
        ),
        (
            "retention: [{storage: libary, max_age: 1d}]\n",
            "2:14: retention[0].storage: unknown storage 'libary'; did you mean 'library'?",
        ),
        (
            "retention: [{storage: library}]\n",
            "2:13: retention[0]: a rule that says neither what goes nor what stays; give it one of max_age, max_total,"
            " max_cost, keep_last, keep",
        ),
        (
            "retention: [{max_age: 1d, keep: ['a', '**']}]\n",
            "2:27: retention[0].keep: keeps all that the rule is about, so that its max_age says nothing",
        ),
        (
            "retention:\n  - {max_age: 1d}\n  - {max_age: 2d, storage: library}\n  - {max_age: 3d}\n",
            "5:6: retention[2].max_age: retention[0] has a max_age for the same videos already; write one",
        ),
    ],
)
def test_rules_that_say_nothing_or_contradict_each_other(text, said):
    """Each is told with its line and column, like every other problem."""
    assert problems(text) == [said]
