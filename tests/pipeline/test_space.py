"""Room for downloads: when it is short, who gives way, and that all goes on by itself."""

import shutil
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import NamedTuple

import pytest

from haulage import Continued, Kind, Paused, Settled, Status
from haulage.cancel import Cancelled, CancelToken
from haulage.errors import Failure, FetchError
from haulage.pipeline import heart
from haulage.pipeline import space as module
from haulage.pipeline.space import Space

FULL = Failure(Kind.NO_SPACE, "the bucket is full", cure="free some space")


class Usage(NamedTuple):
    """What shutil.disk_usage gives."""

    total: int
    used: int
    free: int


class Download:
    """As much of an attempt as room is about."""

    def __init__(self, name):
        self.attempt, self.cancel = name, CancelToken()


@pytest.fixture
def disk(monkeypatch) -> Callable[[int], None]:
    """Say how much is free on the disk."""

    def free(count):
        monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(1 << 40, 0, count))

    free(10 << 30)
    return free


@pytest.mark.parametrize(
    ("free", "said"),
    [
        (2 << 30, None),
        ((2 << 30) - 1, "the disk of {0} has 2 GiB free, and workspace.min_free is 2 GiB"),
        (5 << 20, "the disk of {0} has 5 MiB free, and workspace.min_free is 2 GiB"),
        (0, "the disk of {0} has 0 B free, and workspace.min_free is 2 GiB"),
    ],
)
def test_so_much_must_be_free(tmp_path, disk, free, said):
    """Less than workspace.min_free is a shortage, which names the key; as much is none."""
    disk(free)
    short = Space(tmp_path, 2 << 30, None).shortage()
    assert (short and short.message) == (said and said.format(tmp_path))
    if short:
        assert short.kind is Kind.NO_SPACE
        assert short.cure == "free some space there, or set workspace.min_free lower"


def test_so_much_may_lie_in_the_workspace(tmp_path, disk):
    """All files below it count, and as much as workspace.max_size is a shortage."""
    space = Space(tmp_path, 0, 2048)
    (tmp_path / "job" / "attempt").mkdir(parents=True)
    (tmp_path / "job" / "attempt" / "video.mp4.part").write_bytes(b"x" * 1000)
    (tmp_path / "home").write_bytes(b"x" * 1047)
    assert space.shortage() is None
    (tmp_path / "home").write_bytes(b"x" * 1048)
    short = space.shortage()
    assert short.message == f"{tmp_path} holds 2 KiB, and workspace.max_size is 2 KiB"


def test_a_workspace_that_went_is_no_shortage(tmp_path):
    """Who writes there next says better what is wrong."""
    assert Space(tmp_path / "gone", 1 << 62, None).shortage() is None


def test_what_refused_is_remembered_until_it_accepts(tmp_path, disk, monkeypatch):
    """A full storage stops downloads until it takes something, or until it was time to try again and nobody did."""
    space = Space(tmp_path, 0, None)
    space.refused("store:archive", FULL)
    space.refused("store:nas", FULL)
    assert space.shortage() == FULL
    space.accepted("store:nas")
    space.accepted("store:other")
    assert space.shortage() == FULL
    space.accepted("store:archive")
    assert space.shortage() is None
    space.refused("store:archive", FULL)
    monotonic = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: monotonic() + 89)
    assert space.shortage() == FULL
    monkeypatch.setattr(time, "monotonic", lambda: monotonic() + 91)
    assert space.shortage() is None


def test_what_can_be_seen_is_not_remembered(tmp_path, disk):
    """Once the disk has room again nothing is waited for."""
    space = Space(tmp_path, 1 << 30, None)
    disk(0)
    space.refused("store:library", FULL)
    disk(2 << 30)
    assert space.shortage() is None


def test_the_youngest_download_gives_way_and_no_other_while_it_ends(tmp_path, disk):
    """One at a time ends, and says what is short; the others may still find room enough."""
    space = Space(tmp_path, 1 << 30, None)
    old, young = Download("old"), Download("young")
    with space.downloading(old):

        def gives_way():
            with space.downloading(young):
                space.watch()
                assert (old.cancel.reason, young.cancel.reason) == (None, None)
                disk(0)
                space.watch()
                space.watch()
                assert old.cancel.reason is None
                young.cancel.raise_if_cancelled()

        with pytest.raises(FetchError, match=r"the disk of .* has 0 B free") as caught:
            gives_way()
        assert caught.value.failure.kind is Kind.NO_SPACE
        assert space.shared
        disk(2 << 30)
        space.watch()
        assert old.cancel.reason is None
        disk(0)
        space.watch()
        assert old.cancel.reason is not None
    assert not space.shared


