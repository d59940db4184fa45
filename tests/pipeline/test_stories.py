"""One video's stories: what may happen between a URL and a storage, and how it ends all the same.

Crashes are simulated here by an exception that no step catches; tests/integration kills real processes.
"""

import sqlite3
import threading
import time

import pytest

from haulage import Kind, Progressed, Status, Stepped
from haulage.errors import AttemptLost
from haulage.pipeline import behind
from haulage.plugin import AttemptId, Done, ObjectInfo

STORAGE = {"a": {"type": "odd", "name": "a"}}
KEY = "top/clip.mp4/video.mp4"


class Crash(KeyboardInterrupt):
    """The worker dies here."""


def wait_until(true):
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def growing(odd, site, monkeypatch):
    """Every file is worth being sent while it grows, and a download goes on only once half of it was sent."""
    import plain_fetcher

    def until_half_is_sent():
        wait_until(lambda: odd.SENT.get("a", 0) >= site.file("clip.mp4").stat().st_size // 2)

    monkeypatch.setattr(behind, "WORTHWHILE", 1)
    monkeypatch.setattr(plain_fetcher, "PAUSES", [until_half_is_sent] * 3)


@pytest.fixture
def machine(pipeline):
    """A pipeline with a workspace of its own; all have one database."""

    def make(name="A", storages=STORAGE, **config):
        database = "sqlite:///queue.db"
        return pipeline(storages=storages, workspace={"path": name}, database=database, workers=1, **config)

    return make


@pytest.fixture
def tick(tmp_path):
    """Let time pass, as far as the database can tell."""

    def pass_by(seconds):
        connection = sqlite3.connect(tmp_path / "queue.db")
        for table, column in (("video_processing_jobs", "due_at"), ("sites", "opens_at")):
            earlier = f"strftime('%Y-%m-%dT%H:%M:%fZ', {column}, '-{seconds} seconds')"
            connection.execute(f"update {table} set {column} = {earlier}")
        connection.commit()
        connection.close()

    return pass_by


@pytest.fixture
def media(site):
    """How often a path was asked for."""
    return lambda path: len(site.log(path))


def stored(odd, site, *names):
    """Whether each storage holds the clip, and nothing else."""
    clip = site.file("clip.mp4").read_bytes()
    return [[data for data, _ in odd.OBJECTS[name].values()] for name in names] == [[clip]] * len(names)


def test_plain(machine, site, odd, media):
    """A video is stored; asked for again, nothing is due and nothing is requested."""
    url = site.url("clip.mp4?plain")
    with machine() as a:
        assert [job.status for job in a.run([url])] == [Status.DOWNLOADED]
        assert [job.status for job in a.run([url])] == [Status.DOWNLOADED]
    assert stored(odd, site, "a")
    assert media("/clip.mp4?plain") == 1


def test_write_behind(machine, site, odd, media, growing):
    """A file that is sent while it is downloaded is sent once, and committed when its digest agrees; observers hear."""
    heard = []
    with machine(watching=[heard.append]) as a:
        [job] = a.run([site.url("clip.mp4?grow")])
    assert (job.status, job.tries) == (Status.DOWNLOADED, ())
    assert stored(odd, site, "a")
    assert (odd.SENT["a"], odd.OPEN["a"]) == (site.file("clip.mp4").stat().st_size, [])
    assert media("/clip.mp4?grow") == 1
    began = heard.index(Stepped(job.id, job.attempts[0], "store", "a", "video"))
    size = odd.SENT["a"]
    said = Progressed(job.id, job.attempts[0], "store:a", size, size)
    assert said in heard[began : heard.index(Stepped(job.id, job.attempts[0], "verify", "a", "video"))]


def test_write_behind_of_a_source_that_begins_anew(machine, site, odd, media, growing):
    """What was sent too early is never published; the whole is sent in the ordinary way."""
    with machine() as a:
        [job] = a.run([site.url("clip.mp4?grow-restart")])
    assert (job.status, job.tries) == (Status.DOWNLOADED, ())
    assert stored(odd, site, "a")
    size = site.file("clip.mp4").stat().st_size
    assert size < odd.SENT["a"] <= 2 * size
    assert odd.OPEN["a"] == []
    assert media("/clip.mp4?grow-restart") == 1


@pytest.mark.parametrize("moment", ["begin", "write"])
def test_write_behind_that_the_store_refuses(machine, site, odd, media, growing, moment):
    """A refusal while the file grows counts nothing: the finished file is sent."""
    import plain_fetcher

    odd.REFUSALS["a"] = [(moment, Kind.STORAGE)]
    plain_fetcher.PAUSES[:] = [lambda: wait_until(lambda: not odd.REFUSALS["a"])]
    with machine() as a:
        [job] = a.run([site.url(f"clip.mp4?grow-refused-{moment}")])
    assert (job.status, job.tries) == (Status.DOWNLOADED, ())
    assert stored(odd, site, "a")
    assert odd.OPEN["a"] == []


@pytest.mark.parametrize("ends", ["broken", "stopped"])
def test_write_behind_ends_with_the_download(machine, site, odd, growing, ends):
    """A download that fails or is stopped half-way leaves no upload open and no object."""
    import plain_fetcher

    half = plain_fetcher.PAUSES[-1]

    def end():
        half()
        if ends == "broken":
            raise KeyError("the download breaks")
        a.assembly.worker.cancel("")

    plain_fetcher.PAUSES[:] = [end]
    with machine() as a:
        a.add([site.url(f"clip.mp4?grow-{ends}")])
        job = a.assembly.worker.work_once("")
        kinds = [each.failure.kind for each in job.tries]
        expected = {"broken": (Status.FAILED, [Kind.BUG]), "stopped": (Status.PENDING, [])}
        assert (job.status, kinds) == expected[ends]
        assert (odd.OBJECTS["a"], odd.OPEN["a"]) == ({}, [])


@pytest.mark.parametrize("moment", ["growing", "commit"])
def test_a_crash_that_leaves_an_upload_open(machine, site, odd, media, tick, growing, moment):
    """Whoever takes the job over ends what the dead worker left open."""
    import plain_fetcher

    odd.REFUSALS["a"] = [("abort", Crash()), ("abort", Crash())]
    if moment == "commit":
        odd.REFUSALS["a"].insert(0, ("commit", Crash()))
    else:
        half = plain_fetcher.PAUSES[-1]

        def crash():
            half()
            raise Crash

        plain_fetcher.PAUSES.append(crash)
    with machine("A") as a, pytest.raises(Crash):
        list(a.run([site.url(f"clip.mp4?{'grow-' if moment == 'growing' else ''}open-{moment}")]))
    odd.REFUSALS.clear()
    assert len(odd.OPEN["a"]) == 1
    odd.OPEN["a"].append(("top/clip.mp4/other.mp4", "a stranger's"))
    tick(3600)
    with machine("B") as b:
        [job] = b.run()
    assert job.status is Status.DOWNLOADED
    assert stored(odd, site, "a")
    assert odd.OPEN["a"] == [("top/clip.mp4/other.mp4", "a stranger's")]


def test_a_mirror_that_fails_twice(machine, site, odd, media):
    """Both storages hold it in the end, after two waits and one download."""
    odd.REFUSALS["b"] = [("begin", Kind.STORAGE)] * 2
    with machine(storages={**STORAGE, "b": {"type": "odd", "name": "b"}}) as a:
        for job in a.run([site.url("clip.mp4?mirror-fails")]):
            last = job
    [job] = [last]
    assert stored(odd, site, "a", "b")
    assert [each.wait.total_seconds() for each in job.tries if each.wait] == [0.05, 0.1][: len(job.tries)]
    assert media("/clip.mp4?mirror-fails") == 1


def test_a_mirror_that_is_dead(machine, site, odd, media, tmp_path):
    """The video is downloaded; the mirror is owed, and no work folder is left for it."""
    odd.REFUSALS["b"] = [("begin", Kind.STORAGE)] * 99
    with machine(storages={**STORAGE, "b": {"type": "odd", "name": "b"}}) as a:
        jobs = list(a.run([site.url("clip.mp4?mirror-dead")]))
    assert [job.status for job in jobs] == [Status.DOWNLOADED]
    assert stored(odd, site, "a")
    assert (odd.OBJECTS["b"], media("/clip.mp4?mirror-dead")) == ({}, 1)
    assert [path.name for path in (tmp_path / "A").iterdir()] == ["home"]


def test_a_store_that_fails_twice(machine, site, odd, media):
    """It is stored at the third try, and downloaded once."""
    odd.REFUSALS["a"] = [("begin", Kind.STORAGE)] * 2
    with machine() as a:
        [job] = a.run([site.url("clip.mp4?store-fails")])
    assert stored(odd, site, "a")
    assert [each.wait.total_seconds() for each in job.tries] == [0.05, 0.1]
    assert media("/clip.mp4?store-fails") == 1


def test_a_site_that_limits(machine, site, odd, tick):
    """After a 429 it is closed for every worker; then one job at a time asks until one succeeds; nothing is counted."""
    others = [site.url(f"second.mp4?limits-{number}{'&hold=2' if not number else ''}") for number in range(5)]
    with machine("A") as a, machine("B") as b:
        a.add([site.url("429/2/limits/clip.mp4"), *others])
        assert a.assembly.worker.work_once("").status is Status.PENDING
        assert b.assembly.worker.work_once("") is None
        tick(91)
        probing, asked = threading.Thread(target=a.assembly.worker.work_once, args=("",)), len(site.requests)
        probing.start()
        while len(site.requests) == asked:
            pass
        assert b.assembly.worker.work_once("") is None
        probing.join()
        list(b.run())
        jobs = list(b.find())
    assert [job.status for job in jobs] == [Status.DOWNLOADED] * 2 + [Status.DUPLICATE] * 4
    assert [(each.failure.kind, each.counted) for job in jobs for each in job.tries] == [(Kind.RATE_LIMITED, False)]


@pytest.mark.parametrize("when", ["growing", "finished"])
@pytest.mark.parametrize("kind", ["odd", "bare"])
def test_a_crash_after_the_commit(machine, site, odd, media, tick, kind, when, growing):
    """Another machine finds the object, by its attempt or by reading it, and neither downloads nor uploads again."""
    storages = {"a": {"type": kind, "name": "a"}}
    path = f"/clip.mp4?after-commit-{kind}-{'grow' if when == 'growing' else 'whole'}"
    odd.REFUSALS["a"] = [("answer", Crash())]
    with machine("A", storages) as a, pytest.raises(Crash):
        list(a.run([site.url(path)]))
    sent = odd.SENT["a"]
    tick(3600)
    with machine("B", storages) as b:
        [job] = b.run()
    assert job.status is Status.DOWNLOADED
    assert stored(odd, site, "a")
    assert [each.failure.kind for each in job.tries] == [Kind.CRASHED]
    assert (odd.SENT["a"], media(path)) == (sent, 1)


def test_a_crash_before_the_commit(machine, site, odd, media, tick, tmp_path):
    """The same machine stores what it had fetched; its work folder goes with that."""
    odd.REFUSALS["a"] = [("commit", Crash())]
    with machine() as a, pytest.raises(Crash):
        list(a.run([site.url("clip.mp4?before-commit")]))
    tick(91)
    with machine() as a:
        [job] = a.run()
    assert job.status is Status.DOWNLOADED
    assert stored(odd, site, "a")
    assert media("/clip.mp4?before-commit") == 1
    assert [path.name for path in (tmp_path / "A").iterdir()] == ["home"]


@pytest.mark.parametrize(("comes_back", "downloads"), [(True, 1), (False, 2)])
def test_a_crash_with_two_machines(machine, site, odd, media, tick, comes_back, downloads):
    """The files belong to the machine that fetched them; only if it stays away another one fetches again, once."""
    path = f"/clip.mp4?machines-{comes_back}"
    odd.REFUSALS["a"] = [("commit", Crash())]
    with machine("A") as a, pytest.raises(Crash):
        list(a.run([site.url(path)]))
    tick(91)
    with machine("B") as b:
        assert b.assembly.worker.work_once("") is None
        if not comes_back:
            tick(3600)
            [job] = b.run()
    if comes_back:
        with machine("A") as a:
            [job] = a.run()
    assert job.status is Status.DOWNLOADED
    assert stored(odd, site, "a")
    assert media(path) == downloads


def test_resumed(machine, site, odd):
    """What was loaded before the connection broke is not loaded again."""
    size = site.file("clip.mp4").stat().st_size
    path = "/cut-once/60/resumed/clip.mp4"
    with machine() as a:
        [job] = a.run([site.url(path)])
    assert job.status is Status.DOWNLOADED
    first, second = site.log(path)
    assert (first.status, second.status) == (200, 206)
    assert second.body_bytes <= size - first.body_bytes * 0.95
    [(data, _)] = odd.OBJECTS["a"].values()
    assert data == site.file("clip.mp4").read_bytes()
    assert [each.failure.kind for each in job.tries] == [Kind.TRANSIENT]


def test_a_lost_answer(machine, site, odd):
    """The upload had succeeded: it is found, and nothing is sent twice."""
    odd.REFUSALS["a"] = [("answer", Kind.STORAGE)]
    with machine() as a:
        [job] = a.run([site.url("clip.mp4?lost-answer")])
    assert (job.status, job.tries) == (Status.DOWNLOADED, ())
    assert stored(odd, site, "a")
    assert odd.SENT["a"] == site.file("clip.mp4").stat().st_size


def test_a_sleeper(machine, site, odd, tick):
    """A worker that slept past its lease can record nothing over its successor."""
    from datetime import timedelta

    with machine("A") as a, machine("B") as b:
        a.add([site.url("clip.mp4?sleeper")])
        hold = a.assembly.store.claim("sleeper", timedelta(seconds=60), home="A", handover=timedelta(0))
        tick(61)
        [job] = b.run()
        with pytest.raises(AttemptLost):
            a.assembly.store.save(hold, hold.job, Done())
        assert [each.status for each in a.find()] == [Status.DOWNLOADED]
    assert job.status is Status.DOWNLOADED
    assert stored(odd, site, "a")


def test_a_stranger(machine, site, odd):
    """Another's object under the key is never overwritten, and the failure says so."""
    odd.OBJECTS["a"] = {KEY: (b"theirs", ObjectInfo("text/plain", AttemptId("f" * 32), "another", "0" * 64))}
    with machine() as a:
        [job] = a.run([site.url("clip.mp4?stranger")])
    assert (job.status, job.tries[-1].failure.kind) == (Status.FAILED, Kind.CONFLICT)
    assert odd.OBJECTS["a"][KEY][0] == b"theirs"


def test_two_urls_of_one_video(machine, site, odd, media):
    """The second one ends as a duplicate of the first, without a request for media."""
    with machine() as a:
        first, second = a.run([site.url("clip.mp4?twin-1"), site.url("clip.mp4?twin-2")])
    assert (first.status, second.status, second.twin) == (Status.DOWNLOADED, Status.DUPLICATE, first.id)
    assert stored(odd, site, "a")
    assert (media("/clip.mp4?twin-1"), media("/clip.mp4?twin-2")) == (1, 0)


def test_a_playlist(machine, site, odd, serve):
    """Each entry is a job of its own, and one that is there already is not hauled again."""
    names = ("clip", "second", "third")
    entries = [site.url(f"{name}.mp4") for name in names]
    url = serve("all.list", "\n".join(entries))
    with machine() as a:
        assert [job.status for job in a.run([entries[0]])] == [Status.DOWNLOADED]
        sent = odd.SENT["a"]
        statuses = {job.request.url: job.status for job in a.run([url])}
    assert statuses == {url: Status.EXPANDED, **dict.fromkeys(entries[1:], Status.DOWNLOADED)}
    assert len(odd.OBJECTS["a"]) == 3
    assert odd.SENT["a"] - sent == sum(site.file(f"{name}.mp4").stat().st_size for name in names[1:])
