"""G07. A sleeper cannot overwrite: a worker that lost its lease records nothing, and the object is its successor's.

A worker is stopped past its lease, another one takes its job over and finishes, and then the first one goes on. It may
publish over its successor only where it was stopped within a commit, in a store that cannot refuse that.
"""

import contextlib
import os
import random
import signal
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve, frozen
from harness.chains import CHAINS, Chain, make_chain
from harness.warm import Ran, start_warm

pytestmark = pytest.mark.timeout(300)  # they all run at once, in the set-up of the first one

LEASE = 4
"""Seconds."""

AT_ONCE = 9
"""How many sleep at the same time."""

TABLES = ("video_processing_jobs", "attempts", "videos", "stored_objects", "sites")

EARLY = (
    "store.claim after 1",
    "workspace.occupy after 1",
    "attempt.progress after 1",
    "fetcher.fetch after 1",
    "store.save after 3",
)
"""Where a worker is stopped before it has to do with a storage; after the third save the download is recorded."""

LATE = (
    "storage.begin before 2",  # the first one is the look whether it can be written to
    "storage.begin after 2",
    "upload.write after 1",
    "upload.commit before 1",
    "upload.show before 1",
    "upload.commit after 1",
    "workspace.clear before 1",
)
"""Where a worker is stopped while it stores."""

OF_OTHERS = 2
"""How many of these for each storage that is a service, as the lots fall, where there is not time for all."""

MARKED = frozenset({"upload.commit after 1", "workspace.clear before 1"})
"""Where the sleeper had made the object visible before."""


@frozen
class Seen:
    """What other clients than haulage see.

    Attributes:
        rows: Of all tables.
        objects: What is stored, by key; local files also by which they are, and since when.
        folders: What lies in the work folders of attempts, by their names.
    """

    rows: dict[str, list[dict[str, Any]]]
    objects: dict[str, Any]
    folders: dict[str, dict[str, int]]

    @classmethod
    def of(cls, chain: Chain) -> "Seen":
        """Look."""
        rows = {table: chain.database.rows(f"select * from {table} order by 1") for table in TABLES}
        objects: dict[str, Any] = dict(chain.place.objects())
        if chain.name == CHAINS[0]:
            status = {key: (chain.program.folder / "library" / key).stat() for key in objects}
            objects = {key: (found, status[key].st_ino, status[key].st_mtime_ns) for key, found in objects.items()}
        attempts = [folder for folder in chain.workspace.glob("*/*") if folder.is_dir()]
        return cls(rows, objects, {folder.name: _files(folder) for folder in attempts})


def _files(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in folder.iterdir() if path.is_file()}


@frozen
class Nap:
    """What was seen of a sleeper and of its successor.

    Attributes:
        slept: Whether it was stopped where it should be, until its successor had ended.
        before: When it was stopped.
        taken_over: When its successor had ended.
        after: When it had ended too.
        successor: How its successor ended.
        sleeper: How it ended itself.
    """

    slept: bool
    before: Seen
    taken_over: Seen
    after: Seen
    successor: Ran
    sleeper: Ran


@pytest.fixture(scope="module")
def naps(
    request: pytest.FixtureRequest, site: Any, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str, str], Nap]:
    """What became of each sleeper that is asked about: they all sleep at once."""
    asked = [each.callspec.params for each in request.session.items if each.path == request.path and _is_case(each)]
    cases = list(dict.fromkeys((each["name"], each["point"]) for each in asked))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = {
            case: pool.submit(
                _nap, _chain(case[0], tmp_path_factory.mktemp("nap"), request), case[1], site.url(f"clip.mp4?nap-{n}")
            )
            for n, case in enumerate(cases)
        }
    return lambda name, point: found[name, point].result()


def _is_case(item: pytest.Item) -> bool:
    return "point" in getattr(getattr(item, "callspec", None), "params", {})


def _chain(name: str, folder: Path, request: pytest.FixtureRequest) -> Chain:
    chain = make_chain(name, folder, request, "light")
    config = folder / "haulage.yaml"
    config.write_text(f"{config.read_text()}lease: {LEASE}s\n")
    options = (*chain.program.options, "-p", "light_fetcher", "-p", "last_moment")
    return evolve(chain, program=evolve(chain.program, options=options))


