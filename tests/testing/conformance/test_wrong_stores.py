"""Metadata stores that are wrong in one thing each are caught by the law that is about it."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

from kit_session import broken_laws, lines_of_its_own, name_of, table
from wrong_stores import RIGHT, WRONG

pytestmark = pytest.mark.timeout(300)

HEAD = """
from datetime import timedelta
import pytest
from haulage.testing.conformance import metadata_stores

metadata_stores.SHORT = timedelta(milliseconds=30)
from haulage.testing import MetadataStoreTests
"""

QUICK = """
import pytest
from haulage.testing.conformance import at_once, metadata_stores

@pytest.fixture(autouse=True)
def patience(request, monkeypatch):
    # A shelf answers as soon as it gets the processor, and what is wrong may never do.
    seconds = 1 if request.cls.about else 50
    monkeypatch.setattr(metadata_stores, "_PATIENCE", seconds)
    monkeypatch.setattr(at_once, "_LONGEST", seconds)

def pytest_collection_modifyitems(items):
    long = ("at_once", "any_history", "race", "nobody_waits", "always_seen_whole", "comes_with_its_save")
    items[:] = [
        item for item in items
        if item.cls.about in ("", item.originalname)
        or (item.originalname.startswith("test_t") and not any(word in item.originalname for word in long))
    ]
"""

CLASS = """
class Test{name}(MetadataStoreTests):
    about = "{law}"
    plugins = ("wrong_stores",)
    many = 41
    examples = 10
    shared = {shared}

    @pytest.fixture
    def config(self, tmp_path):
        return {{"type": "{type}", "shelf": str(tmp_path) if {shared} else ""}}
"""


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """What the kit says of each store, law by law, in one process; jobs on a shelf are known to no other."""
    folder = tmp_path_factory.mktemp("wrong")
    classes = (
        CLASS.format(name=name_of(each), type=each.name, law=each.law, shared=each.shared) for each in [*RIGHT, *WRONG]
    )
    (folder / "conftest.py").write_text(QUICK)  # the other laws are asked only of those whom they are about
    beyond = "process and not (GoesByTheClock and t6_the_clock)"
    return broken_laws(folder, "\n".join([HEAD, *classes]), "-k", f"not ({beyond})")


def test_a_right_store_keeps_every_law(outcomes):
    """One that is written without a database is let be."""
    assert {law: outcome for law, outcome in outcomes["TestRightStore"].items() if outcome != "kept"} == {}


@pytest.mark.parametrize("wrong", WRONG, ids=name_of)
def test_a_wrong_store_is_caught_by_its_law(outcomes, wrong):
    """The law that is about it fails by an assertion, and so does every other one that notices."""
    laws = outcomes[f"Test{name_of(wrong)}"]
    assert laws[wrong.law] == "AssertionError"
    assert set(laws.values()) <= {"kept", "AssertionError"}


@pytest.mark.parametrize("wrong", WRONG, ids=name_of)
def test_a_wrong_store_is_wrong_in_five_lines_at_most(wrong):
    """It differs from a right one in little, so that it is caught for that."""
    assert lines_of_its_own(wrong) <= 5


def test_the_table(outcomes, capsys):
    """People see which store is caught by what, and there are many of them."""
    with capsys.disabled():
        sys.stdout.write(table(outcomes, {name_of(each): each.law for each in WRONG}))
    assert len(WRONG) >= 30
