"""G08. Politeness: a site that refuses is left alone until its cool-down ends, and then asked by one job at a time.

That holds for all threads and processes of one queue together; nothing is counted, and other sites go on meanwhile.
"""

import contextlib
import sqlite3
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve, frozen
from harness.chains import PLUGINS, Chain, make_chain
from harness.warm import Ran, Running, start_warm

from haulage import Pipeline
from haulage.testing import LoopbackSite, Recipe
from haulage.testing.requests import Served

pytestmark = pytest.mark.timeout(300)  # they all run at once, in the set-up of the first one

CLIP = Recipe("clip", duration=1, width=160, height=90)

AFTER = 2
"""Seconds that the site asks to be left alone."""

FLEETS = [("local + sqlite", 1, 1), ("local + sqlite", 1, 8), ("local + postgres", 4, 8)]
"""Chain, processes, and workers of each."""

PROBES = 3


@frozen
class Attempt:
    """An attempt at a job of the site that refuses, as the database and the site's log tell of it.

    Attributes:
        began: By the database's clock.
        ended: Likewise.
        kind: How it failed; None where it did not.
        counted: Whether it used up a try.
        request: What the site saw of it.
    """

    began: datetime
    ended: datetime
    kind: str | None
    counted: bool
    request: Served


@frozen
class Window:
    """What became of a queue while one of its two sites refused.

    Attributes:
        slots: How many workers there were, of all processes together.
        attempts: At the site that refused, in the order that they began.
        slow: What the site saw of the job that was under way when it began to refuse.
        failures: What the failed attempts at any job say.
        meanwhile: Whether the other site had served all before the refusals ended.
        urls: Of all jobs.
        stored: The digests of all videos that are stored.
        statuses: Of all jobs.
        ran: How the processes ended.
    """

    slots: int
    attempts: Sequence[Attempt]
    slow: Sequence[Served]
    failures: set[str]
    meanwhile: bool
    urls: Sequence[str]
    stored: Sequence[str]
    statuses: Sequence[str]
    ran: Sequence[Ran]

    @property
    def opened(self) -> datetime:
        """When the first cool-down was over."""
        return min(each.ended for each in self.attempts if each.kind) + timedelta(seconds=AFTER)

    @property
    def burst(self) -> Sequence[Attempt]:
        """What had begun before that: no more than was under way when the site refused."""
        return [each for each in self.attempts if each.began < self.opened]

    @property
    def probes(self) -> Sequence[Attempt]:
        """What asked the site again after a cool-down, until one succeeded."""
        later = self.attempts[len(self.burst) :]
        return later[: 1 + next(index for index, each in enumerate(later) if each.kind is None)]


@pytest.fixture(scope="module")
def windows(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Window]:
    """What became of each fleet that is asked about: they all work at once."""
    sys.path.append(str(PLUGINS))
    items = [each for each in request.session.items if each.path == request.path and hasattr(each, "callspec")]
    fleets = list(dict.fromkeys(each.callspec.params["fleet"] for each in items if "fleet" in each.callspec.params))
    chains = [_chain(name, workers, tmp_path_factory.mktemp("fleet"), request) for name, _, workers in fleets]
    with ThreadPoolExecutor(len(fleets)) as pool:
        found = {fleet: pool.submit(_window, chain, *fleet[1:]) for fleet, chain in zip(fleets, chains, strict=True)}
    return lambda fleet: found[fleet].result()


def _chain(name: str, workers: int, folder: Path, request: pytest.FixtureRequest) -> Chain:
    chain = make_chain(name, folder, request, "light")
    config = folder / "haulage.yaml"
    config.write_text(config.read_text().replace("workers: 1\n", f"workers: {workers}\n"))
    options = (*chain.program.options, "-p", "light_fetcher")
    return evolve(chain, program=evolve(chain.program, options=options))


