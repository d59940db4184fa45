"""G07. A sleeper cannot overwrite; where a store let it publish over its successor, fsck finds and mends that."""

import json

import pytest
from harness.chains import Point
from harness.oracle import judge
from harness.tamper import flipped, write


@pytest.mark.parametrize("chain", ["seaweedfs + postgres"], indirect=True)
def test_what_a_sleeper_published_over_its_successor_is_found_and_mended(chain, site, digest):
    """Of the same length, by an attempt that the row does not name: found without reading everything, and replaced."""
    url = site.url(f"/clip.mp4?{chain.name.partition(' ')[0]}-sleeper")
    assert chain.crash(url, Point("upload.commit before", 1)).killed
    [sleeper] = chain.database.rows("select id from attempts")
    chain.work("work")
    [row] = chain.database.rows("select key, attempt from stored_objects where role = 'video'")
    assert row["attempt"] != sleeper["id"]
    good = chain.place.read(row["key"])
    # The store is one that keeps no precondition: what the sleeper's commit would have done there.
    write(chain.place, row["key"], flipped(good), {"attempt": sleeper["id"]})
    told = json.loads(chain.work("fsck", "--repair", "--json", expected=(0, 1)))
    sorts = [(each["sort"], each["repaired"]) for each in told["findings"]]
    assert sorts == [("wrong digest", True)], f"what a sleeper wrote over its successor was not found: {sorts}"
    chain.work("work")
    verdict = judge(chain, {url: digest("clip.mp4")})
    assert not any(verdict.counts()), f"it was not mended: {verdict}"
