"""The test matrix: `nox` runs what a contributor should run, `nox -l` lists the rest."""

import itertools
import json
import os
import shutil
import time
import tomllib
from pathlib import Path
from zipfile import ZipFile

# Set on some machines, and then every import of a large library compiles it anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

import nox

ROOT = Path(__file__).parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PYTHONS = nox.project.python_versions(PROJECT)
YTDLP, S3, GCS = "plugins/haulage-ytdlp", "plugins/haulage-s3", "plugins/haulage-gcs"
PROMETHEUS, OTEL = "plugins/haulage-prometheus", "plugins/haulage-otel"
ALL = (YTDLP, S3, GCS, PROMETHEUS, OTEL)
PLUGINS = tuple(itertools.chain.from_iterable(("-e", each) for each in ALL))

SHARED = ["environment-{python}"]
"""What sessions need that use the environment that has everything."""

ATOMIC = "; ".join(
    (
        "from coverage.collector import Collector",
        "Collector.lock_data = property(lambda self: self.data_lock.acquire)",
        "Collector.unlock_data = property(lambda self: self.data_lock.release)",
    )
)
"""Has coverage lock and unlock in one step each: where Ctrl-C came within, all threads would wait for it for ever."""

MEASURED = ("tests", "integration", "s3", "kit", "ytdlp", "gcs", "matrix", "observers")
"""The sessions by which coverage is measured."""

nox.needs_version = ">=2026.10"
nox.options.default_venv_backend = "uv"
nox.options.download_python = "never"
nox.options.error_on_missing_interpreters = False
nox.options.reuse_existing_virtualenvs = True
nox.options.parallel = (os.cpu_count() or 1) + 1  # tests wait for deadlines and signals now and then
nox.options.allow_parallel = True
nox.options.sessions = [
    *("lint", "types", "architecture", "docs"),
    *("faults(short)", "tests", "integration", "s3", "kit", "ytdlp", "examples", "gcs", "matrix"),  # the longest first
    *("observers", "demo", "build"),
]


def install(session: nox.Session, *what: str, group: str = "") -> None:
    """Install a dependency group, and parts of this checkout, in the versions that were tested."""
    tools = nox.project.dependency_groups(PROJECT, group) if group else ()
    session.install("-c", "constraints.txt", *what, *tools)
    if data := os.environ.get("MEASURED_TO"):
        _measure(session, data)


def run(session: nox.Session, program: str, *arguments: str) -> None:
    """Run a program of the environment that has everything, as if it were the session's own."""
    programs = Path(session.virtualenv.location).parent / f"environment-{str(session.python).replace('.', '-')}" / "bin"
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    session.run(str(programs / program), *arguments, env={"PATH": path}, external=True)


def _measure(session: nox.Session, data: str) -> None:
    """Have every Python process of a session's environment measured: also those that get no environment variables."""
    session.install("-c", "constraints.txt", "coverage")
    site = session.run("python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", silent=True)
    variables = {"COVERAGE_PROCESS_START": str(ROOT / "pyproject.toml"), "COVERAGE_FILE": data}
    start = f"import os; os.environ.update({variables}); import coverage; {ATOMIC}; coverage.process_startup()\n"
    Path(str(site).strip(), "measure.pth").write_text(start, encoding="utf-8")


@nox.session(python=PYTHONS, default=False)
def environment(session: nox.Session) -> None:
    """Install everything, once for all sessions that need no less: to install takes longer than some of them."""
    install(session, "-e", ".[testing]", *PLUGINS, "uv", group="everything")
    _remove(_cells(session))


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Test the core alone: no plugin is installed."""
    install(session, "-e", ".[testing]", group="servers")
    sessions = ("architecture", "examples", "faults", "integration", "matrix", "testing")
    others = (f"--ignore=tests/{each}" for each in sessions)
    session.run("pytest", "tests", *others, *session.posargs)


@nox.session(python=PYTHONS, requires=SHARED)
def kit(session: nox.Session) -> None:
    """Test the conformance kit, on components that are wrong in one thing each, and the servers for tests."""
    run(session, "pytest", "tests/testing", *session.posargs)


@nox.session(python=PYTHONS, requires=SHARED)
def ytdlp(session: nox.Session) -> None:
    """Test the yt-dlp fetcher."""
    run(session, "pytest", f"{YTDLP}/tests", *session.posargs)


@nox.session(python=PYTHONS, requires=SHARED)
def s3(session: nox.Session) -> None:
    """Test the S3 storage, on real servers."""
    run(session, "pytest", f"{S3}/tests", *session.posargs)


@nox.session(python=PYTHONS, requires=SHARED)
def gcs(session: nox.Session) -> None:
    """Test the Google Cloud Storage storage, on a real server."""
    run(session, "pytest", f"{GCS}/tests", *session.posargs)


@nox.session(python=PYTHONS, requires=SHARED)
def observers(session: nox.Session) -> None:
    """Test the metrics and the traces, with those who ask for them and who are sent them."""
    run(session, "pytest", f"{PROMETHEUS}/tests", f"{OTEL}/tests", *session.posargs)


@nox.session(python=PYTHONS)
def integration(session: nox.Session) -> None:
    """Haul from a real site, with everything installed."""
    install(session, "-e", ".[testing]", "-e", YTDLP, group="test")
    session.run("pytest", "tests/integration", *session.posargs)


@nox.session(python=PYTHONS[0], requires=SHARED)
@nox.parametrize("metadata", ["sqlite", "postgres"])
@nox.parametrize("storage", ["local", "s3-moto", "s3-seaweedfs", "gcs"])
def matrix(session: nox.Session, storage: str, metadata: str) -> None:
    """Haul the same videos with this storage and this database; of the config only their lines differ.

    Each cell prints the table of those that have ended; the last one's is whole.
    """
    chosen = (f"--storage={storage}", f"--metadata={metadata}")
    began, result = time.monotonic(), "failed"
    try:
        run(session, "pytest", "tests/matrix", *chosen, *session.posargs)
        result = "passed"
    finally:
        cells = _cells(session)
        cells.mkdir(parents=True, exist_ok=True)
        line = f"{storage:12}  {metadata:8}  {result} in {time.monotonic() - began:.0f} s\n"
        (cells / f"{storage} {metadata}").write_text(line, encoding="utf-8")
        session.log("the matrix so far:\n%s", "".join(sorted(each.read_text("utf-8") for each in cells.iterdir())))


def _remove(folder: Path) -> None:
    """Remove what a run before left, if there is any; what would stay of it would count as this one's."""
    if folder.exists():
        shutil.rmtree(folder)


