"""Measures how long commands take on an archive of 100,000 videos; fails where one takes too long.

`nox -s benchmarks` runs this. What counts is the median of five runs, less what `haulage --version` takes.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

sys.path.append(str(Path(__file__).parent))

from archive import write

from haulage.testing.servers.postgres import Postgres

JOBS = 100_000
BOUND = 1.5
"""Seconds more than `haulage --version` that a command may take."""

RUNS = 5
COMMANDS: Sequence[Sequence[str]] = (("status",), ("usage", "--cost"), ("prune", "--dry-run"))
MIRRORED: Sequence[Sequence[str]] = (("status",),)
"""What is measured where there is a mirror, which may be owed something."""

CONFIG = """
storages: {{archive: {{type: s3, bucket: films, region: eu-central-1}}{mirror}}}
database: {url}
subscriptions:
  news: {{url: https://example.com/news, retention: [{{max_age: 700d}}, {{keep_last: 5}}]}}
retention:
  - {{max_age: 900d, keep_last: 10}}
  - {{max_total: 38TB}}
  - {{max_cost: 700 USD}}
  - {{keep: ["*interview*", "youtube:a*"]}}
"""


def main() -> int:
    """Measure on both databases; 1 where a command took too long."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=JOBS, help="How many.")
    jobs = parser.parse_args().jobs
    slow = 0
    make = tempfile.TemporaryDirectory
    with make() as name, make() as server, Postgres(Path(server)) as postgres:
        for database in ("sqlite", "postgresql"):
            for commands, mirrors in ((COMMANDS, ()), (MIRRORED, ("nas",))):
                folder = Path(name) / "-".join((database, *mirrors))
                folder.mkdir()
                url = "sqlite:///haulage.db" if database == "sqlite" else postgres.database()
                write(url, folder, jobs, storages=("archive", *mirrors))
                mirror = "".join(f", {each}: /mnt/{each}" for each in mirrors)
                (folder / "haulage.yaml").write_text(CONFIG.format(url=url, mirror=mirror), encoding="utf-8")
                slow += measured(folder.name, folder, commands)
    return 1 if slow else 0


def measured(name: str, folder: Path, commands: Sequence[Sequence[str]]) -> int:
    """How many of the commands took too long in a folder."""
    version, slow = taken(folder, ("--version",)), 0
    print(f"{name:14} {'--version':12} {version:6.2f} s", flush=True)
    for command in commands:
        more = taken(folder, command) - version
        slow += more >= BOUND
        verdict = "too slow" if more >= BOUND else "good"
        print(f"{name:14} {' '.join(command):12} {more:+6.2f} s  {verdict}", flush=True)
    return slow


def taken(folder: Path, command: Sequence[str]) -> float:
    """Seconds that a command takes: the median of five."""
    # As it is installed: without compiled modules the compiler is measured, two seconds for what a command imports.
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    seconds = []
    for _ in range(RUNS):
        began = time.perf_counter()
        program = [sys.executable, "-m", "haulage", *command]
        subprocess.run(program, cwd=folder, env=environ, check=True, stdout=subprocess.DEVNULL)
        seconds.append(time.perf_counter() - began)
    return median(seconds)


if __name__ == "__main__":
    sys.exit(main())
