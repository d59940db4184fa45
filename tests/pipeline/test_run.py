"""The pipeline through its own door, with a fetcher and storages that do as the tests need."""

import asyncio
import contextlib
import sqlite3
import threading
from datetime import timedelta

import pytest

from haulage import (
    ConfigError,
    HaulageError,
    Kind,
    Lost,
    Pipeline,
    Progressed,
    RunEnded,
    Settled,
    Started,
    Status,
    Stepped,
)
from haulage.cancel import Cancelled
from haulage.errors import StorageError
from haulage.plugin import AttemptId, ObjectInfo


def test_a_job_is_durable_once_it_was_added(pipeline, site, tmp_path):
    """`add` returns after the rows are committed; a later run of the queue hauls them."""
    with pipeline() as first:
        ids = first.add([site.url("clip.mp4"), site.url("second.mp4")])
        connection = sqlite3.connect(tmp_path / "haulage.db")
        assert connection.execute("select id, status from video_processing_jobs order by number").fetchall() == [
            (each, "pending") for each in ids
        ]
        connection.close()
    with pipeline() as second:
        assert {job.id: job.status for job in second.run()} == dict.fromkeys(ids, Status.DOWNLOADED)


def test_each_job_is_yielded_once_as_it_ends(pipeline, site):
    """What went well and what did not are both results, each with its reason."""
    with pipeline() as running:
        jobs = {job.request.url: job for job in running.run([site.url("clip.mp4"), site.url("404/x/gone.mp4")])}
    assert len(jobs) == 2
    assert jobs[site.url("clip.mp4")].status is Status.DOWNLOADED
    gone = jobs[site.url("404/x/gone.mp4")]
    assert (gone.status, gone.tries[-1].failure.kind) == (Status.UNAVAILABLE, Kind.UNAVAILABLE)


def test_two_urls_of_one_video_are_hauled_once(pipeline, site):
    """The second job ends as a duplicate that names the first."""
    path = "clip.mp4"
    with pipeline(workers=1) as running:
        first, second = running.run([site.url(f"{path}?a"), site.url(f"{path}?b")])
        assert (first.status, second.status) == (Status.DOWNLOADED, Status.DUPLICATE)
        assert second.twin == first.id


def test_a_list_adds_a_job_for_each_entry(pipeline, site, tmp_path, serve):
    """The list itself ends as expanded; asking for it again hauls what is new and nothing else."""
    entries = [site.url(f"{name}.mp4") for name in ("clip", "second")]
    url = serve("videos.list", "\n".join(entries))
    with pipeline() as running:
        statuses = [job.status for job in running.run([url])]
        assert sorted(statuses) == [Status.DOWNLOADED] * 2 + [Status.EXPANDED]
        serve("videos.list", "\n".join([*entries, site.url("third.mp4")]))
        asked = len(site.log("/clip.mp4"))
        again = {job.request.url: job.status for job in running.run([url])}
        assert again[site.url("third.mp4")] is Status.DOWNLOADED
        assert len(site.log("/clip.mp4")) == asked


def test_lists_within_lists_come_to_an_end(pipeline, serve):
    """A list that leads to another one, and so on, is given up ten levels below the one that was asked for."""
    urls = [serve("last.list", "")]
    for level in range(20):
        urls.insert(0, serve(f"{level}.list", urls[0]))
    with pipeline() as running:
        ended = {job.request.url: job.status for job in running.run(urls[:1])}
    assert ended == {**dict.fromkeys(urls[:10], Status.EXPANDED), urls[10]: Status.UNAVAILABLE}


def test_a_page_without_a_video_is_unavailable(pipeline, serve):
    """Nothing behind a URL is told as such."""
    with pipeline() as running:
        [job] = running.run([serve("page.none", "")])
    assert (job.status, job.tries[-1].failure.message) == (
        Status.UNAVAILABLE,
        "there is no video behind this URL",
    )


def test_a_bug_of_a_fetcher_fails_its_job_alone(pipeline, site, serve):
    """An exception that no contract allows is recorded as a bug, and the other jobs go on."""
    with pipeline() as running:
        jobs = {job.status: job for job in running.run([serve("page.bug", ""), site.url("clip.mp4")])}
    failure = jobs[Status.FAILED].tries[-1].failure
    assert (failure.kind, failure.message) == (Kind.BUG, "KeyError: 'no such thing'")
    assert Status.DOWNLOADED in jobs


