"""Measures how long commands take on an archive of 100,000 videos; fails where one takes too long.

`nox -s benchmarks` runs this. What counts is the median of five runs, less what `haulage --version` takes.
"""

import argparse
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
CONFIG = """
storages: {{archive: {{type: s3, bucket: films, region: eu-central-1}}}}
database: {url}
retention:
  - {{max_age: 900d, keep_last: 10}}
  - {{max_total: 5TB}}
  - {{max_cost: 100 USD}}
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
        for database, url in (("sqlite", "sqlite:///haulage.db"), ("postgresql", postgres.database())):
            folder = Path(name) / database
            folder.mkdir()
            write(url, folder, jobs)
            (folder / "haulage.yaml").write_text(CONFIG.format(url=url), encoding="utf-8")
            slow += measured(database, folder)
    return 1 if slow else 0


def measured(database: str, folder: Path) -> int:
    """How many of the commands took too long in a folder."""
    version, slow = taken(folder, ("--version",)), 0
    print(f"{database:12} {'--version':20} {version:6.2f} s")
    for command in COMMANDS:
        more = taken(folder, command) - version
        slow += more >= BOUND
        print(f"{database:12} {' '.join(command):20} {more:+6.2f} s  {'too slow' if more >= BOUND else 'good'}")
    return slow


def taken(folder: Path, command: Sequence[str]) -> float:
    """Seconds that a command takes: the median of five."""
    seconds = []
    for _ in range(RUNS):
        began = time.perf_counter()
        program = [sys.executable, "-m", "haulage", *command]
        subprocess.run(program, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        seconds.append(time.perf_counter() - began)
    return median(seconds)


if __name__ == "__main__":
    sys.exit(main())
