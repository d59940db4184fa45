"""Jobs are added while others save what theirs turned out to be."""

from datetime import timedelta

from attrs import evolve

from haulage.builtin.sql import rows
from haulage.contracts.metadata import Keep, NewJob
from haulage.values import Request, Video


def test_a_video_that_a_job_gets_while_a_list_is_added_is_passed_over(store, url, opening, monkeypatch):
    """Another job turns out to be that video after the list was looked through: it has it, and the rest is added."""
    video = Video("generic", "clip-1", "", "http://a.test/clip.mp4")
    asked, other = Request("http://a.test/clip.mp4?asked"), Request("http://a.test/other.mp4")
    store.add([NewJob(asked, "a.test")])
    worker = opening(url)
    hold = worker.claim("worker", timedelta(minutes=1), home="home", handover=timedelta(minutes=1))
    new_jobs, written = rows.new_jobs, []

    def after_the_save(connection, jobs, batch):
        if not written:
            worker.save(hold, evolve(hold.job, video=video), Keep())
        written.append([job.request for job in jobs])
        new_jobs(connection, jobs, batch)

    monkeypatch.setattr(rows, "new_jobs", after_the_save)
    listed = [NewJob(Request(video.url), "a.test", video), NewJob(other, "a.test")]
    assert store.add(listed) == 1, "a video got a second job, or the list was not added"
    assert written == [[Request(video.url), other], [other]]
