"""What every module keeps to."""

import ast
import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted([*(ROOT / "src").rglob("*.py"), *ROOT.glob("plugins/*/src/**/*.py")])
TESTS = sorted([*(ROOT / "tests").rglob("*.py"), *ROOT.glob("plugins/*/tests/**/*.py")])
LARGEST = 400


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_is_small_and_says_what_it_is_for(source):
    """No module has more than 400 lines, and each opens with a docstring."""
    text = source.read_text()
    assert len(text.splitlines()) <= LARGEST
    assert ast.get_docstring(ast.parse(text))


def test_no_file_of_tests_holds_a_second_thing():
    """None has more than 400 lines either."""
    assert [str(each) for each in TESTS if len(each.read_text().splitlines()) > LARGEST] == []


@pytest.mark.parametrize("name", ["haulage", "haulage.plugin", "haulage.testing"])
def test_the_public_names_are_all_that_is_imported(name):
    """`__all__` is sorted as ruff sorts it, complete, and every name in it is there; some are imported when needed."""
    module = importlib.import_module(name)
    tree = ast.parse(Path(module.__file__).read_text())
    blocks = [tree.body, *(node.body for node in tree.body if isinstance(node, ast.If))]
    imported = {
        alias.asname or alias.name
        for body in blocks
        for node in body
        if isinstance(node, ast.ImportFrom) and node.module != "typing"
        for alias in node.names
    }
    assert set(module.__all__) == imported
    assert all(hasattr(module, each) for each in module.__all__)
    defined = [node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    assert defined == (["__getattr__"] if len(blocks) > 1 else [])


def test_ci_runs_the_command_of_the_readme():
    """What the README says about running the tests is what CI does."""
    command = (ROOT / ".ci" / "run").read_text().splitlines()[-1]
    blocks = re.findall(r"```sh\n(.*?)\n```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert command in blocks
    assert all(len(line) <= 120 for block in blocks for line in block.splitlines())


def test_all_packages_have_one_version():
    """The core and its plugins are released together."""
    projects = [ROOT / "pyproject.toml", *ROOT.glob("plugins/*/pyproject.toml")]
    versions = {re.search(r'^version = "(.+)"', path.read_text(), re.MULTILINE)[1] for path in projects}
    assert len(versions) == 1


def test_all_packages_carry_the_licence():
    """Every package that can be installed brings the text of the one licence."""
    licence = (ROOT / "LICENSE").read_text()
    assert all((project.parent / "LICENSE").read_text() == licence for project in ROOT.glob("plugins/*/pyproject.toml"))
