"""What the kit makes of classes, claims and known failures; what each law says is tested by wrong storages."""

import sys
from pathlib import Path

import pytest

from haulage.errors import ConfigError, PluginError
from haulage.registry.components import StorageComponent
from haulage.testing import StorageTests
from haulage.testing.conformance.bench import Bench
from haulage.testing.conformance.law import laws

sys.path.append(str(Path(__file__).parent))

from kit_session import HERE, session

MODULE = """
import pytest
from haulage.testing import StorageTests

class TestShelf(StorageTests):
    plugins = ("{modules}",)
    part = 1024
    {body}

    @pytest.fixture
    def config(self):
        return {{"type": "{type}", "shelf": "machinery"}}
"""


@pytest.fixture
def run(tmp_path):
    """Run some laws, in a process of its own, on a storage of these tests."""

    def start(select, body="", name="right-storage", modules="wrong_storages", path=HERE):
        (tmp_path / "test_shelf.py").write_text(MODULE.format(body=body, type=name, modules=modules))
        return session(tmp_path, "-rA", "--tb=line", "-k", select, tmp_path, paths=(path, HERE), timeout=60)

    return start


def test_a_law_cannot_be_overridden():
    """A class that replaces a law is refused where it is written, with the way to say that the law does not hold."""
    with pytest.raises(TypeError) as caught:
        type("TestMine", (StorageTests,), {"test_abort_leaves_nothing": lambda self: None})
    assert str(caught.value) == (
        "TestMine overrides the law test_abort_leaves_nothing; where it does not hold, say so: "
        'known_failures = {"test_abort_leaves_nothing": "the reason"}'
    )


def test_a_law_cannot_be_overridden_from_the_side():
    """Nor does it help to inherit the replacement, or to put None in the place of the law."""
    mixin = type("Mixin", (), {"test_abort_leaves_nothing": lambda self: None})
    with pytest.raises(TypeError, match="overrides the law test_abort_leaves_nothing"):
        type("TestMine", (mixin, StorageTests), {})
    with pytest.raises(TypeError, match="overrides the law test_abort_leaves_nothing"):
        type("TestMine", (StorageTests,), {"test_abort_leaves_nothing": None})
    once = type("Once", (StorageTests,), {})
    with pytest.raises(TypeError, match="overrides the law test_abort_leaves_nothing"):
        type("TestMine", (once,), {"test_abort_leaves_nothing": lambda self: None})


def test_what_the_laws_stand_on_cannot_be_replaced():
    """A fixture of the kit's own is no way around a law either; those for authors are."""
    with pytest.raises(TypeError, match="TestMine replaces place, which the laws stand on; give it another name"):
        type("TestMine", (StorageTests,), {"place": lambda self: None})
    free = {"config": None, "witness": None, "leftovers": None, "tampering": None, "part": 1, "test_of_my_own": None}
    assert type("TestMine", (StorageTests,), free).part == 1


@pytest.mark.parametrize("name", ["test_abort_leaves_noting", "place", "test_abort"])
def test_a_known_failure_must_be_a_law(name):
    """A name that is mistyped would hide that the law it was meant for is held, or broken."""
    with pytest.raises(TypeError, match=f"TestMine.known_failures names '{name}', which is no law of it"):
        type("TestMine", (StorageTests,), {"known_failures": {name: "no reason"}})


def test_every_test_of_the_kit_is_a_law_with_a_sentence():
    """Each is marked, so that what a component raises breaks it, and says what it holds."""
    tests = [name for name in dir(StorageTests) if name.startswith("test_")]
    assert laws(StorageTests) == tests
    assert all(getattr(StorageTests, name).__doc__.endswith(".") for name in tests)
    assert len(tests) >= 60


def test_a_law_that_is_known_to_fail_may_fail(run):
    """It counts as an expected failure, with its reason, and is told apart in the number of laws."""
    body = 'known_failures = {"test_abort_leaves_nothing": "parts stay for a day"}'
    session = run("abort_leaves or wrong_secret", body, "leaks-parts")
    assert session.code == 0
    assert session.said.count("parts stay for a day") >= 3
    assert "TestShelf: 4 run: 3 expected to fail, 1 passed" in session.said


def test_a_law_that_is_known_to_fail_must_fail(run):
    """One that holds after all is an error: what is said of the storage is not true any more."""
    session = run("abort_leaves", 'known_failures = {"test_abort_leaves_nothing[a byte]": "parts stay for a day"}')
    assert session.code == 1
    assert "[XPASS(strict)] parts stay for a day" in session.said
    assert "TestShelf: 3 run: 1 failed, 2 passed" in session.said


def test_a_law_that_fails_says_what_is_wrong(run):
    """The message names the harm, and the values that were compared."""
    session = run("abort_leaves_nothing and parts", name="publishes-on-abort")
    assert session.code == 1
    assert "an upload that was aborted was published: stat finds it" in session.said
    assert "StoredObject(key=" in session.said


def test_the_number_of_laws_is_told(run):
    """At the end of the session each class has its line."""
    session = run("keys_that_differ or identities", name="right-storage")
    assert session.code == 0
    assert "laws of haulage" in session.said
    assert "TestShelf: 2 run: 2 passed" in session.said


def test_a_claim_that_is_required_must_be_made(run):
    """The record must claim what the class asks for, and the class must ask for what there is."""
    missing = run("required_claims", 'required_claims = {"keeps_info"}', "modest")
    assert "the record must claim keeps_info" in missing.said
    unknown = run("required_claims", 'required_claims = {"keeps_everything"}', "modest")
    assert "required_claims names no capability: ['keeps_everything']" in unknown.said


@pytest.mark.parametrize(
    ("line", "said"), [("import sqlite3", "1 passed"), ("import rich", "loading the plugin imports rich;")]
)
def test_a_plugin_that_imports_a_backend_is_caught(run, tmp_path, line, said):
    """What loading a plugin imports beyond haulage, Python and itself is named."""
    (tmp_path / "heavy_plugin.py").write_text(f"{line}\nfrom wrong_storages import haulage_storages  # noqa: F401\n")
    session = run("loading_the_plugin", modules="heavy_plugin", path=tmp_path)
    assert said in session.said


def test_a_config_is_read_as_in_yaml(tmp_path):
    """Options are checked before anything is built, and a component that is missing is told."""
    with pytest.raises(ConfigError) as caught:
        Bench(StorageComponent, {"type": "local", "pth": "x"}, (), tmp_path)
    assert str(caught.value) == "config.pth: unknown option 'pth'; did you mean 'path'?"
    with pytest.raises((ConfigError, PluginError), match="there is no storage 'tape'"):
        Bench(StorageComponent, {"type": "tape"}, (), tmp_path)


def test_a_short_form_is_a_config_too(tmp_path):
    """What stands under a storage's name in YAML may be a path alone; relative ones start at the folder."""
    bench = Bench(StorageComponent, "library", (), tmp_path)
    bench.build()
    bench.close()
    assert (tmp_path / "library").is_dir()