def _nap(chain: Chain, point: str, url: str) -> Nap:
    sleeper = start_warm(chain.program, "get", url, CRASH_AT=point, CRASH_HOW="stop")
    try:
        slept = _stops(sleeper.pid)
        before = Seen.of(chain)
        successor = start_warm(chain.program, "get", url).end()
        taken_over = Seen.of(chain)
        slept = slept and _state(sleeper.pid) == "T"
    finally:
        os.kill(sleeper.pid, signal.SIGCONT)
        ended = sleeper.end()
    return Nap(slept, before, taken_over, Seen.of(chain), successor, ended)


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def _stops(pid: int) -> bool:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if (state := _state(pid)) in "TZ":
            return state == "T"
        time.sleep(0.02)
    return False


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Everywhere with files; with services too where there is time for it, otherwise as the lots fall."""
    if "point" in metafunc.fixturenames:
        lots = random.Random(metafunc.config.getoption("--seed"))
        full = metafunc.config.getoption("--extent") == "full"
        cases = [(CHAINS[0], point) for point in (*EARLY, *LATE)]
        cases += [(name, each) for name in CHAINS[1:] for each in (LATE if full else lots.sample(LATE, OF_OTHERS))]
        metafunc.parametrize(("name", "point"), cases, ids=[f"{name}, {point}" for name, point in cases])


def test_a_sleeper_records_nothing(naps, name, point):
    """Every row is as its successor left it, and both programs end well."""
    nap = naps(name, point)
    assert nap.slept, f"it was not stopped: {nap.sleeper}"
    assert nap.successor.code == 0, nap.successor.said
    assert nap.after.rows == nap.taken_over.rows, "a worker that lost its lease has written into the database"
    assert (nap.successor.code, nap.sleeper.code) == (0, 0), f"{nap.successor.said}{nap.sleeper.said}"
    assert "Traceback" not in nap.successor.said + nap.sleeper.said


def test_the_object_is_the_successors(naps, name, point, digest):
    """It is whole before and after the sleeper goes on, the same one, and that of the attempt that its row names."""
    nap = naps(name, point)
    assert nap.after.objects == nap.taken_over.objects, "a worker that lost its lease has published an object"
    found = {key: each[0] if isinstance(each, tuple) else each for key, each in nap.after.objects.items()}
    copies = {each["key"]: each for each in nap.after.rows["stored_objects"]}
    assert {key: (each.size, each.sha256) for key, each in found.items()} == {
        key: (copy["size"], copy["sha256"]) for key, copy in copies.items()
    }, "what is stored is not what its row says"
    assert digest("clip.mp4") in {each.sha256 for each in found.values()}, "the video is not whole"
    first, *_ = (each["id"] for each in nap.after.rows["attempts"] if each["number"] == 1)
    [video] = (copy for copy in copies.values() if copy["role"] == "video")
    assert (video["attempt"] == first) == (point in MARKED), "the object is another attempt's than it must be"
    for key, each in found.items():
        if each.metadata is not None:
            assert each.metadata["attempt"] == copies[key]["attempt"], "the object is not the attempt's of its row"


def test_a_sleeper_shares_no_folder(naps, name, point):
    """While it sleeps, what lies in its folder stays; what it has begun itself, it takes away."""
    nap = naps(name, point)
    for attempt, files in nap.before.folders.items():
        assert nap.taken_over.folders.get(attempt) == files, "the folder of a worker that sleeps was taken from it"
    fetched = nap.before.rows["video_processing_jobs"][0]["files"] not in ("[]", [])
    assert fetched or nap.after.folders == {}, "a worker that lost its job left a folder that nobody looks for"


def test_a_worker_whose_clock_jumped_ends_what_runs(site, tmp_path, request):
    """Where the lease is over by the database's clock, the download ends at the next beat, and is begun once more."""
    chain = _chain(CHAINS[0], tmp_path, request)
    url = site.url("/drip/20000/clip.mp4?jump")
    working = start_warm(chain.program, "get", url)
    try:
        site.wait_for(lambda _: any(each.body_bytes for each in site.log(url)), 30)
        with contextlib.closing(sqlite3.connect(tmp_path / "haulage.db", timeout=30)) as connection, connection:
            connection.execute("update video_processing_jobs set due_at = '2026-01-01T00:00:00.000Z'")
        site.wait_for(lambda _: site.log(url)[0].ended is not None, 60)
        assert not site.log(url)[0].complete, "a worker that lost its lease went on with what is not its own any more"
    finally:
        working.process.kill()
    stages = chain.database.rows("select stage, kind from attempts where number = 1")
    assert stages in ([{"stage": None, "kind": None}], [{"stage": "fetch", "kind": "crashed"}]), "it was recorded"
