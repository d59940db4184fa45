"""T8: of two saves that give two jobs one video, one raises Duplicate."""

import threading
from datetime import timedelta

import pytest
from attrs import evolve

from haulage.contracts.metadata import Done, Gate, Keep
from haulage.errors import Duplicate, Failure, Kind

LONG = timedelta(minutes=5)


def test_t8_of_two_jobs_with_one_video_the_second_is_a_duplicate(store, dump, new, must_claim, video, rich):
    """The second save changes nothing and says which job has the video."""
    store.add([new(1), new(2)])
    one, other = must_claim(store), must_claim(store)
    store.save(one, evolve(one.job, video=video()), Keep())
    before = dump()
    with pytest.raises(Duplicate) as caught:
        store.save(other, rich(other), Done(), site=Gate(LONG, "429"))
    assert caught.value.other == one.job.id
    assert caught.value.failure == Failure(Kind.CONFLICT, "youtube v1 has a job already")
    assert dump() == before
    store.save(other, evolve(other.job, video=video(variant="audio")), Keep())
    store.save(one, evolve(one.job, video=video()), Done())


def test_t8_of_saves_that_race_with_one_video_one_succeeds(store, ask, new, must_claim, video, listening):
    """However many jobs turn out to be one video at once, one gets it."""
    store.add([new(number) for number in range(8)])
    holds = [must_claim(store) for _ in range(8)]
    begun, ended, outcomes = threading.Barrier(8), threading.Barrier(8), {}

    # Whatever a save found out in a transaction of its own, all have found out before any of them goes on.
    def wait_for_all(_connection, _record):
        ended.wait(10)

    def save(hold):
        begun.wait(10)
        try:
            store.save(hold, evolve(hold.job, video=video()), Keep())
            outcomes[hold.job.id] = "saved"
        except Duplicate as error:
            outcomes[hold.job.id] = error.other
        except Exception as error:
            outcomes[hold.job.id] = repr(error)

    threads = [threading.Thread(target=save, args=(hold,)) for hold in holds]
    with listening("checkin", wait_for_all):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    (winner,), *others = ask("select job from videos")
    assert others == [], "two jobs have one video"
    losers = {hold.job.id: winner for hold in holds if hold.job.id != winner}
    assert outcomes == {winner: "saved", **losers}
