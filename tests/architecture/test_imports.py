"""What is imported when: the command line starts quickly, and listing plugins loads no backend."""

import subprocess
import sys

import pytest

BACKENDS = {"sqlalchemy", "fsspec", "yt_dlp", "av", "rich", "cattrs", "ruamel", "requests", "imageio_ffmpeg"}


def imported_by(code):
    """The top-level modules that are there after some code ran in a fresh interpreter."""
    told = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print('\\n'.join(sys.modules), file=sys.stderr)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return {line.partition(".")[0] for line in told.stderr.splitlines()}


@pytest.mark.parametrize(
    "arguments", [["--version"], ["--help"], ["get", "--help"], ["plugins", "show", "--help"], ["config", "--help"]]
)
def test_asking_for_help_imports_no_backend(arguments):
    """Neither `--version` nor help imports what only work needs."""
    code = f"from haulage.cli.main import run; run({arguments})"
    assert not imported_by(code) & BACKENDS


@pytest.mark.parametrize("command", ["check", "explain", "schema"])
def test_the_config_is_told_of_without_a_backend(command):
    """What `haulage config` tells comes from options classes alone: nothing is imported that a build would need."""
    code = f"from haulage.cli.main import run; assert run(['config', '{command}']) == 0"
    assert not imported_by(code) & {"sqlalchemy", "fsspec", "yt_dlp", "av", "rich", "requests", "imageio_ffmpeg"}


@pytest.mark.parametrize("arguments", [["plugins"], ["plugins", "--json"], ["plugins", "show", "yt-dlp"]])
def test_listing_plugins_imports_no_backend(arguments):
    """All hooks of all shipped plugins answer without importing what their components need."""
    code = f"from haulage.cli.main import run; assert run({arguments}) == 0"
    assert not imported_by(code) & BACKENDS - {"rich", "cattrs", "ruamel"}


def test_an_author_who_imports_the_plugin_module_imports_no_backend():
    """What haulage.plugin offers for fsspec imports it when it is used, not before."""
    assert not imported_by("import haulage.plugin") & BACKENDS - {"cattrs"}


def test_the_parent_never_imports_what_parses_pages_or_media():
    """Building the fetcher brings neither yt-dlp nor av into haulage's own process."""
    code = (
        "from haulage_ytdlp.plugin import haulage_fetchers; from haulage.plugin import BuildContext; import pathlib\n"
        "[offered] = haulage_fetchers(); offered.build(offered.options(), BuildContext('', pathlib.Path(), {})).close()"
    )
    assert not imported_by(code) & {"yt_dlp", "av"}


def test_what_needs_no_test_runner_imports_none():
    """The loopback site, which the demo uses, comes without pytest and hypothesis; the kit brings them when it must."""
    assert not imported_by("from haulage.testing import LoopbackSite") & {"pytest", "hypothesis"}
    assert {"pytest", "hypothesis"} <= imported_by("from haulage.testing import StorageTests")
