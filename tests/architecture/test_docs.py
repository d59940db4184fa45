"""The documentation is complete, and its links lead somewhere."""

import importlib.util
import re
import tomllib
from pathlib import Path

import attrs
import click
import pytest

from haulage import Kind
from haulage.builtin.jsonl import kind_of
from haulage.cli.main import COMMANDS, program
from haulage.config.model import TopLevel
from haulage.contracts import policies
from haulage.keys import FIELDS
from haulage.registry.catalogue import PACKAGES
from haulage.registry.components import KINDS
from haulage.registry.installed import GROUP

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("plugins/*/README.md")])
REFERENCE = ROOT / "docs" / "reference"
CONFIG = (REFERENCE / "config.md").read_text()

specification = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
generate = importlib.util.module_from_spec(specification)
specification.loader.exec_module(generate)
GENERATED = generate.pages()


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    """Every link and picture inside the repository leads to a file that is there, and to a heading that it has."""
    text = page.read_text()
    for link in re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'(?:src|href)="([^"]+)"', text):
        if "://" not in link:
            target, _, anchor = link.partition("#")
            file = page.parent / target if target else page
            assert file.exists(), link
            assert not anchor or anchor in anchors(file.read_text()), link


def anchors(text):
    """The anchors that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", each).strip().lower().replace(" ", "-") for each in headings}


@pytest.mark.parametrize("page", GENERATED, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_page_says_what_the_code_says(page):
    """What is generated in a page is what the generator writes today."""
    same = page.read_text() == GENERATED[page]
    assert same, f"{page.relative_to(ROOT)} is not what the code says; run: nox -s docs"


def test_every_block_of_the_generator_is_in_a_page():
    """Nothing that can be told of the code is missing since a page lost its markers."""
    text = "".join(page.read_text() for page in GENERATED)
    for block in generate.BLOCKS:
        assert text.count(f"<!-- generated: {block} -->") == 1, f"no page has the block {block!r} exactly once"


@pytest.mark.parametrize("name", ["picture.svg", "status-watch.svg"])
def test_a_picture_is_whole_in_itself(name):
    """A picture of a terminal is small, fetches nothing, and shows no folder of the machine that it was made on."""
    picture = (ROOT / "docs" / name).read_text()
    assert len(picture) < 60_000
    assert not re.search(r"@import|@font-face|href=|url\((?!#)|/tmp|/home|/root|/Users", picture)


def test_every_session_is_described():
    """The guide for contributors has each session of the noxfile, and no other."""
    text = (ROOT / "noxfile.py").read_text()
    found = re.findall(r'@nox\.session\((?:.*name="([^"]+)"\))?.*\n(?:@.*\n)*def (\w+)', text)
    sessions = [name or function for name, function in found]
    table = (ROOT / "CONTRIBUTING.md").read_text().partition("| session |")[2].partition("\n\n")[0]
    told = [name for row in table.splitlines()[2:] for name in re.findall(r"`([^`]+)`", row.split("|")[1])]
    assert sorted(told) == sorted(sessions)


def test_every_page_is_in_the_index():
    """From the index a reader reaches every page, but for the fragments of the next changes."""
    index = (ROOT / "docs" / "README.md").read_text()
    for page in ROOT.glob("docs/*/*.md"):
        if page.parent.name != "changes":
            assert f"]({page.parent.name}/{page.name})" in index


def test_every_key_of_the_config_is_described():
    """The reference has a row for each key."""
    for field in attrs.fields(TopLevel):
        assert f"| `{field.name}` |" in CONFIG


@pytest.mark.parametrize("offer", generate.shipped(), ids=lambda offer: f"{offer.what} {offer.record.name}")
def test_every_option_is_described(offer):
    """The reference has a part for each component that is shipped, and a row in it for each of its options."""
    heading = f"### `{offer.record.name}` ({offer.what})\n"
    assert CONFIG.count(heading) == 1
    part = CONFIG.partition(heading)[2].partition("\n#")[0]
    for field in attrs.fields(offer.record.options):
        assert f"| `{field.alias or field.name}` |" in part


def test_what_is_shipped_is_what_the_packages_offer():
    """The components that the reference describes are those of the core and of every package, none of them broken."""
    shipped = {offer.record.name for offer in generate.shipped()}
    for path in ROOT.glob("plugins/*/pyproject.toml"):
        assert shipped >= set(tomllib.loads(path.read_text())["project"]["entry-points"][GROUP])
    assert shipped > {"local", "sqlalchemy", "exponential", "threads"}


def test_every_field_of_a_layout_is_described():
    """The reference has a row for each field."""
    for field in FIELDS:
        assert f"| `{{{field}}}` |" in CONFIG


def test_every_hook_is_described():
    """The reference has a part for each hook, with the record that it yields and the fields of that."""
    text = (REFERENCE / "hooks.md").read_text()
    for kind, (hook, _) in KINDS.items():
        part = text.partition(f"\n## `{hook}`\n")[2].partition("\n## ")[0]
        assert f"`{kind.__name__}`" in part
        for field in attrs.fields(kind):
            assert f"| `{field.name}` |" in text


def test_every_event_is_described():
    """The reference has a part for each event that observers are told."""
    kinds = [each for each in vars(policies).values() if isinstance(each, type) and issubclass(each, policies.Event)]
    told = re.findall(r"^## `(\w+)`$", (REFERENCE / "events.md").read_text(), re.MULTILINE)
    assert sorted(told) == sorted(kind_of(each) for each in kinds if not each.__subclasses__())


def test_the_catalogue_knows_what_the_packages_of_this_repository_offer():
    """What can be installed is told by the names that the packages and their entry points have."""
    for path in ROOT.glob("plugins/*/pyproject.toml"):
        project = tomllib.loads(path.read_text())["project"]
        for name in project["entry-points"][GROUP]:
            assert project["name"] in {package for (_, known), package in PACKAGES.items() if known == name}
            assert path.parent.name == project["name"]


def test_every_kind_of_failure_is_described():
    """The reference has a row for each kind, and for nothing else."""
    table = (REFERENCE / "failures.md").read_text().partition("## When it is stopped")[0]
    assert sorted(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == sorted(Kind)


def test_every_command_is_described():
    """The reference has a part for each command, and one for each that is below another, with all its options."""
    text = (REFERENCE / "commands.md").read_text()
    for path, command in commands(program, "haulage"):
        part = text.partition(f"# `{path}`\n")[2].partition("\n##")[0]
        assert f"```text\n{path} " in part
        shared = {} if command is program else {each.name for each in program.params}
        for parameter in command.params:
            if parameter.name not in shared:
                assert all(each in part for each in parameter.opts if each.startswith("-"))


def commands(command, path):
    """A command and all below it, with what is typed to run each."""
    yield path, command
    if isinstance(command, click.Group):
        ctx = click.Context(command)
        for name in command.list_commands(ctx):
            yield from commands(command.get_command(ctx, name), f"{path} {name}")


def test_every_command_is_shown():
    """The README or the tutorial shows each command."""
    text = (ROOT / "README.md").read_text() + (ROOT / "docs" / "tutorial" / "first-haul.md").read_text()
    for command in COMMANDS:
        assert f"haulage {command}" in text


def test_every_guarantee_names_its_tests():
    """The page of the guarantees has all nineteen, and names each module that tests one."""
    rows = re.findall(
        r"^\| G(\d+) \|.*\|([^|]+)\|$", (ROOT / "docs/explanation/guarantees.md").read_text(), re.MULTILINE
    )
    told = {f"test_g{int(number):02}": re.findall(r"faults/(\w+)\.py", tests) for number, tests in rows}
    assert len(told) == 19
    for number, names in told.items():
        assert names == sorted(path.stem for path in ROOT.glob(f"tests/faults/{number}_*.py")), number
        assert names, f"{number} has no test"