def _cells(session: nox.Session) -> Path:
    """Where the cells of the matrix leave how they went."""
    return Path(session.cache_dir) / "matrix"


@nox.session(python=PYTHONS[0], requires=SHARED, name="faults(short)")
def faults_short(session: nox.Session) -> None:
    """Kill it, starve it and lie to it: each fault test with few rounds, and always the same lots."""
    _faults(session, "--numprocesses=2", "--extent=short", "--seed=215961")


@nox.session(python=PYTHONS[0], default=False, requires=SHARED)
def faults(session: nox.Session) -> None:
    """Kill it everywhere: each fault test with all its rounds, and other lots each time."""
    _faults(session, "--numprocesses=5", "--extent=full")


def _faults(session: nox.Session, *options: str) -> None:
    """Run the fault tests, in several processes side by side: they mostly wait, for leases, deadlines and signals."""
    run(session, "pytest", "tests/faults", *options, *session.posargs)


@nox.session(python=PYTHONS[0], default=False, requires=SHARED)
def mutants(session: nox.Session) -> None:
    """Take away one defence after the other, and see its fault test fail."""
    run(session, "python", "tests/faults/mutate.py", *session.posargs)


@nox.session(python=PYTHONS[0], default=False, requires=SHARED)
def benchmarks(session: nox.Session) -> None:
    """Measure commands on an archive of 100,000 videos, on SQLite and PostgreSQL; fails where one takes too long."""
    run(session, "python", "tests/benchmarks/measure.py", *session.posargs)


@nox.session(python=PYTHONS[0], requires=SHARED)
def examples(session: nox.Session) -> None:
    """Run the examples, the plugin among them from its wheel, and follow the tutorial for authors of plugins."""
    run(session, "pytest", "tests/examples", *session.posargs)


@nox.session(python=PYTHONS[0], default=False)
def coverage(session: nox.Session) -> None:
    """Run the tests once more, measured, in environments of their own; fails below 90 % of all branches."""
    session.install("-c", "constraints.txt", "coverage", "nox", "uv")
    data = Path(session.create_tmp()).resolve() / "data"
    _remove(data)
    data.mkdir()
    environ = {"MEASURED_TO": str(data / "of"), "COVERAGE_FILE": str(data / "of")}
    measured = session.posargs or MEASURED
    session.run("nox", "--envdir", str(ROOT / ".nox" / "measured"), "-s", *measured, env=environ)
    session.run("coverage", "combine", "--quiet", env=environ)
    session.run("coverage", "report", "--skip-covered", env=environ)
    told = data / "told.json"  # standard output has warnings too: of data files that a killed process left half
    session.run("coverage", "json", "--quiet", "-o", str(told), env=environ)
    totals = json.loads(told.read_text())["totals"]
    share = 100 * totals["covered_branches"] / totals["num_branches"]
    session.log("%.1f %% of %d branches", share, totals["num_branches"])
    if share < 90:
        session.error("less than 90 % of the branches are tested")


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


@nox.session(python=PYTHONS[0], requires=SHARED)
def types(session: nox.Session) -> None:
    """Check types."""
    run(session, "mypy", "src", *(f"{each}/src" for each in ALL), "noxfile.py", "docs")


@nox.session(python=PYTHONS[0], requires=SHARED)
def architecture(session: nox.Session) -> None:
    """Check who imports whom, how large modules are, and what is imported when."""
    run(session, "lint-imports")
    run(session, "pytest", "tests/architecture", *session.posargs)


@nox.session(python=PYTHONS[0], requires=SHARED)
def docs(session: nox.Session) -> None:
    """Write into the pages what the code says of itself, and check their links; fails where a page had to change."""
    run(session, "python", "docs/generate.py")
    run(session, "pytest", "tests/architecture/test_docs.py", *session.posargs)


@nox.session(python=PYTHONS[0])
def picture(session: nox.Session) -> None:
    """Make the pictures of the README and the pages anew: of real hauls, and of an archive that was generated."""
    install(session, "-e", ".[testing,plot]", "-e", YTDLP, "-e", S3)
    session.run("python", "docs/picture.py")
    session.run("python", "docs/usage_picture.py")


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
