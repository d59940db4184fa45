"""What observers are told of an attempt: every step that begins, every object that is stored, and how it ended."""

import hashlib
import sqlite3

from haulage import Kind, Lost, Progressed, RunEnded, Settled, Started, Status, Stepped, Stored


def steps(events):
    """The steps, in order, with what each concerns."""
    return [(each.step, each.storage, each.role) for each in events if isinstance(each, Stepped)]


def test_each_step_is_told_when_it_begins(pipeline, site):
    """A video is expanded, fetched, and each of its files stored and verified; the attempt begins and ends once."""
    events = []
    with pipeline(watching=[events.append]) as running:
        [job] = running.run([site.url("clip.mp4?steps")])
    assert steps(events) == [
        ("expand", None, None),
        ("fetch", None, None),
        *((step, "library", role) for role in ("video", "record") for step in ("store", "verify")),
    ]
    assert isinstance(events[0], Started)
    assert [type(each) for each in events[-2:]] == [Settled, RunEnded]
    assert {type(each) for each in events[1:-2]} == {Stepped, Progressed, Stored}
    assert {(each.job, each.attempt) for each in events[:-1]} == {(job.id, job.attempts[0])}


def test_each_object_is_told_once_it_is_verified(pipeline, site, tmp_path):
    """Its size, digest and URL are those of the file that is there by then."""
    found = []

    def look(event):
        if isinstance(event, Stored):
            [there] = [path for path in (tmp_path / "library").rglob("*") if str(path).endswith(event.copy.key)]
            found.append((event, there.stat().st_size, hashlib.sha256(there.read_bytes()).hexdigest(), there))

    with pipeline(watching=[look]) as running:
        list(running.run([site.url("clip.mp4?objects")]))
    assert [each.copy.role for each, *_ in found] == ["video", "record"]
    for event, size, digest, path in found:
        assert (event.copy.size, event.copy.sha256, event.copy.state) == (size, digest, "stored")
        assert event.url.endswith(str(path))
        assert event.copy.storage == "library"
    assert found[0][2] == hashlib.sha256(site.file("clip.mp4").read_bytes()).hexdigest()


def test_an_object_whose_answer_was_lost_is_told_once(pipeline, site, odd):
    """It became visible, though the commit failed: it is told when that was found out."""
    odd.REFUSALS["a"] = [("answer", Kind.STORAGE)]
    events = []
    storages = {"a": {"type": "odd", "name": "a"}}
    with pipeline(watching=[events.append], storages=storages) as running:
        [job] = running.run([site.url("clip.mp4?answer")])
    assert job.status is Status.DOWNLOADED
    assert [each.copy.role for each in events if isinstance(each, Stored)] == ["video", "record"]


def test_what_failed_is_the_step_that_was_told_last(pipeline, site, odd):
    """Nothing is told as stored that is not, and the next attempt begins where it has to."""
    odd.REFUSALS["a"] = [("write", Kind.STORAGE)]
    events = []
    with pipeline(watching=[events.append], storages={"a": {"type": "odd", "name": "a"}}) as running:
        [job] = running.run([site.url("clip.mp4?failed")])
    assert isinstance(events.pop(), RunEnded)
    first = [each for each in events if each.attempt == job.attempts[0]]
    second = [each for each in events if each.attempt == job.attempts[1]]
    assert steps(first)[-1] == ("store", "a", "video")
    assert first[-1].record.tries[-1].stage == "store:a"
    assert not [each for each in first if isinstance(each, Stored)]
    assert steps(second)[:3] == [("verify", "a", "video"), ("store", "a", "video"), ("verify", "a", "video")]
    assert [each.copy.role for each in second if isinstance(each, Stored)] == ["video", "record"]


def test_an_attempt_that_lost_its_job_is_told_to_have_ended(pipeline, site, tmp_path):
    """Another worker has taken the job: observers are told that this one lets it go, and what the other one does."""
    events = []

    def take_away(event):
        events.append(event)
        if isinstance(event, Stepped) and event.step == "store" and len({each.attempt for each in events}) == 1:
            database = sqlite3.connect(tmp_path / "haulage.db")
            with database:
                database.execute("update video_processing_jobs set due_at = '2026-01-01T00:00:00.000Z'")
            database.close()

    with pipeline(watching=[take_away]) as running:
        [job] = running.run([site.url("clip.mp4?lost")])
    assert job.status is Status.DOWNLOADED
    began = [each.attempt for each in events if isinstance(each, Started)]
    ends = [each for each in events if isinstance(each, Lost | Settled)]
    ends.sort(key=lambda each: began.index(each.attempt))  # both run at once: they may end in any order
    assert [(type(each), each.attempt) for each in ends] == list(zip([Lost, Settled], began, strict=True))
    assert ends[0].failure.kind is Kind.CRASHED
