"""`haulage plugins`, and a program whose neighbours are broken."""

import os
import subprocess
import sys
import textwrap

import pytest

HEAD = """
from attrs import frozen
from haulage.plugin import Capabilities, ObserverComponent, StorageComponent, hookimpl, option

def build(options, context):
    raise AssertionError("nothing is built")
"""

TAPE = """
@frozen
class Options:
    drive: str = option(help="The [bold] drive.", example="/dev/st0")
    blocks: int | None = option(None, help="How many at once.")
    password: str = option("", help="Opens it.", secret=True)

@hookimpl
def haulage_storages():
    yield StorageComponent("tape", "Magnetic tape.", Options, build, capabilities=Capabilities(keeps_info=True))
"""

BROKEN = {
    "arguments": ("@hookimpl\ndef haulage_storages(config): ...",
                  "hook 'haulage_storages' takes no arguments, and here it has 'config'"),
    "exits": ("raise SystemExit(9)", "SystemExit: 9"),
    "imports": ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
    "raises": ("@hookimpl\ndef haulage_storages():\n    raise OSError('no drive')", "OSError: no drive"),
    "spelling": ("@hookimpl\ndef haulage_storage(): ...",
                 "unknown hook 'haulage_storage'; did you mean 'haulage_storages'?"),
    "syntax": ("def :", "SyntaxError: invalid syntax (broken_syntax.py, line 7)"),
    "yields": ("@hookimpl\ndef haulage_storages():\n    yield 'tape'",
               "hook 'haulage_storages' yields str instead of StorageComponent"),
}  # fmt: skip
"""Plugins that cannot be used, each with what is said of it."""

BUILT_IN = """\
storage\tlocal\tbuilt in\tPlain files in a folder.
storage\tmemory\tbuilt in\tThe memory of this process.
metadata store\tsqlalchemy\tbuilt in\tA SQL database: SQLite, or PostgreSQL.
metadata store\tmemory\tbuilt in\tThe memory of this process.
retry policy\texponential\tbuilt in\tWaits that grow by a factor.
executor\tthreads\tbuilt in\tThreads of this process.
observer\tjsonl\tbuilt in\tEach event as a line of JSON.
"""
YTDLP = "fetcher\tyt-dlp\thaulage-ytdlp 0.1.0\tWhatever yt-dlp can download.\n"


@pytest.fixture
def install(tmp_path_factory, monkeypatch):
    """Install distributions for the programs of a test."""
    folder = tmp_path_factory.mktemp("site")
    monkeypatch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)

    def install(name, point, body, version="1.0"):
        module = name.replace("-", "_")
        (folder / f"{module}.py").write_text(HEAD + textwrap.dedent(body))
        info = folder / f"{module}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[haulage.v1]\n{point} = {module}\n")

    return install


def on_a_terminal(program, *arguments):
    """What it shows on a terminal of eighty columns."""
    master, slave = os.openpty()
    environ = {**os.environ, "COLUMNS": "80", "TERM": "dumb"}
    command = [sys.executable, "-m", "haulage", *arguments]
    subprocess.run(command, cwd=program.folder, env=environ, stdin=slave, stdout=slave, stderr=slave, check=True)
    os.close(slave)
    shown = b""
    try:
        while part := os.read(master, 65536):
            shown += part
    except OSError:  # how a terminal ends
        pass
    os.close(master)
    return [line.rstrip() for line in shown.decode().splitlines()]


def test_broken_neighbours_do_no_harm(site, program, install):
    """Whatever is wrong with what is installed beside, every command works, and `plugins` says what is wrong."""
    for name, (body, _) in BROKEN.items():
        install(f"broken-{name}", name, body)
    for arguments in (["list"], ["status", "--json"], ["get", site.url("clip.mp4")], ["plugins", "show", "local"]):
        result = program.run(*arguments)
        assert (result.returncode, "broken-" in result.stdout + result.stderr) == (0, False), result
    result = program.run("plugins")
    assert (result.returncode, result.stderr) == (0, "")
    said = "".join(f"broken\t{name}\tbroken-{name} 1.0\t{error}\n" for name, (_, error) in BROKEN.items())
    assert result.stdout == BUILT_IN + YTDLP + said
    assert program.json("plugins", "--json")["broken"] == [
        {"name": name, "from": f"broken-{name} 1.0", "error": error} for name, (_, error) in BROKEN.items()
    ]