@pytest.mark.parametrize(
    "error", [asyncio.CancelledError("by a loop"), SystemExit(7), Cancelled("nobody asked for it")]
)
def test_what_a_storage_must_not_raise_fails_its_job_alone(pipeline, site, odd, error):
    """What is no Exception neither ends the run nor has the job begun again at once: it is a bug like another one."""
    odd.REFUSALS["main"] = [("begin", error)]
    with pipeline(storages={"main": {"type": "odd", "name": "main"}}, workers=1) as running:
        jobs = list(running.run([site.url("clip.mp4?stray"), site.url("second.mp4?stray")]))
    assert [job.status for job in jobs] == [Status.FAILED, Status.DOWNLOADED]
    [failure] = [each.failure for each in jobs[0].tries]
    assert (failure.kind, failure.message) == (Kind.BUG, f"{type(error).__name__}: {error}")


@pytest.mark.parametrize("place", ["in the same block", "in another one"])
def test_what_a_retry_policy_raises_leaves_no_job_held(pipeline, site, odd, place):
    """The run ends with it; the next one takes the job at once, long before the lease of the first one is over."""
    odd.REFUSALS["main"] = [("begin", Kind.STORAGE)]
    config = {"storages": {"main": {"type": "odd", "name": "main"}}, "retry": {"type": "odd"}}
    heard = []
    with contextlib.ExitStack() as blocks:
        running = blocks.enter_context(pipeline(watching=[heard.append], **config))
        with pytest.raises(ZeroDivisionError):
            list(running.run([site.url("clip.mp4?policy")]))
        assert [type(each) for each in heard[-2:]] == [Lost, RunEnded]
        if place == "in another one":
            blocks.close()
            running = blocks.enter_context(pipeline(**config))
        running.assembly.worker.begin("")
        job = running.assembly.worker.work_once("")
    assert job is not None, "the job is still held"
    assert job.status is Status.DOWNLOADED


def test_where_no_thread_can_be_started_no_job_is_held(pipeline, site, monkeypatch):
    """Nobody would keep its lease alive; once the machine has threads again, the job is begun."""

    def refuse(thread):
        raise RuntimeError("can't start new thread")

    with pipeline() as running:
        running.add([site.url("clip.mp4?threads")])
        with monkeypatch.context() as full:
            full.setattr(threading.Thread, "start", refuse)
            with pytest.raises(RuntimeError, match="can't start new thread"):
                running.assembly.worker.work_once("")
        job = running.assembly.worker.work_once("")
        assert job is not None, "the job is still held"
    assert job.status is Status.DOWNLOADED


@pytest.mark.parametrize("moment", ["begin", "write", "commit"])
def test_a_failed_upload_does_not_download_again(pipeline, site, odd, moment):
    """A storage that fails twice holds the whole file in the end, and the site was asked once."""
    odd.REFUSALS["main"] = [(moment, Kind.STORAGE), (moment, Kind.STORAGE)]
    path = f"/clip.mp4?{moment}"
    with pipeline(storages={"main": {"type": "odd", "name": "main"}}) as running:
        [job] = running.run([site.url(path)])
    assert job.status is Status.DOWNLOADED
    assert [each.wait for each in job.tries] == [timedelta(seconds=0.05), timedelta(seconds=0.1)]
    [(data, _)] = odd.OBJECTS["main"].values()
    assert data == site.file("clip.mp4").read_bytes()
    assert len(site.log(path)) == 1


def test_a_video_whose_upload_failed_for_good_is_kept_for_the_next_time(pipeline, site, odd):
    """After the last try the job has failed; asked for again, it stores what was fetched then."""
    odd.REFUSALS["main"] = [("commit", Kind.STORAGE)] * 3
    path = "/clip.mp4?for-good"
    with pipeline(storages={"main": {"type": "odd", "name": "main"}}) as running:
        [job] = running.run([site.url(path)])
        assert (job.status, len(job.tries), len(odd.OBJECTS["main"])) == (Status.FAILED, 3, 0)
        [job] = running.run([site.url(path)])
    assert (job.status, len(odd.OBJECTS["main"])) == (Status.DOWNLOADED, 1)
    assert len(site.log(path)) == 1


def test_failures_that_were_overcome_do_not_count_for_ever(pipeline, serve, site):
    """A list that is asked for again and again, and fails once each time, is never given up."""
    url = serve("flaky.list", site.url("clip.mp4"))
    with pipeline(retry={"attempts": 2, "initial": 0.01}) as running:
        for _ in range(3):
            serve("flaky.list", None)
            job = {job.request.url: job for job in running.run([url])}[url]
            assert job.status is Status.EXPANDED
    assert [each.failure.kind for each in job.tries] == [Kind.TRANSIENT] * 3


def test_a_lost_answer_is_no_failure(pipeline, site, odd):
    """An upload that was published while its answer was lost is found by its attempt, and not sent again."""
    odd.REFUSALS["main"] = [("answer", Kind.STORAGE)]
    with pipeline(storages={"main": {"type": "odd", "name": "main"}}) as running:
        [job] = running.run([site.url("clip.mp4?answer")])
    assert (job.status, job.tries, len(odd.OBJECTS["main"])) == (Status.DOWNLOADED, (), 1)


