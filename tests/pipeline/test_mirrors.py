"""A dead mirror neither loses a video, nor keeps others from being hauled, nor fills the disk."""

import sqlite3

import pytest

from haulage import Kind, Status
from haulage.contracts.totals import owed

STORAGES = {name: {"type": "odd", "name": name} for name in ("main", "nas")}


@pytest.fixture
def mirrored(pipeline):
    """A pipeline with a mirror."""
    return lambda **config: pipeline(storages=STORAGES, store_to=["main", "nas"], workers=1, **config)


@pytest.fixture
def local(tmp_path):
    """The videos that lie in the workspace."""
    return lambda: [path for path in (tmp_path / ".haulage" / "work").rglob("*") if path.name == "video.mp4"]


@pytest.mark.parametrize("kind", [Kind.STORAGE, Kind.TRANSIENT, Kind.NO_SPACE])
def test_a_dead_mirror_keeps_nobody_waiting(mirrored, site, odd, local, kind):
    """It is tried as often as the policy says, full or not; then the run has ended, and it is owed both videos."""
    odd.REFUSALS["nas"] = [("begin", kind)] * 99
    urls = [site.url(f"{name}.mp4?dead-{kind}") for name in ("clip", "second")]
    with mirrored() as running:
        jobs = {job.id: job for job in running.run(urls)}
        found = list(running.find())
        assert running.tally().owed == {"nas": 2}
    assert {job.status for job in jobs.values()} == {Status.DOWNLOADED}
    assert [len(job.tries) for job in found] == [3, 3]
    assert {each.failure.kind for job in found for each in job.tries} == {kind}
    assert [owed(job, "nas") for job in found] == [("video", "record")] * 2
    assert len(odd.OBJECTS["main"]) == 2
    assert local() == [], "the local file of a video stays though its storage has it"


@pytest.mark.parametrize(("wait", "kept"), [("30m", 1), ("2h", 0)], ids=["soon", "late"])
def test_local_files_are_kept_for_a_mirror_for_an_hour(mirrored, site, odd, local, tmp_path, wait, kept):
    """Where it is tried again later than that, they go, and it is made from the first storage without a download."""
    odd.REFUSALS["nas"] = [("begin", Kind.STORAGE)]
    path = f"/clip.mp4?kept-{kept}"
    with mirrored(retry={"initial": wait}) as running:
        for job in running.run([site.url(path)]):
            assert job.status is Status.DOWNLOADED
            break
        assert len(local()) == kept
    connection = sqlite3.connect(tmp_path / "haulage.db")
    connection.execute("update video_processing_jobs set due_at = '2026-01-01T00:00:00.000Z'")
    connection.commit()
    connection.close()
    with mirrored() as running:
        list(running.run())
        assert running.tally().owed == {}
    assert odd.OBJECTS["nas"].keys() == odd.OBJECTS["main"].keys()
    assert len(site.log(path)) == 1, "a mirror was made by a download"
    assert local() == []


def test_local_files_are_not_kept_for_a_mirror_where_room_is_short(mirrored, site, odd, local, tmp_path):
    """Whatever else lies on the disk: the first storage has them."""
    odd.REFUSALS["nas"] = [("begin", Kind.STORAGE)]
    with mirrored(retry={"initial": "10m"}, workspace={"max_size": 1000}) as running:
        for job in running.run([site.url("clip.mp4?short")]):
            assert job.status is Status.DOWNLOADED
            break
        assert local() == []
