"""Adding jobs, and asking again."""

from datetime import timedelta

import pytest
from attrs import evolve

from haulage.contracts.metadata import Again, Done, NewJob
from haulage.values import Request, Status

LONG = timedelta(minutes=5)
NOW = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"


def test_two_urls_of_one_video_in_one_call_make_one_job(store, ask, new, video):
    """A list that has a video twice under two URLs gives one job, and is no failure."""
    assert store.add([new(1, video=video()), new(2, video=video(url="https://example.com/2")), new(3)]) == 2
    assert ask("select url from video_processing_jobs order by number") == [
        ("https://example.com/1",),
        ("https://example.com/3",),
    ]
    assert store.add([new(4, video=video(url="https://example.com/4"))]) == 0


def test_a_job_that_is_asked_for_again_joins_the_batch(store, new, claim, must_claim):
    """Of two runs that want one waiting job, the later one gets it."""
    store.add([new(1)], batch="a")
    store.add([new(1)], batch="b")
    assert claim(store, batch="a") is None
    assert must_claim(store, batch="b").job.request.url == "https://example.com/1"


@pytest.mark.parametrize("status", [Status.FAILED, Status.UNAVAILABLE, Status.DOWNLOADED, Status.EXPANDED])
def test_asking_again_reopens_what_has_ended(store, ask, new, must_claim, ended, status):
    """A job that has ended is due once more, with its record, for whoever asks now."""
    name = ended(store, 1, status, home="there")
    assert store.add([new(1)], batch="b", again=True) == 0
    [(at_once, batch)] = ask(f"select due_at <= {NOW}, batch from video_processing_jobs")
    assert (at_once, batch) == (1, "b")
    hold = must_claim(store, home="there", batch="b")
    assert (hold.job.id, hold.job.status, hold.previous, len(hold.job.attempts)) == (name, status, None, 2)


def test_without_asking_again_what_has_ended_stays(store, dump, new, claim, ended):
    """An entry of a list that was hauled before is not hauled again."""
    ended(store, 1)
    before = dump()
    assert store.add([new(1)], batch="b") == 0
    assert dump() == before
    assert claim(store) is None


def test_asking_again_disturbs_nobody(store, ask, new, must_claim):
    """A job that waits goes on waiting and one that is held stays in its holder's hands."""
    store.add([new(1), new(2)])
    held, rests = must_claim(store), must_claim(store)
    store.save(rests, rests.job, Again(LONG))
    times = "select due_at, attempt, stage from video_processing_jobs order by number"
    before = ask(times)
    store.add([new(1), new(2)], again=True)
    assert ask(times) == before
    store.save(held, held.job, Done())


def test_the_url_that_was_given_now_is_the_one_that_is_used(store, ask, must_claim):
    """A job's id is that of its URL and variant; the signed URL that was forgotten at the end comes back."""
    url = "https://example.com/1?token=new"
    job = NewJob(Request(url), "example.com")
    store.add([job])
    hold = must_claim(store)
    store.save(hold, evolve(hold.job, request=Request("https://example.com/1")), Done())
    assert ask("select url from video_processing_jobs") == [("https://example.com/1",)]
    store.add([job], again=True)
    assert must_claim(store).job.request.url == url