def test_an_object_that_is_not_what_was_sent_is_replaced(pipeline, site, odd):
    """A storage that changes a byte says success; the copy counts only once it agrees with the file."""
    odd.REFUSALS["main"] = [("bad commit", Kind.STORAGE)]
    with pipeline(storages={"main": {"type": "odd", "name": "main"}}) as running:
        [job] = running.run([site.url("clip.mp4?bad")])
    assert job.status is Status.DOWNLOADED
    assert [each.failure.kind for each in job.tries] == [Kind.STORAGE]
    [(data, _)] = odd.OBJECTS["main"].values()
    assert data == site.file("clip.mp4").read_bytes()


def test_an_object_of_a_stopped_attempt_is_ours_to_replace(pipeline, site, odd, tmp_path):
    """What an earlier attempt at the job left under the key is no stranger's, however that attempt ended."""
    held, quick = site.url("third.mp4?hold=1"), site.url("clip.mp4?quick")
    with pipeline(storages={"main": {"type": "odd", "name": "main"}}, workers=2) as running:
        next(running.run([held, quick]))  # the held one is put down
        connection = sqlite3.connect(tmp_path / "haulage.db")
        query = "select a.id from attempts a join video_processing_jobs j on a.job = j.id where j.url = ?"
        [(attempt,)] = connection.execute(query, [held]).fetchall()
        connection.close()
        left = ObjectInfo("video/mp4", AttemptId(attempt), "plain third.mp4", "0" * 64)
        odd.OBJECTS["main"]["top/third.mp4/video.mp4"] = (b"half of it", left)
        [job] = running.run([held])
    assert (job.status, job.tries) == (Status.DOWNLOADED, ())
    assert odd.OBJECTS["main"]["top/third.mp4/video.mp4"][0] == site.file("third.mp4").read_bytes()


def test_a_dead_mirror_does_not_keep_a_video_from_being_downloaded(pipeline, site, odd):
    """The first storage decides; what the mirror still lacks is made by the next run, without a download."""
    odd.REFUSALS["mirror"] = [("begin", Kind.STORAGE)] * 3
    storages = {name: {"type": "odd", "name": name} for name in ("main", "mirror")}
    path = "/clip.mp4?mirror"
    with pipeline(storages=storages) as running:
        [job] = running.run([site.url(path)])
        assert (job.status, len(odd.OBJECTS["mirror"])) == (Status.DOWNLOADED, 0)
        [job] = running.run([site.url(path)])
    assert {copy.storage: copy.state for copy in job.copies} == {"main": "stored", "mirror": "stored"}
    assert odd.OBJECTS["mirror"].keys() == odd.OBJECTS["main"].keys()
    assert len(site.log(path)) == 1


def test_a_storage_that_denies_stops_the_run(pipeline, site, odd):
    """The error reaches the caller, the file is kept, and the next run stores it without a download."""
    odd.REFUSALS["main"] = [("begin", Kind.DENIED)]
    config = {"storages": {"main": {"type": "odd", "name": "main"}}, "workers": 1}
    path = "/clip.mp4?denied"
    with pipeline(**config) as running, pytest.raises(StorageError, match="main refuses at begin"):
        list(running.run([site.url(path), site.url("second.mp4?denied")]))
    with pipeline(**config) as running:
        assert [job.status for job in running.run()] == [Status.DOWNLOADED] * 2
    assert len(site.log(path)) == 1


def test_a_site_that_asks_to_wait_is_left_alone(pipeline, site):
    """After a 429 nothing is asked of it before its Retry-After is over, and nothing is counted."""
    before = len(site.requests)
    with pipeline(workers=1) as running:
        limited, other = running.run([site.url("429/2/clip.mp4"), site.url("second.mp4?patient")])
    first, *later = site.requests[before:]
    assert (first.status, [request.status for request in later]) == (429, [200, 200])
    assert all(request.at - first.at >= 2 for request in later)
    assert [limited.status, other.status] == [Status.DOWNLOADED] * 2
    tries = limited.tries + other.tries
    assert [(each.failure.kind, each.counted) for each in tries] == [(Kind.RATE_LIMITED, False)]


def test_a_run_waits_for_what_another_run_has_taken_over(pipeline, site):
    """A job that waits for its next try joins the later run; the earlier one reports how it ended there."""
    failed, results = threading.Event(), []
    url = site.url("503-twice/taken-over/clip.mp4")
    retry = {"initial": 0.5, "factor": 1}

    def first():
        with pipeline(watching=[lambda event: failed.set() if isinstance(event, Settled) else None], retry=retry) as a:
            results.extend(a.run([url]))

    thread = threading.Thread(target=first)
    thread.start()
    assert failed.wait(10)
    with pipeline(workers=1, retry=retry) as b:
        [job] = b.run([url])
    thread.join(10)
    assert [each.status for each in [job, *results]] == [Status.DOWNLOADED] * 2
    assert len(site.log("/503-twice/taken-over/clip.mp4")) == 3


