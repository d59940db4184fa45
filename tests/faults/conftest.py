"""The fault tests: the whole program, which is killed, starved and lied to, and clients that know nothing of it.

`--extent=short` runs each in a few seconds, most on one chain of storage and database, drawn by lot; `full` takes every
chain, and more rounds. What is drawn by lot is drawn from a seed that is
printed: `--seed=N` draws the same once more.
"""

import hashlib
import random
import re
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from harness.chains import CHAINS, Chain, Point, make_chain
from harness.ledger import Ledger

from haulage.testing import FaultProxy, LoopbackSite, Recipe

LEDGER = pytest.StashKey[Ledger]()

AT_ONCE = ("test_g07_sleeper.py", "test_g08_politeness.py", "test_g15_ctrl_c.py")
"""Whose tests all run at once, in the set-up of the first one: one process of pytest-xdist takes all of them."""

SMALL = Recipe("clip", duration=1, width=160, height=90, size=300_000)
LARGE = Recipe("large", duration=1, width=160, height=90, size=9 << 20)
"""More than what S3 takes in one piece."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--extent", choices=("short", "full"), default="short", help="How many rounds.")
    parser.addoption("--chain", choices=("lot", "every"), help="On which chains; by default every one in full extent.")
    parser.addoption("--seed", type=int, help="What lots are drawn from; drawn itself where it is not given.")


def pytest_configure(config: pytest.Config) -> None:
    if config.option.seed is None:
        config.option.seed = getattr(config, "workerinput", {}).get("seed", secrets.randbelow(10**6))
    config.stash[LEDGER] = Ledger()
    config.addinivalue_line("markers", "every_chain: Takes every chain, in short extent too.")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    option = metafunc.config.getoption
    every = option("--chain") == "every" or (option("--extent"), option("--chain")) == ("full", None)
    every |= metafunc.definition.get_closest_marker("every_chain") is not None
    chosen = {mark.args[0] for mark in metafunc.definition.iter_markers("parametrize")}
    for fixture, names in {"chain": CHAINS, "cheap_chain": CHAINS, "proxied": CHAINS[1:]}.items():
        if fixture in metafunc.fixturenames and fixture not in chosen:
            lots = random.Random(f"{option('--seed')} {metafunc.function.__name__}")
            metafunc.parametrize(fixture, names if every else [lots.choice(names)], indirect=True)
    if "timely" in metafunc.fixturenames:
        metafunc.parametrize("timely", CHAINS if option("--extent") == "full" else CHAINS[:1], indirect=True)


def pytest_report_header(config: pytest.Config) -> str:
    return f"faults: --extent={config.getoption('--extent')} --seed={config.getoption('--seed')}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    report = yield
    if report.failed:
        report.sections.append(("the lots were drawn from", f"--seed={item.config.getoption('--seed')}"))
    return report


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with those that take longest, so that none of them is the last one that the others wait for."""
    allowed = {item: item.get_closest_marker("timeout") for item in items}
    items.sort(key=lambda item: -mark.args[0] if (mark := allowed[item]) else 0)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            path, _, _ = nodeid.partition("::")
            return "at once" if path.endswith(AT_ONCE) else nodeid

    return Scheduling(config, log)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    node.workerinput["seed"] = node.config.option.seed


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):  # one of several processes of pytest-xdist
        session.config.workeroutput["ledger"] = session.config.stash[LEDGER].written()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    if hasattr(node, "workeroutput"):  # a process that died has told nothing, and fails the session anyway
        node.config.stash[LEDGER].read(node.workeroutput["ledger"])


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    ledger = config.stash[LEDGER]
    if ledger.kills:
        terminalreporter.section(f"kills, --seed={config.getoption('--seed')}")
        for line in ledger.lines():
            terminalreporter.line(line)


@pytest.fixture(scope="session")
def extent(pytestconfig: pytest.Config) -> str:
    """How many rounds to take: "short" or "full"."""
    return pytestconfig.getoption("--extent", "short")


@pytest.fixture(scope="session")
def seed(pytestconfig: pytest.Config) -> int:
    """What lots are drawn from."""
    return pytestconfig.getoption("--seed")


@pytest.fixture
def chance(request: pytest.FixtureRequest, seed: int) -> random.Random:
    """Draws the lots of one test."""
    return random.Random(f"{seed} {request.node.nodeid}")


@pytest.fixture(scope="session")
def ledger(pytestconfig: pytest.Config) -> Ledger:
    """What this session has counted."""
    return pytestconfig.stash[LEDGER]


@pytest.fixture(scope="session")
def site() -> Iterator[LoopbackSite]:
    """A site with a small video, and one that is large enough to be sent in parts; each test asks for its own paths."""
    with LoopbackSite([SMALL, LARGE]) as running:
        yield running


@pytest.fixture(scope="session")
def digest(site: LoopbackSite) -> Callable[[str], str]:
    """The digest of what the site serves under a name."""
    return lambda name: hashlib.sha256(site.file(name).read_bytes()).hexdigest()


@pytest.fixture
def chain(request: pytest.FixtureRequest, tmp_path: Path) -> Chain:
    """The program with each storage and database."""
    return make_chain(request.param, tmp_path, request)


@pytest.fixture
def timely(request: pytest.FixtureRequest, tmp_path: Path) -> Chain:
    """The program with the storages and databases that there is time for: all in full extent, else the quickest."""
    return make_chain(request.param, tmp_path, request)


@pytest.fixture
def proxied(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Chain, FaultProxy]]:
    """The program with each storage that is a service, and a proxy between them."""
    chain = make_chain(request.param, tmp_path, request)
    config = (tmp_path / "haulage.yaml").read_text()
    endpoint = re.search("endpoint_url: (http://[^ ,}]+)", config)[1]
    with FaultProxy(endpoint) as proxy:
        (tmp_path / "haulage.yaml").write_text(config.replace(endpoint, proxy.url))
        yield chain, proxy


@pytest.fixture
def cheap_chain(request: pytest.FixtureRequest, tmp_path: Path) -> Chain:
    """The program with each storage and database, and a fetcher that costs next to nothing."""
    return make_chain(request.param, tmp_path, request, "cheap")


@pytest.fixture(scope="session")
def points(
    request: pytest.FixtureRequest, site: LoopbackSite, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[Point]]:
    """By chain, the points that an undisturbed haul meets."""
    folders = {name: tmp_path_factory.mktemp("plain") for name in CHAINS}
    return {
        name: make_chain(name, folder, request).points(site.url(f"/large.mp4?{folder.name}"))
        for name, folder in folders.items()
    }
