"""The test matrix: `nox` runs what a contributor should run, `nox -l` lists the rest."""

import os
import shutil
import tomllib
from pathlib import Path
from zipfile import ZipFile

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
nox.options.sessions = ["lint", "types", "architecture", "docs", "tests", "ytdlp", "integration", "demo", "build"]


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
    session.run("mypy", "src", f"{YTDLP}/src", "noxfile.py", "docs")


@nox.session(python=PYTHONS[0])
def architecture(session: nox.Session) -> None:
    """Check who imports whom, how large modules are, and what is imported when."""
    install(session, "-e", ".[testing]", "-e", YTDLP, group="architecture")
    session.run("lint-imports")
    session.run("pytest", "tests/architecture", *session.posargs)


@nox.session(python=PYTHONS[0])
def docs(session: nox.Session) -> None:
    """Write into the pages what the code says of itself, and check their links; fails where a page had to change."""
    install(session, "-e", ".[testing]", "-e", YTDLP, group="test")
    session.run("python", "docs/generate.py")
    session.run("pytest", "tests/architecture/test_docs.py", *session.posargs)


@nox.session(python=PYTHONS[0])
def picture(session: nox.Session) -> None:
    """Make the picture in the README anew, from a real haul."""
    install(session, "-e", ".[testing]", "-e", YTDLP)
    session.run("python", "docs/picture.py")


@nox.session(python=PYTHONS[0], reuse_venv=False)
def build(session: nox.Session) -> None:
    """Build all packages, look into them, and run the demo from the wheels, with the sources out of reach."""
    folder = Path(session.create_tmp()).resolve()
    shutil.rmtree(folder)
    built, elsewhere = folder / "dist", folder / "elsewhere"
    elsewhere.mkdir(parents=True)
    session.run("uv", "build", "--quiet", "--all-packages", "--out-dir", str(built))
    wheels = sorted(built.glob("*.whl"))
    for wheel in wheels:
        if problems := missing_or_odd(ZipFile(wheel).namelist()):
            session.error(f"{wheel.name}: {'; '.join(problems)}")
    session.install("-c", "constraints.txt", *map(str, wheels), "haulage[testing]")
    session.chdir(elsewhere)
    modules = ", ".join(wheel.name.partition("-")[0] for wheel in wheels)
    ask = f"import sysconfig, {modules}; print(sysconfig.get_path('purelib'), *(each.__file__ for each in [{modules}]))"
    site, *files = str(session.run("python", "-c", ask, silent=True)).split()
    if strays := [file for file in files if not Path(file).is_relative_to(site)]:
        session.error(f"imported from elsewhere than the wheels: {', '.join(strays)}")
    session.run("python", "-m", "haulage", "--version")
    session.run("haulage", "demo")


def missing_or_odd(names: list[str]) -> list[str]:
    """Say what is wrong with the files of a wheel."""
    wanted = {"py.typed": "it has no py.typed", "LICENSE": "it has no licence"}
    problems = [said for name, said in wanted.items() if not any(each.endswith(f"/{name}") for each in names)]
    return problems + [f"it has {each}" for each in names if "tests" in Path(each).parts]
