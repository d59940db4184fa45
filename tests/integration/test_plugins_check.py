"""`haulage plugins check`: a storage is held to the laws where it really is."""

import json

WRONG = """
from haulage.builtin.memory import MemoryStorage, MemoryUpload
from haulage.plugin import StorageComponent, hookimpl
from haulage.registry.builtin import NoOptions

class Careless(MemoryStorage):
    def list(self, folder):
        return (each for each in super().list("") if each.key.startswith(folder))

@hookimpl
def haulage_storages():
    yield StorageComponent("careless", "Lists by substring.", NoOptions, lambda options, context: Careless("c"))
"""


def test_a_storage_that_keeps_the_laws(program):
    """Each law has a line and holds, and what lies there already stays as it was, alone."""
    theirs = program.folder / "library" / "UC1" / "mine.mp4"
    theirs.parent.mkdir(parents=True)
    theirs.write_bytes(b"mine")
    result = program.run("plugins", "check", "library")
    lines = [line.split("\t") for line in result.stdout.splitlines()]
    assert (result.returncode, result.stderr) == (0, "")
    assert {verdict for _, verdict in lines} == {"holds"}
    assert {"nothing is visible before commit", "list is by folder not by substring"} <= {law for law, _ in lines}
    assert [(path, path.read_bytes()) for path in program.stored()] == [(theirs, b"mine")]


def test_a_storage_that_breaks_a_law(program):
    """The law is named with its harm, as text and as JSON, and the exit code is 1."""
    (program.folder / "careless.py").write_text(WRONG)
    (program.folder / "haulage.yaml").write_text("storages: {shelf: {type: careless}}\n")
    result = program.run("-p", "careless", "plugins", "check", "careless", "--json")
    told = {each["law"]: each for each in json.loads(result.stdout)}
    broken = told["list is by folder not by substring"]
    assert (result.returncode, broken["holds"]) == (1, False)
    assert "AssertionError" in broken["message"]
    assert told["abort leaves nothing"] == {"law": "abort leaves nothing", "holds": True, "message": None}


def test_a_storage_that_is_not_in_the_config(program):
    """Those that are there are named, and nothing is run."""
    result = program.run("plugins", "check", "nowhere")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == "haulage: the config has no storage 'nowhere'; name one of: library\n"


def test_where_the_kit_is_not_installed(program):
    """The cure is told on one line."""
    (program.folder / "hypothesis.py").write_text("raise ModuleNotFoundError('no hypothesis', name='hypothesis')")
    result = program.run("plugins", "check", "library")
    assert (result.returncode, result.stdout) == (3, "")
    assert result.stderr == "haulage: the conformance kit needs hypothesis; pip install 'haulage[testing]'\n"
