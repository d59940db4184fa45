"""G15. Ctrl-C is safe: once, what runs is finished; twice, it is ended and kept; the next run goes on.

On a terminal, and at each stage; what else Ctrl-C does is in tests/integration/test_signals.py.
"""

import contextlib
import random
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from attrs import frozen
from harness.chains import Chain, make_chain
from harness.oracle import Verdict, judge
from harness.warm import Ran, start_warm
from lateness import Lateness
from program import WITHIN

from haulage.testing import FaultProxy, LoopbackSite, faults

pytestmark = pytest.mark.timeout(300)  # they all run at once, in the set-up of the first one

FINISHING = "finishing what runs; press Ctrl-C again to stop now, and go on later"
STOPPED = "stopped; what was not {} stays in the queue, and the same command goes on with it"

FETCHED = ("uploading", "committing", "committed")
STAGES = ("expanding", "fetching", *FETCHED)

PROMISED = 5
"""Seconds for the second Ctrl-C."""


@frozen
class Press:
    """What became of a run at a stage after Ctrl-C, and of the next one.

    Attributes:
        code: The exit code.
        seconds: From the last Ctrl-C to the end, without those for which the machine stood still.
        said: What was on the terminal.
        left: The processes that were left.
        statuses: Of the jobs then: of the one that ran, and of the one behind it.
        held: Whether somebody held one of them.
        others: What the site was asked for the one behind it until then.
        fetched: How often the site was asked for the one that ran until then.
        again: How often it was asked in the end.
        later: How the next run ended.
        verdict: What other clients found after that.
    """

    code: int
    seconds: float
    said: str
    left: list[int]
    statuses: list[str]
    held: bool
    others: int
    fetched: int
    again: int
    later: Ran
    verdict: Verdict


@pytest.fixture(scope="module")
def presses(request: pytest.FixtureRequest, site: LoopbackSite, tmp_path_factory: Any) -> Callable[..., Press]:
    """What became of each run that is asked about: they all run at once."""
    items = [each for each in request.session.items if each.path == request.path and hasattr(each, "callspec")]
    times = {"test_the_first_one_finishes_what_runs": 1, "test_the_second_one_ends_what_runs": 2}
    asked = {(each.callspec.params["stage"], times[each.originalname]): None for each in items}
    seaweed = request.getfixturevalue("seaweed")
    with ThreadPoolExecutor(5) as pool, Lateness() as lateness:
        found = {}
        for stage, count in asked:
            chain = make_chain("seaweedfs + sqlite", tmp_path_factory.mktemp("press"), request)
            found[stage, count] = pool.submit(_press, chain, seaweed.endpoint_url, site, lateness, stage, count)
    return lambda stage, count: found[stage, count].result()


def _press(chain: Chain, endpoint: str, site: LoopbackSite, lateness: Lateness, stage: str, count: int) -> Press:
    mark = f"?{stage}-{count}"
    other = f"/clip.mp4?behind-{stage}-{count}"
    running = {"expanding": "/drip/300/feed.xml", "fetching": "/drip/75000/clip.mp4"}.get(stage, "/large.mp4") + mark
    expected = {path: path.rpartition("/")[2].partition("?")[0] for path in (running, other)}
    if stage == "expanding":
        expected = {"/clip.mp4": "clip.mp4", "/large.mp4": "large.mp4", other: "clip.mp4"}
    config = chain.program.folder / "haulage.yaml"
    with FaultProxy(endpoint) as proxy, contextlib.ExitStack() as stack:
        config.write_text(config.read_text().replace(endpoint, proxy.url))
        _hinder(proxy, stage, count)
        watched = chain.program.watch("get", site.url(running), site.url(other), terminal=True)
        stack.callback(watched.close)
        if stage in FETCHED:
            proxy.wait_for(lambda requests: any(not isinstance(each.fault, faults.Pass) for each in requests), 40)
        else:
            site.wait_for(lambda _: any(each.body_bytes for each in site.log(running)), 40)
        for _ in range(count):
            watched.interrupt()
            began = time.monotonic()
            if count == 2 and FINISHING not in watched.said:
                watched.until(FINISHING)
        code = watched.end(30)
        ended = time.monotonic()
        seconds = ended - began - lateness.between(began, ended)
        rows = chain.database.rows("select status, attempt from video_processing_jobs order by number")
        said, left = watched.said, chain.program.processes()
        others, fetched = len(site.log(other)), len(site.log(running))
        proxy.clear()
        later = start_warm(chain.program, "work").end(90)
        digests = {site.url(path): site.medium(name).sha256 for path, name in expected.items()}
        verdict = judge(chain, digests)
    again = len(site.log(running))
    statuses, held = [each["status"] for each in rows], any(each["attempt"] for each in rows)
    return Press(code, seconds, said, left, statuses, held, others, fetched, again, later, verdict)