def test_leaving_the_loop_gives_the_jobs_back(pipeline, site, tmp_path):
    """What was under way is due at once, and nothing is held or counted."""
    with pipeline(workers=2) as running:
        for job in running.run([site.url("third.mp4?hold=60"), site.url("clip.mp4")]):
            assert job.request.url == site.url("clip.mp4")
            break
    connection = sqlite3.connect(tmp_path / "haulage.db")
    query = "select status, attempt from video_processing_jobs where url like '%hold=60'"
    assert connection.execute(query).fetchall() == [("pending", None)]
    assert connection.execute("select count(*) from attempts where kind is not null").fetchone() == (0,)
    connection.close()


@pytest.mark.parametrize("ends", ["leaves its loop", "is stopped"])
def test_a_run_leaves_the_run_of_another_pipeline_of_its_config_alone(pipeline, serve, ends):
    """What the other one has begun is carried on, what waits is begun, and its observers hear of that alone."""
    heard, results = set(), []
    in_hand, left, begun = threading.Barrier(3), threading.Event(), threading.Semaphore(2)

    def hear(event):
        if isinstance(event, Stepped):
            heard.add(event.job)
            if begun.acquire(blocking=False):
                in_hand.wait(30)
                left.wait(30)

    urls = [serve(f"theirs-{number}.mp4", str(number) * 99) for number in range(2 if ends == "leaves its loop" else 3)]
    theirs = pipeline(watching=[hear], workers=2)

    def run():
        with theirs:
            results.extend(theirs.run(urls))

    thread = threading.Thread(target=run)
    thread.start()
    try:
        in_hand.wait(30)
        with pipeline(workers=2) as ours:
            url = serve("ours.mp4", "x" * 99)
            if ends == "leaves its loop":
                ours.add([url])
                next(ours.run())
            else:
                for _ in ours.run([url]):
                    ours.stop()
        left.set()
        thread.join(10)
        assert not thread.is_alive(), "the other run does not end"
    finally:
        left.set()
        theirs.stop()
        thread.join()
    assert [
        (job.request.url, job.status, len(job.attempts)) for job in sorted(results, key=lambda job: job.request.url)
    ] == [(each, Status.DOWNLOADED, 1) for each in urls]
    assert heard == {job.id for job in results}


def test_observers_hear_of_everything_and_can_hurt_nothing(pipeline, site):
    """Events come in order; an observer that raises is told no more, and the job goes on."""
    events, calls = [], []

    def broken(event):
        calls.append(event)
        raise RuntimeError("an observer's own trouble")

    with pipeline(watching=[broken, events.append]) as running:
        [job] = running.run([site.url("clip.mp4?observed")])
    assert job.status is Status.DOWNLOADED
    assert len(calls) == 1
    assert isinstance(events[0], Started)
    assert [type(each) for each in events[-2:]] == [Settled, RunEnded]
    stages = [event.stage for event in events if isinstance(event, Progressed)]
    assert list(dict.fromkeys(stages)) == ["expand", "fetch", "store:library", "nothing"]
    size = site.file("clip.mp4").stat().st_size
    assert (size, size) in [(each.done, each.total) for each in events if isinstance(each, Progressed)]


def test_a_lease_is_kept_alive(pipeline, site, tmp_path):
    """A job that takes longer than its lease is still held by who holds it: there is one attempt."""
    with pipeline(lease="5s", workers=2) as running:  # not shorter, for a machine that stalls
        [job] = running.run([site.url("third.mp4?hold=5.5")])
    assert job.status is Status.DOWNLOADED
    connection = sqlite3.connect(tmp_path / "haulage.db")
    assert connection.execute("select count(*) from attempts").fetchone() == (1,)
    connection.close()


@pytest.mark.parametrize(
    "url", ["clip.mp4", "ftp://x/clip", "http://", "https://me:pw@x.invalid/", "http://x y/", "http://[/"]
)
def test_what_is_no_url_is_refused(pipeline, url):
    """Nothing of it reaches the queue."""
    with pipeline() as running, pytest.raises(ConfigError):
        running.add([url])


def test_a_pipeline_is_used_inside_its_block(pipeline):
    """Outside of it a clear error says so."""
    unused = pipeline()
    with pytest.raises(RuntimeError, match="outside its `with` block"):
        unused.find()


def test_a_config_that_cannot_be_read_is_told(tmp_path):
    """The path and the reason are in the message."""
    with pytest.raises(HaulageError, match=r"cannot read the config .*missing\.yaml: No such file or directory"):
        Pipeline.from_config(tmp_path / "missing.yaml")
