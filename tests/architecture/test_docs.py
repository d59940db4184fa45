"""The documentation is complete, and its links lead somewhere."""

import re
from pathlib import Path

import attrs
import pytest

from haulage import Kind
from haulage.cli.main import COMMANDS
from haulage.config.model import TopLevel
from haulage.keys import FIELDS
from haulage.registry import builtin

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("plugins/*/README.md")])
CONFIG = (ROOT / "docs" / "reference" / "config.md").read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    """Every relative link in a page names a file that is there."""
    for target in re.findall(r"\]\(([^)#]+)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def test_every_key_of_the_config_is_described():
    """The reference has a row for each key, with its default where it is a plain value."""
    for field in attrs.fields(TopLevel):
        assert f"| `{field.name}` |" in CONFIG


@pytest.mark.parametrize(
    "options", [builtin.LocalOptions, builtin.SqlOptions, builtin.BackoffOptions, builtin.ThreadsOptions]
)
def test_every_option_is_described(options):
    """The reference has a row for each option of each built-in component."""
    for field in attrs.fields(options):
        assert f"| `{field.name}` |" in CONFIG


def test_every_field_of_a_layout_is_described():
    """The reference has a row for each field."""
    for field in FIELDS:
        assert f"| `{{{field}}}` |" in CONFIG


def test_every_kind_of_failure_is_described():
    """The reference has a row for each kind."""
    text = (ROOT / "docs" / "reference" / "failures.md").read_text()
    for kind in Kind:
        assert f"| `{kind.value}` |" in text


def test_every_command_is_shown():
    """The README or the tutorial shows each command."""
    text = (ROOT / "README.md").read_text() + (ROOT / "docs" / "tutorial" / "first-haul.md").read_text()
    for command in COMMANDS:
        assert f"haulage {command}" in text