def _hinder(proxy: FaultProxy, stage: str, count: int) -> None:
    """Make an upload, or its end, take longer than a press; what is pressed once goes on after it."""
    fault = faults.Delay(2) if count == 1 else faults.Silence()
    if stage == "uploading":
        proxy.on("PUT", "partNumber", fault, first=1)
    if stage == "committing":
        proxy.on("POST", "uploadId", fault, first=1)
    if stage == "committed":
        # The service has done it, and does not say so.
        proxy.on("POST", "uploadId", faults.Delay(2) if count == 1 else faults.CutAnswer(0, silent=True), first=1)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """At every stage where there is time for it; otherwise while it fetches, and at one as the lots fall."""
    if "stage" in metafunc.fixturenames:
        lots = random.Random(f"{metafunc.config.getoption('--seed')} {metafunc.function.__name__}")
        full = metafunc.config.getoption("--extent") == "full"
        drawn = lots.choice([each for each in STAGES if each != "fetching"])
        metafunc.parametrize("stage", STAGES if full else ("fetching", drawn))


def test_the_first_one_finishes_what_runs(presses, stage):
    """Nothing new is asked for; the next run goes on with the rest, and downloads nothing a second time."""
    press = presses(stage, 1)
    assert FINISHING in press.said
    assert press.others == 0, "something new was begun after Ctrl-C"
    finished = ["expanded", "pending"] if stage == "expanding" else ["downloaded", "pending"]
    assert press.statuses[:2] == finished, f"what ran was not finished: {press.said}"
    assert press.code == 4, press.said
    assert STOPPED.format("begun") in press.said
    _is_gone_on_with(press, stage)


def test_the_second_one_ends_what_runs(presses, stage):
    """Within five seconds, with nothing left running or held; what was downloaded is kept."""
    press = presses(stage, 2)
    assert press.code == 4, press.said
    assert press.seconds <= PROMISED, f"it took {press.seconds:.1f} s to end after the second Ctrl-C"
    assert STOPPED.format("finished") in press.said
    assert "downloaded" not in press.statuses, "what ran was finished"
    assert press.others == 0, "something new was begun after Ctrl-C"
    _is_gone_on_with(press, stage)


def _is_gone_on_with(press: Press, stage: str) -> None:
    assert press.left == [], "a process was left"
    assert not press.held, "a job is held by nobody who lives"
    assert press.later.code == 0, press.later.said
    assert not any(press.verdict.counts()), f"the next run did not make it whole: {press.verdict}"
    if stage in FETCHED:
        assert press.again == press.fetched, "what was downloaded was downloaded again"


def test_nobody_waits_for_a_site_that_is_closed(tmp_path, request, site, digest):
    """While all that is left waits for a cool-down, the first Ctrl-C ends the run; the next one goes on."""
    chain, url = make_chain("local + sqlite", tmp_path, request), site.url("/clip.mp4?closed")
    with site.refusing(429, retry_after=4):
        with contextlib.closing(chain.program.watch("get", url, terminal=True)) as watched:
            watched.until("again in 4 s", 40)
            watched.interrupt()
            with contextlib.suppress(subprocess.TimeoutExpired):
                watched.process.wait(WITHIN)
            assert watched.process.returncode == 4, "who only waits was not ended by the first Ctrl-C"
        assert len(site.log(url)) == 1, "a site that is closed was asked"
    assert start_warm(chain.program, "work").end().code == 0
    assert not any(judge(chain, {url: digest("clip.mp4")}).counts())
