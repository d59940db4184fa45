"""G16. A broken neighbour does no harm: what is wrong with a plugin matters to those alone who asked for it."""

import json
import os
from pathlib import Path

import pytest
from program import Program

PLUGINS = Path(__file__).parent / "plugins"

HEAD = """
import os, pathlib, sys, time
from attrs import frozen
from haulage.plugin import ObserverComponent, StorageComponent, hookimpl
with pathlib.Path(os.environ["IMPORTED"]).open("a") as file:
    print(__name__, file=file)

@frozen
class Options:
    pass

def offer(kind, name):
    return kind(name, "A neighbour.", Options, lambda options, context: None)
"""

GOOD = "@hookimpl\ndef haulage_storages():\n    yield offer(StorageComponent, {!r})\n"

BROKEN = {
    "exits": "sys.exit(9)",
    "imports": "import no_such_module",
    "prints": f"print('hello from a neighbour')\n{GOOD.format('spoken')}",
    "raises": "@hookimpl\ndef haulage_storages():\n    raise OSError('no drive')",
    "slow": f"time.sleep(1)\n{GOOD.format('slow')}",
    "syntax": "def :",
    "yields": "@hookimpl\ndef haulage_storages():\n    print('one more word')\n    yield 'tape'",
}
"""What is wrong with each."""

WHY = {
    "exits": "SystemExit: 9",
    "imports": "ModuleNotFoundError: No module named 'no_such_module'",
    "raises": "OSError: no drive",
    "syntax": "SyntaxError",
    "yields": "yields str instead of StorageComponent",
}


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """The program, with all of them installed beside it."""
    installed, folder = tmp_path / "installed", tmp_path / "here"
    installed.mkdir()
    folder.mkdir()
    for name, body in BROKEN.items():
        (installed / f"broken_{name}.py").write_text(HEAD + body)
        info = installed / f"broken_{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: broken-{name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[haulage.v1]\n{name} = broken_{name}\n")
    path = os.pathsep.join(filter(None, [str(PLUGINS), str(installed), os.environ.get("PYTHONPATH")]))
    environ = {"IMPORTED": str(tmp_path / "imported"), "PYTHONPATH": path, "TOLD": "told"}
    return Program(folder, ("-p", "spiteful"), PLUGINS, environ)


def _run(program: Program, config: str, *arguments: str) -> tuple[int, str, str]:
    (program.folder / "haulage.yaml").write_text(f"private_hosts: [127.0.0.1]\nretry: {{attempts: 1}}\n{config}")
    with program.start(*arguments) as ran:
        out, err = ran.communicate(timeout=60)
    return ran.returncode, out, err


def test_who_asks_for_none_of_them_does_not_notice_them(program, site, tmp_path):
    """A haul needs none of them: none is even imported, and its output is what it is without them."""
    code, out, err = _run(program, "", "get", "--json", site.url("/clip.mp4"))
    assert (code, err) == (0, ""), f"a neighbour has harmed a haul that did not ask for it: {out}{err}"
    assert json.loads(out)["status"] == "downloaded"
    assert not (tmp_path / "imported").exists()


def test_who_looks_at_all_of_them_is_told(program):
    """Where all are loaded, what each prints keeps out of the results, and each is said to be broken, and why."""
    code, out, err = _run(program, "", "doctor", "--json")
    assert code == 0, err
    try:
        found = {each["about"]: each["message"] for each in json.loads(out)}
    except ValueError:
        raise AssertionError(f"a neighbour has written into the results: {out[:200]}") from None
    for name, why in WHY.items():
        assert why in found[f"plugin {name}"]
    assert "hello from a neighbour" in err


@pytest.mark.parametrize("name", WHY)
def test_who_asks_for_one_is_told_what_is_wrong(program, site, name):
    """Only who asks for it fails, at once, and learns whose fault it is."""
    code, out, err = _run(program, f"storages: {{s: {{type: {name}}}}}\n", "get", site.url("/clip.mp4"))
    assert code in (2, 3), out
    assert f"broken-{name} 1.0 offers it but failed to load" in err, f"nobody learns which neighbour is broken: {err}"
    assert WHY[name] in err
    assert not (program.folder / "haulage.db").exists()


def test_an_observer_that_raises_harms_no_job(program, site):
    """It is told no more after one warning; jobs and the other observers go on."""
    config = "observers: {bad: spiteful}\nworkers: 1\n"
    urls = [site.url(f"/clip.mp4?{number}") for number in range(2)]
    code, out, err = _run(program, config, "--log-level", "warning", "get", "--json", *urls)
    stored = [json.loads(line)["status"] for line in out.splitlines()]
    assert (code, stored) == (0, ["downloaded"] * 2), f"an observer has harmed a job: {out}{err}"
    assert err.count("raised and is told no more") == 1, f"what an observer raised was taken for a job's: {err}"
