"""G04. Fetched is fetched: whatever becomes of an upload, nothing is downloaded twice where it lies already."""

import hashlib
import re
import shutil
import socket
import time

import pytest
from attrs import evolve
from harness.chains import Point, make_chain
from harness.oracle import judge

from haulage.testing import faults

REFUSED = {"all": "", "the end": r"uploadId=|upload_id="}
"""What a store refuses: whatever is sent to it, or what would finish an upload."""

LEASE, HANDOVER = 4, 5
"""Seconds."""


@pytest.mark.parametrize("refused", REFUSED)
def test_a_store_that_refuses_for_a_while_costs_no_download(proxied, refused, site, digest):
    """What failed is kept, and the same command stores it once the store takes it again."""
    chain, proxy = proxied
    url = site.url("/large.mp4?refused")
    proxy.on("PUT|POST", REFUSED[refused], faults.Answer(503))
    chain.work("get", url, expected=(1,))
    assert not chain.place.objects(), "the store refused, and something is there"
    asked = len(site.log(url))
    proxy.clear()
    chain.work("get", url)
    assert len(site.log(url)) == asked, f"{chain.name}: a failed upload downloaded the video again"
    verdict = judge(chain, {url: digest("large.mp4")})
    assert not any(verdict.counts()), f"{chain.name}: {verdict}"


def test_a_broken_mirror_costs_no_download(proxied, site, digest):
    """The video is downloaded once; the mirror is made later, from the first storage."""
    chain, proxy = proxied
    config = (chain.program.folder / "haulage.yaml").read_text()
    two = config.replace("storages: {archive: ", "storages: {first: ./first, archive: ")
    (chain.program.folder / "haulage.yaml").write_text(two)
    url = site.url("/large.mp4?mirror")
    proxy.on("PUT|POST", "", faults.Answer(503))
    chain.work("get", url)
    [whole] = (chain.program.folder / "first").rglob("video.mp4")
    asked = len(site.log(url))
    proxy.clear()
    chain.work("get", url)
    assert len(site.log(url)) == asked, f"{chain.name}: a broken mirror downloaded the video again"
    [there] = [each for key, each in chain.place.objects().items() if key.endswith(".mp4")]
    assert there.sha256 == digest("large.mp4")
    assert whole.exists()


@pytest.mark.parametrize("how", [("retry",), ("fsck", "--repair")], ids=" ".join)
def test_a_dead_mirror_is_owed_its_copy(how, tmp_path, request, site, digest):
    """Where nobody answers under its address the video is stored, and the run ends; later it is made from there."""
    chain = make_chain("seaweedfs + postgres", tmp_path, request)
    config = (
        (tmp_path / "haulage.yaml").read_text().replace("storages: {archive: ", "storages: {first: ./first, archive: ")
    )
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and does not listen
        dead = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        (tmp_path / "haulage.yaml").write_text(re.sub(r"endpoint_url: http://[^ ,}]+", f"endpoint_url: {dead}", config))
        url = site.url(f"/large.mp4?dead-{how[0]}")
        chain.work("get", url)
        [whole] = (tmp_path / "first").rglob("video.mp4")
        assert hashlib.sha256(whole.read_bytes()).hexdigest() == digest("large.mp4")
        assert list(chain.workspace.rglob("*.mp4")) == [], "the local file stays for a dead mirror"
        assert "owed to archive: 1 video" in chain.work("status")
    asked = len(site.log(url))
    (tmp_path / "haulage.yaml").write_text(config)
    chain.work(*how, expected=(0, 1))
    chain.work("work")
    assert len(site.log(url)) == asked, "a dead mirror downloaded the video again"
    [there] = [each for key, each in chain.place.objects().items() if key.endswith(".mp4")]
    assert there.sha256 == digest("large.mp4")
    assert "owed" not in chain.work("status")


@pytest.mark.parametrize("returns", [True, False], ids=["comes back", "stays away"])
def test_another_machine_downloads_again_only_after_the_handover(returns, tmp_path, request, site, digest):
    """A machine that comes back goes on with what it has; one that stays away costs one more download, not before."""
    first = make_chain("seaweedfs + postgres", tmp_path, request)
    config = (tmp_path / "haulage.yaml").read_text() + f"lease: {LEASE}s\n"
    (tmp_path / "haulage.yaml").write_text(config)
    (tmp_path / "second").mkdir()
    (tmp_path / "second" / "haulage.yaml").write_text(config)
    second = evolve(first, program=evolve(first.program, folder=tmp_path / "second"))
    url = site.url(f"/large.mp4?{returns}")
    ended = first.crash(url, Point("upload.commit before", 1))
    due = time.monotonic() + first.due_in(url)
    assert ended.held
    assert ended.fetched
    asked = len(site.log(url))
    # One that comes back may take its time.
    running = second.start("work", HANDOVER=str(30 if returns else HANDOVER))
    if returns:
        first.work("work")
    assert running.end(60).code == 0
    again = site.log(url)[asked:]
    verdict = judge(second, {url: digest("large.mp4")})
    if returns:
        assert not again, "it lay in the workspace that came back, and was downloaded again"
    else:
        whole = [one for one in again if one.complete and one.body_bytes == site.file("large.mp4").stat().st_size]
        assert len(whole) == 1, f"it was downloaded {len(whole)} times by the machine that took it over"
        assert again[0].at - due > HANDOVER - 0.1, "it was downloaded again before the handover"
        shutil.rmtree(first.workspace)
    assert not any(verdict.counts()), verdict
