"""What is made sure of before the first byte is fetched."""

import pytest

from haulage import Kind, Status
from haulage.plugin import StorageError

STORAGES = {name: {"type": "odd", "name": name} for name in ("main", "mirror")}


@pytest.mark.parametrize("name", ["main", "mirror"])
@pytest.mark.parametrize("kind", [Kind.DENIED, Kind.CONFIG])
def test_a_storage_that_refuses_for_good_ends_the_run_before_it_begins(pipeline, site, odd, name, kind):
    """Nothing is requested from the site, and the job waits in the queue untouched."""
    odd.REFUSALS[name] = [("check", kind)]
    path = f"/clip.mp4?refused-{name}-{kind}"
    with pipeline(storages=STORAGES, store_to=["main", "mirror"]) as running:
        with pytest.raises(StorageError, match=f"{name} refuses at check"):
            list(running.run([site.url(path)]))
        [job] = running.find()
    assert (job.status, job.attempts, site.log(path)) == (Status.PENDING, (), ())
    assert odd.OBJECTS == {"main": {}, "mirror": {}}


def test_a_storage_that_may_come_back_is_left_to_the_retry_policy(pipeline, site, odd):
    """A store that is only busy does not end the run."""
    odd.REFUSALS["main"] = [("check", Kind.STORAGE)]
    with pipeline(storages=STORAGES) as running:
        [job] = running.run([site.url("clip.mp4?busy")])
    assert (job.status, job.tries) == (Status.DOWNLOADED, ())


def test_the_check_leaves_nothing(pipeline, site, odd):
    """No object and no open upload tells of it."""
    with pipeline(storages=STORAGES) as running:
        list(running.run([site.url("clip.mp4?left")]))
    assert list(odd.OBJECTS["main"]) == ["top/clip.mp4/video.mp4"]
    assert odd.OPEN == {"main": [], "mirror": []}


def test_the_check_ends_what_a_killed_one_left_open(pipeline, site, odd):
    """An upload that was begun for a check is ended by the next one, and no other is."""
    others = [("haulage-check-me", "1"), ("top/haulage-check-0123456789abcdef", "2"), ("top/video.mp4", "3")]
    odd.OPEN["main"] = [("haulage-check-0123456789abcdef", "0"), *others]
    with pipeline(storages=STORAGES) as running:
        list(running.run([site.url("clip.mp4?killed")]))
    assert odd.OPEN["main"] == others


def test_where_nothing_is_due_no_storage_is_asked(pipeline, site, odd):
    """A queue with nothing in it costs no request."""
    odd.REFUSALS["main"] = [("check", Kind.DENIED)]
    with pipeline(storages=STORAGES) as running:
        assert list(running.run()) == []
    assert odd.REFUSALS["main"]
