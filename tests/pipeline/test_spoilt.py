"""What was spoilt on its way: in the workspace, by the fetcher, or in the storage."""

import pytest

from haulage import Kind, Status

STORAGES = {"main": {"type": "odd", "name": "main"}}


def kinds(job):
    """Why each attempt failed."""
    return [each.failure.kind for each in job.tries]


def test_a_file_that_is_not_as_long_as_it_is_said_to_be_is_fetched_afresh_once(pipeline, site, odd):
    """A fetcher that tells a wrong size ends its job after two downloads, and nothing is stored."""
    url = site.url("clip.mp4?misstated")
    with pipeline(storages=STORAGES) as running:
        [job] = running.run([url])
    assert (job.status, kinds(job)) == (Status.FAILED, [Kind.INVALID] * 2)
    assert len(site.log(url)) == 2, "it was downloaded again and again"
    assert odd.OBJECTS["main"] == {}


def test_a_file_that_changed_in_the_workspace_is_fetched_afresh(pipeline, site, odd, tmp_path):
    """A byte that flips while the file waits for its storage is found, and no storage is blamed for it."""
    odd.REFUSALS["main"] = [("begin", Kind.STORAGE)]
    url, clip = site.url("clip.mp4?flipped"), site.file("clip.mp4").read_bytes()
    config = {"storages": STORAGES, "workspace": {"path": "work"}}
    with pipeline(**config, retry={"attempts": 1}) as running:
        assert [job.status for job in running.run([url])] == [Status.FAILED]
    [file] = (tmp_path / "work").rglob("video.mp4")
    file.write_bytes(clip[:-1] + bytes([clip[-1] ^ 1]))
    with pipeline(**config) as running:
        [job] = running.run([url])
    assert (job.status, kinds(job)) == (Status.DOWNLOADED, [Kind.STORAGE, Kind.INVALID])
    assert [data for data, _ in odd.OBJECTS["main"].values()] == [clip]
    assert len(site.log(url)) == 2


@pytest.mark.parametrize("kind", [Kind.RATE_LIMITED, Kind.NOT_YET, Kind.UNAVAILABLE, Kind.GEO, Kind.INVALID])
def test_a_storage_says_nothing_of_sites_and_videos(pipeline, site, odd, kind):
    """Whatever a storage calls its failure, its site stays open, and the file is kept and sent again."""
    odd.REFUSALS["main"] = [("begin", kind)]
    url = site.url(f"clip.mp4?said-{kind.value}")
    with pipeline(storages=STORAGES) as running:
        [job] = running.run([url])
        assert list(running.sites()) == []
    assert (job.status, kinds(job)) == (Status.DOWNLOADED, [Kind.STORAGE])
    assert len(site.log(url)) == 1


@pytest.mark.parametrize("of", ["odd", "bare"])
@pytest.mark.parametrize(("spoilt", "status"), [(1, Status.DOWNLOADED), (3, Status.FAILED)])
def test_an_object_that_is_not_what_was_sent_goes(pipeline, site, odd, of, spoilt, status):
    """It is written again, also where nothing tells who wrote it; after the last try nothing is left of it."""
    odd.REFUSALS["main"] = [("bad commit", Kind.STORAGE)] * spoilt
    with pipeline(storages={"main": {"type": of, "name": "main"}}) as running:
        [job] = running.run([site.url(f"clip.mp4?{of}-{spoilt}")])
    assert (job.status, kinds(job)) == (status, [Kind.STORAGE] * spoilt)
    clip = site.file("clip.mp4").read_bytes()
    assert [data for data, _ in odd.OBJECTS["main"].values()] == [clip] * (status is Status.DOWNLOADED)


def test_an_object_that_may_not_be_deleted_is_replaced(pipeline, site, odd):
    """Credentials that may only write are enough: what is not whole stays until it is written again."""
    odd.REFUSALS["main"] = [("bad commit", Kind.STORAGE), ("delete", Kind.DENIED)]
    with pipeline(storages=STORAGES) as running:
        [job] = running.run([site.url("clip.mp4?kept")])
    assert (job.status, kinds(job)) == (Status.DOWNLOADED, [Kind.STORAGE])
    assert [data for data, _ in odd.OBJECTS["main"].values()] == [site.file("clip.mp4").read_bytes()]
