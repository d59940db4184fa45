"""Observers that the config names."""

import logging
import threading

import pytest

from haulage import HaulageError, Kind, Status


@pytest.fixture
def heard(pipeline):
    """What the observers of the tests were told, empty at the beginning of each test."""
    with pipeline():
        pass
    import odd_observer

    odd_observer.HEARD.clear()
    return odd_observer.HEARD


def test_observers_of_the_config_hear_of_everything_and_are_closed(pipeline, site, heard):
    """They are told of each event under their own names, and closed after the last one where they can be."""
    with pipeline(observers={"first": {"type": "odd"}, "second": "odd", "third": "plain"}) as running:
        [job] = running.run([site.url("clip.mp4?watched")])
        assert job.status is Status.DOWNLOADED
        assert not [event for _, event in heard if event == "close"]
    for name, end in (
        ("first", ["Settled", "RunEnded", "close"]),
        ("second", ["Settled", "RunEnded", "close"]),
        ("plain", ["Settled", "RunEnded"]),
    ):
        events = [event for of, event in heard if of == name]
        assert events[0] == "Started"
        assert events[-len(end) :] == end
        assert "Progressed" in events


@pytest.mark.parametrize("moment", ["event", "exit"])
def test_an_observer_that_raises_is_told_no_more(pipeline, site, heard, caplog, moment):
    """Whatever it raises, the job goes on, the other observers hear all of it, and there is one warning."""
    observers = {"bad": {"type": "odd", "raises": moment}, "good": "odd"}
    with pipeline(observers=observers, workers=1) as running:
        jobs = list(running.run([site.url(f"clip.mp4?{moment}"), site.url(f"second.mp4?{moment}")]))
    assert [job.status for job in jobs] == [Status.DOWNLOADED] * 2
    assert [event for name, event in heard if name == "bad"] == ["Started", "close"]
    assert [event for name, event in heard if name == "good" and event == "Settled"] == ["Settled"] * 2
    [warning] = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert " raised and is told no more: " in warning.getMessage()


def test_an_observer_that_raises_in_two_threads_is_warned_of_once(pipeline, site, caplog):
    """Both jobs go on."""
    meeting = threading.Barrier(2, timeout=10)

    def broken(event):
        meeting.wait()
        raise RuntimeError("an observer's own trouble")

    with pipeline(watching=[broken], workers=2) as running:
        jobs = list(running.run([site.url("clip.mp4?both"), site.url("second.mp4?both")]))
    assert [job.status for job in jobs] == [Status.DOWNLOADED] * 2
    assert len([record for record in caplog.records if record.levelno >= logging.WARNING]) == 1


def test_an_observer_that_raises_when_it_is_closed_does_no_harm(pipeline, site, heard, caplog):
    """The others are closed all the same, and there is one warning that names it."""
    with pipeline(observers={"good": "odd", "bad": {"type": "odd", "raises": "close"}}) as running:
        [job] = running.run([site.url("clip.mp4?close")])
    assert job.status is Status.DOWNLOADED
    assert heard[-2:] == [("bad", "close"), ("good", "close")]
    [warning] = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert warning.getMessage() == "observer 'bad' raised when it was closed"


def test_an_observer_that_cannot_be_built_is_an_error(pipeline, site, heard):
    """Who names it in the config needs it: the run does not begin, and those built before it are closed."""
    with pipeline(observers={"good": "odd", "bad": {"type": "odd", "raises": "build"}}) as running:
        assert list(running.find()) == []
        with pytest.raises(HaulageError) as caught:
            list(running.run([site.url("clip.mp4?build")]))
    assert caught.value.failure.kind is Kind.BUG
    assert str(caught.value) == "observer 'odd' cannot be built: ImportError: no such thing"
    assert heard == [("good", "close")]
    assert site.log("/clip.mp4?build") == ()
