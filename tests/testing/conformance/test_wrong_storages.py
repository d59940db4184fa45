"""Storages that are wrong in one thing each are caught by the law that is about it."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

from kit_session import broken_laws, lines_of_its_own, name_of, table
from wrong_storages import RIGHT, WRONG

pytestmark = pytest.mark.timeout(300)

CLASS = """
class Test{name}(StorageTests):
    about = "{law}"
    plugins = ("wrong_storages",)
    part = 1024
    many = 41
    examples = 40
    required_claims = frozenset({required!r})

    @pytest.fixture
    def config(self):
        return {{"type": "{type}", "shelf": "{type}"}}
"""


def written(each):
    """A class that tests a storage."""
    required = ["checks_content"] if each.claims.keeps_info else []
    return CLASS.format(name=name_of(each), type=each.name, law=each.law, required=required)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """What the kit says of each storage, law by law; all in one process."""
    text = ["import pytest", "from haulage.testing import StorageTests", *map(written, [*RIGHT, *WRONG])]
    return broken_laws(tmp_path_factory.mktemp("wrong"), "\n".join(text), "-k", "not loading_the_plugin")


@pytest.mark.parametrize("right", RIGHT, ids=name_of)
def test_a_right_storage_keeps_every_law(outcomes, right):
    """Whatever it claims, and whether it is written with the aids of haulage or without, it is let be."""
    broken = {law: outcome for law, outcome in outcomes[f"Test{name_of(right)}"].items() if outcome != "kept"}
    assert broken == {}


@pytest.mark.parametrize("wrong", WRONG, ids=name_of)
def test_a_wrong_storage_is_caught_by_its_law(outcomes, wrong):
    """The law that is about it fails by an assertion, and so does every other one that notices."""
    laws = outcomes[f"Test{name_of(wrong)}"]
    assert laws[wrong.law] == "AssertionError"
    assert set(laws.values()) <= {"kept", "AssertionError"}


@pytest.mark.parametrize("wrong", WRONG, ids=name_of)
def test_a_wrong_storage_is_wrong_in_five_lines_at_most(wrong):
    """It differs from a right one in little, so that it is caught for that."""
    assert lines_of_its_own(wrong) <= 5


def test_every_law_catches_somebody(outcomes):
    """A law that no wrong storage breaks proves nothing yet."""
    unbroken = set(outcomes["TestRightStorage"])
    for each in WRONG:
        unbroken -= {law for law, outcome in outcomes[f"Test{name_of(each)}"].items() if outcome != "kept"}
    assert unbroken == set()


def test_the_table(outcomes, capsys):
    """People see which storage is caught by what, and there are many of them."""
    with capsys.disabled():
        sys.stdout.write(table(outcomes, {name_of(each): each.law for each in WRONG}))
    assert len(WRONG) >= 25