def test_a_broken_plugin_is_told_to_who_needs_it(program, install):
    """In the config with its place, and by `plugins show`; both with exit code and cause."""
    install("haulage-tape", "tape", "import no_such_module", "0.1.0")
    (program.folder / "haulage.yaml").write_text("storages: {attic: {type: tape}}\n")
    cause = "haulage-tape 0.1.0 offers it but failed to load: ModuleNotFoundError: No module named 'no_such_module'"
    result = program.run("list")
    assert (result.returncode, result.stderr) == (
        2, f"haulage: haulage.yaml:1:20: storages.attic.type: storage 'tape': {cause}\n",
    )  # fmt: skip
    result = program.run("plugins", "show", "tape")
    assert (result.returncode, result.stdout, result.stderr) == (3, "", f"haulage: component 'tape': {cause}\n")


def test_a_conflict_is_told_and_ended(program, install):
    """`plugins` names both; the config that needs the name is refused until one is disabled."""
    install("haulage-a", "tape", TAPE)
    install("haulage-b", "tape", TAPE, "2.0")
    conflict = (
        "storage 'tape' is offered by haulage-a 1.0 and by haulage-b 2.0; disable one with plugins: {disable: [...]}"
    )
    assert program.run("list").returncode == 0
    assert program.run("plugins").stdout == (
        f"{BUILT_IN}storage\ttape\thaulage-a 1.0\t{conflict}\nstorage\ttape\thaulage-b 2.0\t{conflict}\n{YTDLP}"
    )
    config = "storages: {attic: {type: tape, drive: /dev/st0}}\n"
    (program.folder / "haulage.yaml").write_text(config)
    result = program.run("list")
    assert (result.returncode, result.stderr) == (
        2, f"haulage: haulage.yaml:1:20: storages.attic.type: {conflict}\n",
    )  # fmt: skip
    (program.folder / "haulage.yaml").write_text(config + "plugins: {disable: [haulage-a]}\n")
    assert program.run("list").returncode == 0
    assert "storage\ttape\thaulage-b 2.0\tMagnetic tape.\n" in program.run("plugins").stdout
    (program.folder / "haulage.yaml").write_text(config + "plugins: {disable: [haulage-aa]}\n")
    unknown = "haulage: haulage.yaml:2:21: plugins.disable[0]: unknown plugin 'haulage-aa'; did you mean 'haulage-a'?"
    for arguments in (["list"], ["plugins"]):
        result = program.run(*arguments)
        assert (result.returncode, result.stderr.splitlines()[-1]) == (2, unknown)


def test_plugins_are_shown_whatever_is_wrong_with_the_config(program):
    """It is where the names are found that a config needs."""
    (program.folder / "haulage.yaml").write_text("wrokers: 3\nfetcher: {type: none}\n")
    assert program.run("plugins").stdout == BUILT_IN + YTDLP


def test_no_plugins(program, install):
    """Only what is built in and what -p names is used; the option stands before the command or behind it."""
    install("haulage-tape", "tape", TAPE)
    mine = "storage\ttape\thaulage_tape\tMagnetic tape.\n"
    assert program.run("plugins", "--no-plugins").stdout == BUILT_IN
    assert program.run("--no-plugins", "plugins", "-p", "haulage_tape").stdout == BUILT_IN + mine
    result = program.run("list", "--no-plugins")
    assert (result.returncode, result.stderr) == (
        2,
        "haulage: haulage.yaml:1:1: fetcher: fetcher 'yt-dlp': haulage-ytdlp 0.1.0 offers it but is disabled;"
        " leave out --no-plugins\n",
    )