def _window(chain: Chain, processes: int, workers: int) -> Window:
    with LoopbackSite([CLIP]) as site, LoopbackSite([CLIP]) as other:
        slow = site.url("/drip/12000/clip.mp4?slow")
        refused = [site.url(f"/clip.mp4?{number}") for number in range(processes * workers + 12)]
        served = [other.url(f"/clip.mp4?{number}") for number in range(12)]
        _add(chain, [slow])
        running = [start_warm(chain.program, "work") for _ in range(processes)]
        try:
            site.wait_for(lambda _: any(each.body_bytes for each in site.log(slow)), 60)
            with site.refusing(429, retry_after=AFTER):
                _add(chain, [*refused, *served])
                other.wait_for(lambda requests: sum(each.complete for each in requests) == len(served), 60)
                meanwhile = True
                site.wait_for(_Probed(processes * workers + 4 * PROBES), 60)
            ran = [each.end(120) for each in running]
        finally:
            for each in running:
                each.process.kill()
        requests = {url: list(site.log(url)) for url in refused}
        log = site.log(slow)
    rows = chain.database.rows(
        "select j.url, a.began_at, a.ended_at, a.kind, a.counted from attempts a"
        " join video_processing_jobs j on j.id = a.job order by a.began_at"
    )
    attempts = [
        Attempt(_time(each["began_at"]), _time(each["ended_at"]), each["kind"], bool(each["counted"]), of_it.pop(0))
        for each in rows
        if (of_it := requests.get(each["url"]))
    ]
    failed = chain.database.rows("select distinct kind, message from attempts where kind is not null")
    failures = {each["message"] for each in failed}
    statuses = [each["status"] for each in chain.database.rows("select status from video_processing_jobs")]
    stored = [each.sha256 for key, each in chain.place.objects().items() if key.endswith(".mp4")]
    return Window(
        processes * workers, attempts, log, failures, meanwhile, [slow, *refused, *served], stored, statuses, ran
    )


@frozen
class _Probed:
    """Whether a site has refused several times after it was left alone for a while, or more often than it should."""

    most: int

    def __call__(self, requests: Sequence[Served]) -> bool:
        refusals = [each.at for each in requests if each.status == 429]
        left_alone = sum(second - first > AFTER * 0.9 for first, second in pairwise(refusals))
        return left_alone >= PROBES + 2 or len(refusals) > self.most  # two may be a machine that was busy meanwhile


def _add(chain: Chain, urls: Sequence[str]) -> None:
    with Pipeline.from_config(chain.program.folder / "haulage.yaml", modules=["light_fetcher"]) as pipeline:
        pipeline.add(urls)


def _time(value: Any) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)


every_fleet = pytest.mark.parametrize("fleet", FLEETS, ids=[f"{name}, {many} x {each}" for name, many, each in FLEETS])


@every_fleet
def test_no_job_begins_before_the_cool_down_ends(windows, fleet):
    """Only what was under way meets the first refusal, and by the site's log none asks before its time."""
    window = windows(fleet)
    assert window.failures <= {"HTTP 429"}, f"not what this is about: {window.failures}"
    assert len(window.burst) <= window.slots, "more jobs asked a site that had refused than there were workers"
    told = min(each.request.ended for each in window.burst if each.kind)
    for probe in window.probes:
        assert probe.request.at >= told + AFTER, "the site was asked before it had been left alone as long as it said"
        told = probe.request.ended


@every_fleet
def test_after_the_cool_down_one_job_at_a_time_asks(windows, fleet):
    """The next one asks when the one before has failed and the next cool-down is over, and all when one succeeds."""
    window = windows(fleet)
    assert len(window.probes) > PROBES, "it was never asked again"
    for before, after in pairwise(window.probes):
        assert before.ended <= after.began, "two jobs asked at once"
        assert before.request.ended <= after.request.at, "two requests were under way at once"
    rest = window.attempts[len(window.burst) + len(window.probes) :]
    last = window.probes[-1].request
    assert all(last.ended <= each.request.at for each in rest), "others asked before one had succeeded"
    assert {each.kind for each in rest} == {None}, "what came after the success was refused"


@every_fleet
def test_all_is_stored_and_nothing_is_counted(windows, fleet, site):
    """What was under way when the site refused is finished, the other site is served meanwhile, no try is used up."""
    window = windows(fleet)
    assert [(each.status, each.complete) for each in window.slow] == [(200, True)], "what was under way was ended"
    assert window.meanwhile, "the other site waited too"
    assert {each.kind for each in window.attempts} == {"rate_limited", None}
    assert not any(each.counted for each in window.attempts), "a rate limit was counted as a failure"
    assert set(window.statuses) == {"downloaded"}, "a job has failed for a rate limit"
    assert len(window.stored) == len(window.urls) == len(window.statuses), "not each video is stored once"
    assert len(set(window.stored)) == 1, "a video is not whole"
    assert [each.code for each in window.ran] == [0] * len(window.ran), window.ran[0].said
    assert any(f"again in {AFTER} s: " in each.said for each in window.ran), "nobody was told when it goes on"


