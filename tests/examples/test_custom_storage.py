"""The example of a storage that somebody else publishes: built, installed beside haulage, and tested from there."""

import shutil
import subprocess
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "custom-storage"


def run(*command, **rest):
    """Run a command to its end, and return what it said."""
    ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **rest)
    assert ran.returncode == 0, ran.stdout
    return ran.stdout


@pytest.mark.timeout(300)  # all laws, over a wire
def test_the_package_keeps_the_laws_where_its_sources_are_out_of_reach(tmp_path, environ):
    """Installed from its wheel, it is found by its entry point and passes every law on a real server."""
    here = {"cwd": tmp_path, "env": environ}
    run("uv", "venv", "--quiet", **here)
    run("uv", "pip", "install", "--quiet", "haulage-sftp[testing]", **here)
    shutil.copytree(EXAMPLE / "tests", tmp_path / "tests")
    shutil.copy(EXAMPLE / "pyproject.toml", tmp_path)
    python = str(tmp_path / ".venv" / "bin" / "python")
    file = run(python, "-c", "import haulage_sftp; print(haulage_sftp.__file__)", **here).strip()
    assert Path(file).is_relative_to(tmp_path / ".venv")
    said = run(python, "-m", "pytest", "-q", "tests", **here)
    told = said.rpartition("laws of haulage")[2]
    assert "TestSftp: " in told
    assert not {"failed", "xfailed", "skipped"} & set(told.replace(",", "").split()), told


def test_a_storage_takes_fewer_than_sixty_lines():
    """All of the plugin's code, with its comments and empty lines."""
    lines = [line for path in (EXAMPLE / "src").rglob("*.py") for line in path.read_text().splitlines()]
    assert len(lines) < 60
