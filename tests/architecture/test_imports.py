"""What is imported when: the command line starts quickly, and listing plugins loads no backend."""

import subprocess
import sys

import pytest

BACKENDS = {"sqlalchemy", "yt_dlp", "av", "rich", "cattrs", "ruamel", "requests", "imageio_ffmpeg"}


def imported_by(code):
    """The top-level modules that are there after some code ran in a fresh interpreter."""
    told = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print('\\n'.join(sys.modules), file=sys.stderr)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return {line.partition(".")[0] for line in told.stderr.splitlines()}


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["get", "--help"]])
def test_asking_for_help_imports_no_backend(arguments):
    """Neither `--version` nor help imports what only work needs."""
    code = f"from haulage.cli.main import run; run({arguments})"
    assert not imported_by(code) & BACKENDS


def test_listing_plugins_imports_no_backend():
    """All hooks of all shipped plugins answer without importing what their components need."""
    code = (
        "from haulage.registry.host import Host\n"
        "from haulage.registry.components import FetcherComponent, StorageComponent\n"
        "Host().find(FetcherComponent, 'yt-dlp'); Host().find(StorageComponent, 'local')"
    )
    assert not imported_by(code) & {"sqlalchemy", "yt_dlp", "av", "rich", "requests", "imageio_ffmpeg"}


def test_the_parent_never_imports_what_parses_pages_or_media():
    """Building the fetcher brings neither yt-dlp nor av into haulage's own process."""
    code = "import os; from haulage_ytdlp.fetcher import YtDlpFetcher; YtDlpFetcher(os.environ, ()).close()"
    assert not imported_by(code) & {"yt_dlp", "av"}
