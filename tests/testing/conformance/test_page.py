"""What the page about the kit shows is run as it stands there."""

import re
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

from kit_session import session

PAGE = Path(__file__).parents[3] / "docs" / "plugins" / "conformance.md"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The files of the page."""
    folder = tmp_path_factory.mktemp("page")
    blocks = re.findall(r"```python\n# (\w+\.py)\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(blocks) == PAGE.read_text().count("```python")
    for name, text in blocks:
        (folder / name).write_text(text)
    return folder


def run(folder, *arguments):
    ran = session(folder, "-q", *arguments, paths=())
    assert ran.code == 0, ran.said[-3000:]
    return ran.said


def test_the_storage_of_the_page_keeps_every_law(folder):
    """The plugin and its test are what they are said to be, to the number of laws."""
    said = run(folder, "test_shelf.py")
    [line] = re.findall(r"^TestShelf: .*$", PAGE.read_text(), re.MULTILINE)
    assert line in said


def test_the_other_classes_of_the_page_do_what_is_said(folder):
    """A witness, required claims and a known failure are written like that."""
    said = run(folder, "test_more.py", "-k", "abort or read_apart or required or loading")
    assert re.search(r"TestFsspecMemory: \d+ run: 1 expected to fail, \d+ passed", said)
    assert re.search(r"TestWitnessed: (\d+) run: \1 passed", said)
