"""Runs laws in a process of their own, and shows which of them each component broke."""

import inspect
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from attrs import frozen

HERE = Path(__file__).parent
ALONE = ("-o", "addopts=", "-p", "no:cacheprovider", "--rootdir")
NOTED = ("-q", "--tb=no", "-W", "ignore", "-p", "collecting", "--timeout=60")
"""One that hangs fails, and holds up nobody."""


@frozen
class Session:
    """What became of a run of pytest."""

    code: int
    said: str


def session(folder, *arguments, paths=(HERE,), timeout=110, **variables):
    """Run the tests in a folder, which find the modules in some others too."""
    # Not a pipe, which a process that a wrong component leaves behind would keep open.
    with tempfile.TemporaryFile("w+") as said:
        told = subprocess.run(
            [sys.executable, "-m", "pytest", *ALONE, folder, *arguments],
            env={
                **os.environ,
                **variables,
                "PYTHONPATH": os.pathsep.join([*map(str, paths), os.environ.get("PYTHONPATH", "")]),
            },
            cwd=folder,
            stdout=said,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=timeout,
        )
        said.seek(0)
        return Session(told.returncode, said.read())


def broken_laws(folder, text, *arguments):
    """What the kit says of each class in a text, law by law; some of it is broken, for the kit is to find it."""
    (folder / "test_all.py").write_text(text)
    told = folder / "outcomes.json"
    ran = session(folder, *NOTED, *arguments, folder, paths=(HERE, folder), timeout=280, OUTCOMES=str(told))
    assert ran.code == 1, ran.said[-4000:]
    return json.loads(told.read_text())


def name_of(component):
    """What a component of these tests is called in what the kit says."""
    return component.part.__name__


def lines_of_its_own(component):
    """In how many lines a wrong component differs from a right one."""
    lines = [line.strip() for line in inspect.getsource(component.part).splitlines()]
    return len([line for line in lines if line and not line.startswith(("@", "class ", "def "))])


def table(outcomes, about):
    """Laws by wrong components: `X` where the law that is about one fails, `x` where another does; blank: not run."""
    laws = sorted({law for found in outcomes.values() for law in found})
    lines = [f"{number:3} {law}" for number, law in enumerate(laws)]
    for wrong, its in about.items():
        found = outcomes[f"Test{wrong}"]
        marks = {None: " ", "kept": "."}
        lines.append(f"{wrong:36}{''.join(marks.get(found.get(law), 'X' if law == its else 'x') for law in laws)}")
    return "\n" + "\n".join(lines) + "\n"