def test_the_table_on_a_terminal(program, install):
    """Titles, and cells that wrap where eighty columns are not enough."""
    install("haulage-tape", "tape", "import no_such_module")
    shown = on_a_terminal(program, "plugins")
    assert (
        shown
        == """\
Kind            Name         From                 Summary
storage         local        built in             Plain files in a folder.
storage         memory       built in             The memory of this process.
metadata store  sqlalchemy   built in             A SQL database: SQLite, or
                                                  PostgreSQL.
metadata store  memory       built in             The memory of this process.
retry policy    exponential  built in             Waits that grow by a factor.
executor        threads      built in             Threads of this process.
observer        jsonl        built in             Each event as a line of JSON.
fetcher         yt-dlp       haulage-ytdlp 0.1.0  Whatever yt-dlp can download.
broken          tape         haulage-tape 1.0     ModuleNotFoundError: No module
                                                  named 'no_such_module'
""".splitlines()
    )


def test_a_component_is_explained(program, install):
    """Where it comes from, what it claims, its options, and lines that work as they are."""
    install("haulage-tape", "tape", TAPE)
    assert (
        on_a_terminal(program, "plugins", "show", "tape")
        == """\
storage tape: Magnetic tape.
from: haulage-tape 1.0
claims: keeps_info

Option    Type                     Default   What it is         Example
drive     text                     required  The [bold] drive.  /dev/st0
blocks    whole number or nothing            How many at once.
password  text                     ""        Opens it.

In the config:

storages:
  archive:
    type: tape
    drive: /dev/st0
""".splitlines()
    )
    [told] = program.json("plugins", "show", "tape", "--json")
    assert program.json("plugins", "--json", "show", "tape") == [told]
    option = {"type": "text", "example": "", "secret": False, "required": False}
    assert told == {
        "kind": "storage",
        "name": "tape",
        "from": "haulage-tape 1.0",
        "summary": "Magnetic tape.",
        "problem": None,
        "capabilities": {
            "keeps_info": True,
            "checks_content": False,
            "exclusive_create": False,
            "conditional_replace": False,
        },
        "options": [
            {**option, "name": "drive", "default": None, "help": "The [bold] drive.", "example": "/dev/st0",
             "required": True},
            {**option, "name": "blocks", "type": "whole number or nothing", "default": "", "help": "How many at once."},
            {**option, "name": "password", "default": '""', "help": "Opens it.", "secret": True},
        ],
        "example": "storages:\n  archive:\n    type: tape\n    drive: /dev/st0",
    }  # fmt: skip
    (program.folder / "haulage.yaml").write_text(told["example"])
    assert program.run("list").returncode == 0


def test_components_of_one_name_are_all_explained(program, install):
    """Whatever their kinds; in a pipe the options are lines with tabs in between."""
    both = """
@frozen
class Empty:
    pass

@hookimpl
def haulage_observers():
    yield ObserverComponent("tape", "Plays a tune.", Empty, build)
"""
    install("haulage-tape", "tape", TAPE + both)
    assert (
        program.run("plugins", "show", "tape").stdout
        == """\
storage tape: Magnetic tape.
from: haulage-tape 1.0
claims: keeps_info

drive\ttext\trequired\tThe [bold] drive.\t/dev/st0
blocks\twhole number or nothing\t\tHow many at once.\t
password\ttext\t""\tOpens it.\t

In the config:

storages:
  archive:
    type: tape
    drive: /dev/st0

observer tape: Plays a tune.
from: haulage-tape 1.0

It has no options.

In the config:

observers:
  watcher:
    type: tape
"""
    )


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("locl", 2, "there is no component 'locl'; did you mean 'local'?"),
        ("gcs", 3, "component 'gcs' is not installed; install it with: pip install haulage-gcs"),
        (
            "xyz",
            2,
            "there is no component 'xyz'; there are: exponential, jsonl, local, memory, sqlalchemy, threads, yt-dlp",
        ),
    ],
)
def test_a_name_that_is_not_there(program, name, code, said):
    """It is told with the cure."""
    result = program.run("plugins", "show", name)
    assert (result.returncode, result.stdout, result.stderr) == (code, "", f"haulage: {said}\n")
