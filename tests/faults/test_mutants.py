"""Each fault test is known to fail where its defence is missing: a mutant names it."""

import ast

from mutate import FAULTS, ROOT, mutants


def test_every_fault_test_has_a_mutant():
    """Each test is named by a mutant of its guarantee, and no mutant names one that is not there."""
    tests = {
        f"{path.relative_to(ROOT)}::{node.name}": path.name[5:8].upper()
        for path in FAULTS.glob("test_g*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }
    named = {(each.test.partition("[")[0], each.guarantee) for each in mutants()}
    assert sorted(set(tests.items()) - named) == [], "of these nobody knows whether they can fail"
    assert sorted({test for test, _ in named} - set(tests)) == [], "these are no tests"