def test_a_download_that_was_told_to_end_is_no_failure(tmp_path, disk):
    """Ctrl-C stays what it is, whatever the disk says."""
    space, download = Space(tmp_path, 1 << 30, None), Download("one")

    def stopped():
        with space.downloading(download):
            disk(0)
            download.cancel.cancel("stopped")
            space.watch()
            download.cancel.raise_if_cancelled()

    with pytest.raises(Cancelled):
        stopped()


def test_a_download_that_gave_way_just_before_there_was_room_says_so(tmp_path, disk):
    """It has been ended by then."""
    space, download = Space(tmp_path, 1 << 30, None), Download("one")

    def gives_way():
        with space.downloading(download):
            disk(0)
            space.watch()
            disk(2 << 30)
            download.cancel.raise_if_cancelled()

    with pytest.raises(FetchError, match="had too little room"):
        gives_way()


def test_nothing_is_claimed_for_a_download_while_the_disk_is_full(pipeline, site, disk, tmp_path):
    """The run waits, tells so once, and goes on by itself; nothing was tried meanwhile."""
    disk(0)
    events = []

    def watch(event):
        events.append(event)
        if isinstance(event, Paused):
            threading.Timer(1.5, disk, [10 << 30]).start()

    with pipeline(watching=[watch]) as running:
        [job] = running.run([site.url("clip.mp4")])
    assert job.status is Status.DOWNLOADED
    assert len(job.attempts) == 1, "a job was tried although there was no room"
    assert [type(event) for event in events if isinstance(event, Paused | Continued)] == [Paused, Continued]


def test_a_download_that_runs_gives_way_and_is_not_counted(pipeline, site, disk, tmp_path, monkeypatch):
    """Where the floor is reached under way it ends as no_space, its part is kept, and it is due again."""
    monkeypatch.setattr(heart, "BEAT_SECONDS", 0.05)
    url = site.url("clip.mp4?hold=20")

    def watch(event):
        if isinstance(event, Settled):
            running.stop()

    with pipeline(watching=[watch], retry={"attempts": 1}) as running:
        filler = threading.Thread(target=lambda: (site.wait_for(lambda _: site.log(url)), disk(0)))
        filler.start()
        [job] = running.run([url])
        filler.join()
    [ended] = job.tries
    assert (ended.failure.kind, ended.counted, ended.wait) == (Kind.NO_SPACE, False, timedelta(minutes=1))
    assert job.status is Status.PENDING
    assert [path.name for path in (tmp_path / ".haulage/work" / job.id).rglob("*.part")] == ["video.mp4.part"]


def test_a_full_storage_stops_downloads_and_nothing_else(pipeline, site, odd, monkeypatch, tmp_path):
    """What is fetched is tried again, at its time, before anything more is fetched; then all goes on."""
    monkeypatch.setattr("haulage.pipeline.steps.NO_SPACE", timedelta(seconds=1))
    monkeypatch.setattr(module, "NO_SPACE", timedelta(seconds=10))  # a busy machine may be late by seconds
    odd.REFUSALS["full"] = [("write", Kind.NO_SPACE)] * 2
    paths = ["clip.mp4?a", "second.mp4?a", "third.mp4?a"]
    begun = {path: len(site.log(site.url(path))) for path in paths}
    config = {"storages": {"full": {"type": "odd", "name": "full"}}, "workers": 1, "workspace": {"min_free": 0}}
    with pipeline(**config) as running:
        jobs = {job.request.url: job for job in running.run(map(site.url, paths))}
    assert [job.status for job in jobs.values()] == [Status.DOWNLOADED] * 3
    first, *others = (jobs[site.url(path)] for path in paths)
    assert [(each.failure.kind, each.stage, each.counted) for each in first.tries] == [
        (Kind.NO_SPACE, "store:full", False)
    ] * 2
    assert [len(job.attempts) for job in others] == [1, 1], "a video was fetched while the storage was full"
    assert {path: len(site.log(site.url(path))) - begun[path] for path in paths} == dict.fromkeys(paths, 1)
