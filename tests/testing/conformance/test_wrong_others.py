"""Retry policies, executors, fetchers and plugins that are wrong in one thing each are caught by their laws."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

from kit_session import broken_laws, name_of, table
from wrong_others import RIGHT, WRONG

pytestmark = pytest.mark.timeout(300)

HEAD = """
import pytest
from haulage.testing import ExecutorTests, FetcherTests, PluginTests, RetryPolicyTests
from haulage.testing.conformance import fetchers, policies

policies._PATIENCE = 2  # seconds
fetchers._CANCEL = fetchers._GRACE = 1.5
"""

CLASS = """
class Test{name}({kit}):
    about = "{law}"
    plugins = ("wrong_others",)

    @pytest.fixture
    def config(self):
        return {{"type": "{type}"}}
"""

PLUGIN = """
class Test{name}(PluginTests):
    about = "{law}"
    module = "{name}"
    heavy = ("mailbox",)
    packaged = {packaged}
"""

SOUND = """
from attrs import frozen
from haulage.plugin import ObserverComponent, hookimpl, option

@frozen
class Options:
    where: str = option("", help="Where to.")

def build(options, context):
    return print

@hookimpl
def haulage_observers():
    yield ObserverComponent("sound", "Watches.", Options, build)
"""

HOOKS = "its_hooks_are_known_and_take_no_arguments"
NAMES = "its_components_are_named_and_described"
WORK = "its_hooks_do_no_work_and_load_nothing_heavy"

PLUGINS = {
    "sound_plugin": ("", ()),
    "wrong_hook": (HOOKS, ("def haulage_observers", "def haulage_observer")),
    "wrong_arguments": (HOOKS, ("observers()", "observers(config)")),
    "wrong_name": (NAMES, ('"sound"', '"Sound Plugin"')),
    "wrong_summary": (NAMES, ('"Watches."', '""')),
    "wrong_option": ("every_option_explains_itself", ('option("", help="Where to.")', '""')),
    "wrong_io": (WORK, ("    yield", "    open('/dev/null').close()\n    yield")),
    "wrong_import": (WORK, ("from attrs", "import mailbox\nfrom attrs")),
    "wrong_record": (
        "it_yields_frozen_records",
        ("    yield Obs", "    global Options; Options = frozen(type('O', (), {}))\n    yield Obs"),
    ),
    "wrong_point": ("entry_points_are_named_like_its_components", ()),
}
"""For each plugin module its law, and what it has instead of what the sound one has."""


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """What the kit says of each, law by law, in one process."""
    folder = tmp_path_factory.mktemp("wrong")
    classes = [
        CLASS.format(name=name_of(each), kit=each.kit, law=each.law, type=each.name) for each in [*RIGHT, *WRONG]
    ]
    for name, (law, change) in PLUGINS.items():
        (folder / f"{name}.py").write_text(SOUND.replace(*change) if change else SOUND)
        classes.append(PLUGIN.format(name=name, law=law and f"test_{law}", packaged=name == "wrong_point"))
    return broken_laws(folder, "\n".join([HEAD, *classes]))


CASES = {name_of(each): each.law for each in WRONG} | {name: f"test_{law}" for name, (law, _) in PLUGINS.items() if law}
SOUND_ONES = [*(name_of(each) for each in RIGHT), "sound_plugin"]


@pytest.mark.parametrize("name", SOUND_ONES)
def test_a_right_component_keeps_every_law(outcomes, name):
    """The plainest one of each kind is let be."""
    assert {law: outcome for law, outcome in outcomes[f"Test{name}"].items() if outcome != "kept"} == {}


@pytest.mark.parametrize(("name", "law"), CASES.items(), ids=list(CASES))
def test_a_wrong_component_is_caught_by_its_law(outcomes, name, law):
    """The law that is about it fails by an assertion."""
    assert outcomes[f"Test{name}"][law] == "AssertionError"


def test_the_table(outcomes, capsys):
    """People see which component is caught by what."""
    with capsys.disabled():
        sys.stdout.write(table(outcomes, CASES))
