"""G02. Nothing is lost: what was accepted is hauled in the end, wherever a process was killed on the way."""

import itertools
import random

import pytest
from harness.chains import Point
from harness.oracle import judge

NAMED = {
    *(f"store.{name}" for name in ("prepare", "add", "claim", "beat", "save", "next_due")),
    *(f"storage.{name}" for name in ("stat", "begin")),
    *(f"upload.{name}" for name in ("write", "publish", "commit", "abort")),
    *(f"fetcher.{name}" for name in ("site", "expand", "fetch")),
    *(f"workspace.{name}" for name in ("roster", "occupy", "clear")),
    "attempt.progress",
}
"""The seams that each haul meets, before and after."""


def test_an_undisturbed_haul_meets_every_seam(points):
    """Where one is not met, the tests below kill less than they say."""
    for name, met in points.items():
        missed = {f"{seam} {moment}" for seam in NAMED for moment in ("before", "after")} - {each.name for each in met}
        assert not missed, f"{name}: nothing was killed at {sorted(missed)}"


@pytest.mark.every_chain
@pytest.mark.timeout(900)
def test_a_kill_at_any_point_loses_nothing(chain, site, digest, points, extent, ledger, seed):
    """Whoever works next stores each video that was accepted, once and whole, and fetches nothing a second time."""
    kills = {}
    for number, point in enumerate(_chosen(points, extent, random.Random(seed))[chain.name]):
        url = site.url(f"/large.mp4?{chain.name.partition(' ')[0]}-{number}")
        ended = chain.crash(url, point)
        kills[url] = (point, ended, len(site.log(url)))
        if ended.killed and ended.held:
            ledger.killed(point.name, chain.name)
    chain.work("work")
    expected = {url: digest("large.mp4") for url, (_, ended, _) in kills.items() if ended.accepted}
    ledger.found(chain.name, judge(chain, expected))
    again = [str(point) for url, (point, ended, asked) in kills.items() if ended.fetched and len(site.log(url)) > asked]
    assert not again, f"{chain.name}: killed there, these were downloaded again: {again}"


def test_the_same_command_goes_on_after_a_kill(chain, site, digest, chance, points):
    """Also where the request itself was not accepted yet; and after its end it does nothing more."""
    url, point = site.url("/clip.mp4?same"), chance.choice(points[chain.name])
    chain.crash(url, point)
    chain.work("get", url)
    found = chain.place.objects()
    verdict = judge(chain, {url: digest("clip.mp4")})
    assert not any(verdict.counts()), f"{chain.name}, killed at {point}: {verdict}"
    asked = len(site.log(url))
    chain.work("get", url)
    assert (chain.place.objects(), len(site.log(url))) == (found, asked), "what was stored was hauled again"


CALLS = {
    "storage": "storage",
    "upload": "storage",
    "workspace": "storage",
    "store": "transient",
    "fetcher": "transient",
}
"""Whose calls are made to fail, and with failures of which kind."""

STEP = {"short": 6, "full": 1}


@pytest.mark.timeout(900)
def test_any_call_may_fail_once(cheap_chain, site, digest, extent, chance, ledger):
    """The first call of a part fails, then in the next run the second, and so on until a run meets no failure."""
    accepted = []
    for part, kind in CALLS.items():
        for number in itertools.count(chance.randint(1, STEP[extent]), STEP[extent]):
            url = site.url(f"/clip.mp4?{part}-{number}")
            ended = cheap_chain.crash(url, Point(f"{part}.* before", number), CRASH_HOW=kind)
            accepted += [url] * ended.accepted
            if not ended.failed:
                break
    cheap_chain.work("work")
    ledger.found(cheap_chain.name, judge(cheap_chain, dict.fromkeys(accepted, digest("clip.mp4"))))


def test_a_job_that_the_database_failed_is_due_at_once(cheap_chain, site):
    """Where a run ends since its database refuses, nobody waits for the end of its lease."""
    url = site.url("/clip.mp4?failing")
    ended = cheap_chain.crash(url, Point("store.save before", 4), CRASH_HOW="denied")
    assert ended.failed
    assert not ended.held, f"{cheap_chain.name}: the run has ended, and its job is still held"


def _chosen(points: dict[str, list[Point]], extent: str, chance: random.Random) -> dict[str, list[Point]]:
    """All points for each chain; or each seam once, before or after, for one chain, as the lots fall, and one on each.

    That one is where the video is fetched and not stored.
    """
    if extent == "full":
        return points
    chosen = {name: [each for each in met if each.name == "upload.commit before"][:1] for name, met in points.items()}
    for seam in sorted({each.seam for each in itertools.chain(*points.values())}):
        having = {name: [each for each in met if each.seam == seam] for name, met in points.items()}
        name = min((name for name in having if having[name]), key=lambda name: (len(chosen[name]), chance.random()))
        chosen[name].append(chance.choice(having[name]))
    return chosen
