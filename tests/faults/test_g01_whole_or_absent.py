"""G01. Whole or absent: whatever ends an upload, no reader sees a part of an object under its key."""

import hashlib
import json

import pytest
from harness.oracle import judge

ROUNDS = {"short": 3, "full": 8}

ENDINGS = {"kill": {}, "raise": {"CRASH_HOW": "conflict"}}
"""A kill, and a failure after which nothing is tried again."""

POINTS = {
    "kill": ("storage.begin", "upload."),
    "raise": ("storage.begin before", "upload.write", "upload.publish", "upload.commit"),
}
"""Where; who was given an upload has no reason to fail before it can end it."""


def partial_objects(chain, whole):
    """What a reader finds that is neither the whole video nor a whole record."""
    found = []
    for key in chain.place.objects():
        data = chain.place.read(key)
        if key.endswith(".json"):
            try:
                json.loads(data)
            except ValueError:
                found.append(f"{key}: half a record, {len(data)} bytes")
        elif hashlib.sha256(data).hexdigest() != whole:
            found.append(f"{key}: half a video, {len(data)} bytes")
    return found


@pytest.mark.timeout(600)
@pytest.mark.parametrize("ending", ENDINGS)
def test_whatever_ends_an_upload_shows_nothing_or_all(chain, ending, site, digest, points, extent, chance, ledger):
    """At each write, before and after what publishes: a reader finds whole objects, and a failure leaves no rest."""
    met = [each for each in points[chain.name] if each.name.startswith(POINTS[ending])]
    for number, point in enumerate(chance.sample(met, min(ROUNDS[extent], len(met)))):
        ended = chain.crash(site.url(f"/large.mp4?{ending}-{number}"), point, **ENDINGS[ending])
        if ended.killed and ended.held:
            ledger.killed(point.name, chain.name)
        partial = partial_objects(chain, digest("large.mp4"))
        assert not partial, f"{chain.name}, {ending} at {point}: a reader finds {partial}"
        if ending == "raise":
            left = chain.place.unfinished()
            assert not left, f"{chain.name}, {ending} at {point}: an upload was left open: {left}"


@pytest.mark.timeout(600)
def test_a_kill_in_a_request_shows_nothing(proxied, site, digest, extent, chance, ledger):
    """Whatever the service was being sent, half of it is never shown; the next run ends it and stores the video."""
    chain, proxy = proxied
    chain.work("get", site.url("/large.mp4?plain"))
    numbers = range(1, proxy.count("PUT|POST", "") + 1)
    urls = [site.url("/large.mp4?plain")]
    for number in chance.sample(numbers, min(ROUNDS[extent], len(numbers))):
        urls.append(site.url(f"/large.mp4?request-{number}"))
        chain.kill_in_request(proxy, urls[-1], number)
        ledger.killed("in a request", chain.name)
        partial = partial_objects(chain, digest("large.mp4"))
        assert not partial, f"{chain.name}, killed in request {number}: a reader finds {partial}"
    proxy.clear()
    chain.work("work")
    ledger.found(chain.name, judge(chain, dict.fromkeys(urls, digest("large.mp4"))))