@pytest.fixture
def queue(tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Chain:
    """A queue on SQLite for four workers."""
    monkeypatch.syspath_prepend(PLUGINS)
    return _chain("local + sqlite", 4, tmp_path, request)


def test_a_wall_closes_its_site_until_a_person_opens_it(queue, site):
    """Another site is served meanwhile, a later run asks nothing, and what was refused is hauled after `resume`."""
    name = site.url("").split("/")[2]
    refused = [site.url(f"/clip.mp4?wall-{number}") for number in range(10)]
    with LoopbackSite([CLIP]) as other, contextlib.closing(_Killed()) as running:
        served = [other.url(f"/clip.mp4?{number}") for number in range(6)]
        _add(queue, [*refused, *served])
        with site.refusing(401):
            working = running.start(queue, "work")
            other.wait_for(lambda requests: sum(each.complete for each in requests) == len(served), 60)
            asked = [each for url in refused for each in site.log(url)]
            assert len(asked) <= 4, "a site that wants a person was asked again"
            ended = working.end()
            assert (ended.code, f"haulage resume {name}" in ended.said) == (1, True), ended.said
            assert running.start(queue, "work").end().code == 1
            assert [each for url in refused for each in site.log(url)] == asked, "a closed site was asked again"
    assert running.start(queue, "resume", name).end().code == 0
    assert running.start(queue, "work").end().code == 0
    told = queue.database.rows("select status from video_processing_jobs")
    assert [each["status"] for each in told] == ["downloaded"] * 16, "not all is stored"
    counted = queue.database.rows("select kind, counted from attempts where kind is not null")
    assert counted == [{"kind": "auth", "counted": 0}] * len(asked), "a wall was counted as a failure"


class _Killed:
    """Programs that are killed where a test fails."""

    def __init__(self) -> None:
        self.started: list[Running] = []

    def start(self, chain: Chain, *arguments: str) -> Running:
        self.started.append(start_warm(chain.program, *arguments))
        return self.started[-1]

    def close(self) -> None:
        for each in self.started:
            each.process.kill()


def test_who_comes_during_a_cool_down_is_told_when_it_ends(queue, site):
    """The time is that of the database; then the job is hauled."""
    name = site.url("").split("/")[2]
    _add(queue, [site.url("/clip.mp4?told-1"), site.url("/clip.mp4?told-2")])
    with Pipeline.from_config(queue.program.folder / "haulage.yaml", modules=["light_fetcher"]) as pipeline:
        with site.refusing(429, retry_after=5):
            pipeline.assembly.worker.work_once("")
        [closed] = pipeline.sites()
    assert closed.opens is not None
    ended = start_warm(queue.program, "work").end()
    until = closed.opens.astimezone().isoformat(" ", "seconds")
    assert f"{name} is closed until {until}: HTTP 429" in ended.said, f"nobody was told when it goes on: {ended.said}"
    assert (ended.code, "2 stored" in ended.said) == (0, True), ended.said


def test_cool_downs_double_up_to_an_hour(queue, site, tmp_path):
    """Where a site says nothing of how long, it is a minute first; what it says counts instead."""
    _add(queue, [site.url(f"/clip.mp4?doubling-{number}") for number in range(2)])
    modules = ["light_fetcher"]
    with Pipeline.from_config(tmp_path / "haulage.yaml", modules=modules) as pipeline, _database(tmp_path) as ask:

        def refused(retry_after: int | None = None) -> int:
            past = "2026-01-01T00:00:00.000Z"
            ask(f"update sites set opens_at = '{past}' where strikes > 0")
            ask(f"update video_processing_jobs set due_at = '{past}'")
            with site.refusing(429, retry_after=retry_after):
                pipeline.assembly.worker.work_once("")
            [[seconds]] = ask(
                "select (julianday(s.opens_at) - julianday(max(a.ended_at))) * 86400 from sites s, attempts a"
            )
            return round(seconds)

        assert [refused() for _ in range(8)] == [60, 120, 240, 480, 960, 1920, 3600, 3600], "cool-downs do not double"
        assert refused(retry_after=7) == 7, "what a site says of how long it wants to be left alone is not heeded"


@contextlib.contextmanager
def _database(folder: Path) -> Iterator[Callable[[str], list[Any]]]:
    with contextlib.closing(sqlite3.connect(folder / "haulage.db", timeout=30, isolation_level=None)) as connection:
        yield lambda statement: connection.execute(statement).fetchall()
