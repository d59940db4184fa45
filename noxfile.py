"""The test matrix: `nox` runs what a contributor should run, `nox -l` lists the rest."""

import os
import tomllib
from pathlib import Path

# Set on some machines, and then every import of a large library compiles it anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

import nox

ROOT = Path(__file__).parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PYTHONS = nox.project.python_versions(PROJECT)
YTDLP = "plugins/haulage-ytdlp"

nox.needs_version = ">=2025.2"
nox.options.default_venv_backend = "uv"
nox.options.download_python = "never"
nox.options.error_on_missing_interpreters = False
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["lint", "types", "architecture", "tests", "ytdlp", "integration", "demo"]


def install(session: nox.Session, *what: str, group: str = "") -> None:
    """Install a dependency group, and parts of this checkout, in the versions that were tested."""
    tools = nox.project.dependency_groups(PROJECT, group) if group else ()
    session.install("-c", "constraints.txt", *what, *tools)


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Test the core alone: no plugin is installed."""
    install(session, "-e", ".[testing]", group="test")
    session.run("pytest", "tests", "--ignore=tests/integration", "--ignore=tests/architecture", *session.posargs)


@nox.session(python=PYTHONS)
def ytdlp(session: nox.Session) -> None:
    """Test the yt-dlp fetcher."""
    install(session, "-e", ".[testing]", "-e", YTDLP, group="test")
    session.run("pytest", f"{YTDLP}/tests", *session.posargs)


@nox.session(python=PYTHONS)
def integration(session: nox.Session) -> None:
    """Haul from a real site, with everything installed."""
    install(session, "-e", ".[testing]", "-e", YTDLP, group="test")
    session.run("pytest", "tests/integration", *session.posargs)


@nox.session(python=PYTHONS[0])
def demo(session: nox.Session) -> None:
    """Run the demo, in a folder of its own."""
    install(session, "-e", ".[testing]", "-e", YTDLP)
    session.run("haulage", "demo", "--folder", str(Path(session.create_tmp()) / "demo"))


@nox.session(python=PYTHONS[0])
def lint(session: nox.Session) -> None:
    """Check style and formatting."""
    install(session, group="lint")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")


@nox.session(python=PYTHONS[0])
def types(session: nox.Session) -> None:
    """Check types."""
    install(session, "-e", ".[testing]", "-e", YTDLP, group="types")
    session.run("mypy", "src", f"{YTDLP}/src", "noxfile.py")


@nox.session(python=PYTHONS[0])
def architecture(session: nox.Session) -> None:
    """Check who imports whom, how large modules are, and what is imported when."""
    install(session, "-e", ".[testing]", "-e", YTDLP, group="architecture")
    session.run("lint-imports")
    session.run("pytest", "tests/architecture", *session.posargs)
