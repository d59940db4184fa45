"""Runs that end early: after a while, or once so much was stored."""

import threading
from datetime import timedelta

import pytest

from haulage import Limits, Query, Status, Stepped
from haulage.pipeline.limits import Watch


class Clock:
    """Stands still until it is told to go on."""

    def __init__(self):
        self.seconds = 1000.0

    def __call__(self):
        return self.seconds


def test_a_watch_tells_what_is_left():
    """Time that has passed before it began does not count, and nobody waits for bytes that nobody counts."""
    clock = Clock()
    watch = Watch(Limits(timedelta(minutes=1), 500, clock))
    assert (watch.seconds, watch.reached(499)) == (60, None)
    assert watch.reached(500) == "max_bytes"
    clock.seconds += 60
    assert watch.reached(0) == "max_duration"
    assert Watch(Limits()).reached(10**18) is None


def test_what_runs_at_the_end_of_the_time_is_put_down(pipeline, serve):
    """It stays in the queue, due at once, with what was not begun; no try is counted."""
    clock = Clock()

    def begun(event):
        if isinstance(event, Stepped) and event.step == "fetch":
            clock.seconds += 3600

    urls = [serve("one.mp4?hold=60", "one"), serve("two.mp4", "two")]
    with pipeline(watching=[begun], workers=1) as running:
        jobs = list(running.run(urls, limits=Limits(timedelta(hours=1), clock=clock)))
        assert [job.status for job in jobs] == [Status.PENDING] * 2
        assert running.limit == "max_duration"
        assert [job.tries for job in running.find(Query(unfinished=True))] == [(), ()]
        assert next(running.find(Query(running=True)), None) is None
        serve("one.mp4?hold=60", "one")
        assert [job.status for job in running.run(urls[1:], limits=Limits(timedelta(hours=9)))] == [Status.DOWNLOADED]
        assert running.limit is None


def test_nothing_is_begun_once_so_much_was_stored(pipeline, serve):
    """What runs is finished, files beside the videos count, and the next run goes on."""
    urls = [serve(f"v{number}.mp4", "x" * 1000) for number in range(4)]
    with pipeline(workers=1) as running:
        ended = [job.status for job in running.run(urls, limits=Limits(max_bytes=2500))]
        assert ended == [Status.DOWNLOADED] * 2 + [Status.PENDING] * 2
        assert running.limit == "max_bytes"
        assert [job.status for job in running.run(limits=Limits(max_bytes=10**6))] == [Status.DOWNLOADED] * 2
        assert running.limit is None


def test_what_is_stored_at_once_is_finished(pipeline, serve):
    """With two workers the other one is not interrupted."""
    urls = [serve("fast.mp4", "x"), serve("slow.mp4?hold=1", "y"), serve("last.mp4", "z")]
    both = threading.Barrier(2, timeout=20)

    def begun(event):
        if isinstance(event, Stepped) and event.step == "fetch" and not both.broken and both.n_waiting < 2:
            both.wait()

    with pipeline(watching=[begun], workers=2) as running:
        ended = {job.request.url: job.status for job in running.run(urls, limits=Limits(max_bytes=1))}
    assert [ended[url] for url in urls] == [Status.DOWNLOADED, Status.DOWNLOADED, Status.PENDING]


@pytest.mark.parametrize("limits", [Limits(max_bytes=1), Limits(timedelta(0))])
def test_a_queue_that_is_worked_for_ever_ends_too(pipeline, serve, limits):
    """Also where nobody named what is in it."""
    with pipeline(workers=1) as running:
        running.add([serve("v.mp4", "x")])
        list(running.run(forever=True, limits=limits))
        assert running.limit == ("max_bytes" if limits.max_bytes else "max_duration")
