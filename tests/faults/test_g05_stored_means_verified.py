"""What counts as stored is whole: a playable medium from the site, and the very same bytes in the store."""

import hashlib
import sqlite3
import uuid
from pathlib import Path
from typing import Any

import pytest
from harness.warm import start_warm
from plugins.quick import content
from program import Program
from witnesses import S3, Gcs

from haulage.testing import FaultProxy, LoopbackSite, faults

CUT_SHORT = {
    "a body shorter than announced": "short/clip.mp4",
    "a body that ends early, its index in front": "cut/clip.mp4",
    "a stream without one of its segments": "hls-missing/master.m3u8",
    "a page instead of a video": "html/clip.mp4",
    "a page that says it is a video": "lying-html/clip.mp4",
    "no bytes at all": "empty/clip.mp4",
}
SIZE = 300_000
CHANGES = (faults.FlipRequest(0), faults.FlipRequest(SIZE - 1), faults.CutRequest(SIZE - 9))
PLUGINS = Path(__file__).parent / "plugins"


def rows(folder: Path, query: str) -> list[tuple[Any, ...]]:
    """Ask the database, with nothing of haulage in between."""
    connection = sqlite3.connect(f"file:{folder / 'haulage.db'}?mode=ro", uri=True)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def test_what_is_not_whole_is_never_stored(site: LoopbackSite, tmp_path: Path) -> None:
    """Whatever a site serves in place of a whole video, it fails loudly, and nothing of it is in the library."""
    config = "private_hosts: [127.0.0.1]\nretry: {attempts: 2, initial: 0.01}\nworkers: 3\n"
    (tmp_path / "haulage.yaml").write_text(config)
    urls = {site.url(f"{path}?{tmp_path.name}"): said for said, path in CUT_SHORT.items()}
    ran = start_warm(Program(tmp_path, ("-p", "quick"), PLUGINS), "get", *urls).end()
    stored = [path.relative_to(tmp_path) for path in (tmp_path / "library").rglob("*") if path.is_file()]
    assert not stored, f"what is not whole was stored: {stored}, as one of {list(urls.values())}"
    assert ran.code == 1, f"nobody is told that it failed: {ran.said}"
    found = dict(rows(tmp_path, "select url, status from video_processing_jobs"))
    assert {urls[url]: status for url, status in found.items() if status not in ("failed", "unavailable")} == {}
    assert rows(tmp_path, "select count(*) from stored_objects where state = 'stored'") == [(0,)]


@pytest.mark.parametrize("store", ["s3", "gcs"])
def test_what_changed_on_its_way_to_the_store_is_not_stored(
    request: pytest.FixtureRequest, store: str, tmp_path: Path, extent: str
) -> None:
    """A byte that flips and a tail that is lost fail loudly and leave nothing; sent again, the object is whole."""
    server = request.getfixturevalue("seaweed" if store == "s3" else "fake_gcs")
    for number, fault in enumerate(CHANGES if extent == "full" else CHANGES[:1]):
        place: Any = (S3 if store == "s3" else Gcs)(server, f"b-{uuid.uuid4().hex[:12]}")
        folder = tmp_path / str(number)
        folder.mkdir()
        with FaultProxy(server.endpoint_url) as proxy:
            _change(proxy, fault, place, place.line.replace(server.endpoint_url, proxy.url), folder)


def _change(proxy: FaultProxy, fault: faults.Fault, place: Any, line: str, folder: Path) -> None:
    """Haul to a place behind a proxy that changes what is sent, and then once more without."""
    url, program = f"http://site.example/{SIZE}/v", Program(folder, ("-p", "quick"), PLUGINS, place.environ)
    config = f"fetcher: {{type: quick}}\nstorages: {{archive: {line}}}\nretry: {{attempts: 2, initial: 0.01}}\n"
    (folder / "haulage.yaml").write_text(config)
    proxy.on("PUT", "video.mp4|upload_id", fault)
    ran = start_warm(program, "get", url).end()
    left = {key: each.size for key, each in place.objects().items()}
    assert not left, f"what changed on its way is in the store: {left}"
    assert ran.code == 1, f"nobody is told that it failed: {ran.said}"
    assert rows(folder, "select count(*) from stored_objects where state = 'stored'") == [(0,)]
    assert proxy.count("PUT", "video.mp4|upload_id") == 2, "the policy allows two tries"
    assert place.unfinished() == [], "an upload was left open"
    proxy.clear()
    assert start_warm(program, "get", url).end().code == 0
    [there] = [each for key, each in place.objects().items() if key.endswith(".mp4")]
    assert there.sha256 == hashlib.sha256(content(url)).hexdigest()
    assert (folder / "fetched").read_text().splitlines() == [url], "it was fetched again"
