"""Take away one defence of haulage after the other, and see the test fail that holds it.

Each module in `mutants/` takes one away when it is imported, by at most three lines that patch attributes of haulage's
modules. Its docstring begins with the number of the guarantee and names the test that must fail then, by an assertion
that names the harm: not by an error, and not by a timeout.

Run it as a program, with names of mutants or without any for all; the exit code is 1 where one survived.
"""

import ast
import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from attrs import frozen

FAULTS = Path(__file__).parent
ROOT = FAULTS.parents[1]
MOST_LINES = 3
SECONDS = 600
OPTIONS = ("--seed=1", "--chain=every")
"""What was seen to fail fails again."""


@frozen
class Mutant:
    """A module that takes one defence away.

    Attributes:
        name: Of the module.
        guarantee: Its number, "G02".
        broken: What is broken, in words.
        test: The test that must fail.
        code: Its lines but the docstring.
    """

    name: str
    guarantee: str
    broken: str
    test: str
    code: tuple[str, ...]

    @classmethod
    def read(cls, path: Path) -> "Mutant":
        """Read a module.

        Raises:
            ValueError: It is not written as these are.
        """
        text = path.read_text(encoding="utf-8")
        docstring = ast.get_docstring(ast.parse(text)) or ""
        first = re.match(r"(G\d\d): (.+)", docstring)
        test = re.search(r"^Fails: (\S+::\S.*)$", docstring, re.MULTILINE)
        if not first or not test or not path.stem.startswith(first[1].lower()):
            raise ValueError(f"{path.name}: begin it with 'G01: what is broken', and name a test: 'Fails: FILE::TEST'")
        end = ast.parse(text).body[0].end_lineno
        code = tuple(line for line in text.splitlines()[end:] if line.strip() and not line.lstrip().startswith("#"))
        if len(code) > MOST_LINES:
            raise ValueError(f"{path.name}: it has {len(code)} lines, and {MOST_LINES} must do")
        return cls(path.stem, first[1], first[2], test[1], code)


def mutants() -> Iterator[Mutant]:
    """All of them, by name."""
    for path in sorted((FAULTS / "mutants").glob("g*.py")):
        yield Mutant.read(path)


def kill(mutant: Mutant) -> tuple[bool, str]:
    """Run its test without the defence; whether the test failed as it must, and how it ended."""
    module = f"mutants.{mutant.name}"
    path = os.pathsep.join(filter(None, [str(FAULTS), os.environ.get("PYTHONPATH")]))
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            module,
            "-p",
            "no:cacheprovider",
            "-x",
            "-q",
            mutant.test,
            *OPTIONS,
        ]
        try:
            subprocess.run(
                [*command, f"--junitxml={report}", f"--basetemp={folder}/tests"],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": path, "MUTANT": module},
                capture_output=True,
                timeout=SECONDS,
            )
            cases = ElementTree.parse(report).iter("testcase")
        except (OSError, ElementTree.ParseError, subprocess.TimeoutExpired) as error:
            return False, f"no result: {error}"
        found = [each for case in cases for each in case if each.tag in ("failure", "error")]
    if not found:
        return False, "it survived: the test passed"
    message = " ".join((found[0].get("message") or "").split())
    return found[0].tag == "failure" and message.startswith("AssertionError: "), message


def main(names: list[str]) -> int:
    """Run mutants, four at a time, print a table, and return the exit code."""
    chosen = [each for each in mutants() if not names or each.name in names]
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(kill, chosen))
    for mutant, (good, said) in zip(chosen, results, strict=True):
        print(f"\n{mutant.guarantee}  {mutant.name}: {mutant.broken}")
        for line in mutant.code:
            print(f"     | {line}")
        print(f"     {'failed, as it must' if good else 'WRONG'}: {said[:300]}")
    survived = sum(not good for good, _ in results)
    print(f"\n{len(results)} mutants, {survived} not killed by an assertion")
    return 1 if survived or not results else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
