"""The threat model names tests, and they are there."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROWS = [line.split("|")[1:-1] for line in (ROOT / "SECURITY.md").read_text().splitlines() if line.startswith("| ")][2:]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[3].strip().rpartition("::")[2].strip("`"))
def test_a_defence_has_a_test(row):
    """Each row names a defence, and one test at least that there is."""
    assert all(cell.strip() for cell in row)
    named = re.findall(r"`([^`]+)::(\w+)`", row[3])
    assert named
    for file, test in named:
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        assert test in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}, f"{file}::{test}"


def test_the_table_is_read():
    """The rows are found at all."""
    assert len(ROWS) > 10
