"""G11. Deletion is deliberate: what was there before haulage is taken in where it lies, and is never deleted."""

import json
import signal

import pytest
from harness.chains import points_in
from harness.tamper import write
from harness.warm import run_warm

from haulage.testing import Recipe, make

ROWS = (
    "select j.url, j.status, j.due_at, o.storage, o.role, o.key, o.state, o.sha256, o.attempt"
    " from video_processing_jobs j join videos v on v.job = j.id join stored_objects o on o.video = v.number"
)
SEAMS = ("store.take_in", "store.add", "store.claim", "store.save")


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """The bytes of a small video."""
    recipe = Recipe("clip", duration=1, width=160, height=90, size=60_000)
    return make(recipe, tmp_path_factory.mktemp("media")).read_bytes()


def lay(chain, site, clip, name):
    """Lay a video where yt-dlp would have, with what it writes beside it; its URL."""
    url = site.url(f"/clip.mp4?laid-{name}-{chain.name.partition(' ')[0]}")  # what other tests haul is not this one
    told = {
        "_type": "video",
        "id": "clip",
        "extractor_key": "Generic",
        "title": name,
        "webpage_url": url,
        "duration": 1,
    }
    write(chain.place, f"old/Ä {name} [clip].mp4", clip)
    write(chain.place, f"old/Ä {name} [clip].info.json", json.dumps(told).encode())
    return url


def arguments(*more):
    """What imports them."""
    return ("import", "--from", "archive", "--layout", "old/%(title)s [%(id)s].%(ext)s", "--workers", "1", *more)


def contents(chain):
    """The digests of all that is stored, by key."""
    return {key: each.sha256 for key, each in chain.place.objects().items()}


def check(chain, site, urls, before, when):
    """Find each video recorded once, as it lies there, and nothing touched or downloaded."""
    there = contents(chain)
    assert {key: there.get(key) for key in before} == before, f"{when}, an object was touched"
    rows = [row for row in chain.database.rows(ROWS) if row["role"] == "video"]
    assert sorted(row["url"] for row in rows) == sorted(urls), f"{when}, not each video is recorded once"
    assert {(row["status"], row["due_at"], row["state"], row["attempt"]) for row in rows} == {
        ("downloaded", None, "stored", "")
    }, f"{when}, a video is not recorded as it is"
    assert all(there[row["key"]] == row["sha256"] for row in rows), f"{when}, a row lies"
    assert [url for url in urls if site.log(url)] == [], f"{when}, what was there was downloaded"


@pytest.mark.timeout(900)
def test_an_import_that_is_killed_goes_on(timely, site, clip, extent, chance, tmp_path):
    """Wherever it is killed, whoever comes first: no row lies, nothing is downloaded, and the same command goes on."""
    chain, file = timely, tmp_path / "points"
    urls = [lay(chain, site, clip, "first")]
    listed = run_warm(chain.program, *arguments(), environ={"CRASH_LIST": str(file)})
    assert listed.code == 0, listed.said
    points = [point for point, _ in points_in(file)]
    recording = [each for each in points if each.seam in SEAMS]
    others = [each for each in points if each not in recording and not each.name.startswith("attempt")]
    assert recording, "nothing was recorded"
    assert {each.seam for each in others} >= {"storage.read", "storage.stat"}
    chosen = points if extent == "full" else [*recording, *chance.sample(others, 2)]
    for number, point in enumerate(chosen):
        urls.append(lay(chain, site, clip, f"v{number}"))
        before = contents(chain)
        ran = run_warm(chain.program, *arguments(), environ={"CRASH_AT": str(point)})
        assert ran.code == -signal.SIGKILL, f"it was not killed at {point}: {ran.said}"
        if number % 2 == 0:
            chain.work("work")
            assert not site.log(urls[-1]), f"killed at {point}, a worker downloaded what is there"
        chain.work(*arguments())
        check(chain, site, urls, before, f"killed at {point}")
    before = contents(chain)
    chain.work("get", "-a", chain.write(urls))
    check(chain, site, urls, before, "asked for again")
    chain.work("fsck", "--deep")


@pytest.mark.every_chain
def test_what_was_imported_is_never_deleted(chain, site, clip):
    """Not by its name, by a rule, or by a repair of something else that lies there now."""
    urls = [lay(chain, site, clip, name) for name in ("one", "two")]
    before = contents(chain)
    chain.work(*arguments())
    check(chain, site, urls, before, "imported")
    chain.work("delete", "--yes", urls[0], expected=(0, 1))
    assert contents(chain) == before, "what haulage did not write was deleted"
    config = chain.program.folder / "haulage.yaml"
    config.write_text(f"{config.read_text()}retention: [{{max_age: 1ms}}]\n")
    chain.work("prune", "--yes", expected=(0, 1))
    assert contents(chain) == before, "what haulage did not write was deleted"
    write(chain.place, "old/Ä one [clip].mp4", b"something else")
    before = contents(chain)
    chain.work("fsck", "--repair", "--deep")
    chain.work("work")
    there = contents(chain)
    assert {key: there.get(key) for key in before} == before, "what haulage did not write was touched"
    assert len(site.log(urls[0])) >= 1, "what was lost was not hauled again"
    chain.work("fsck", "--deep")
