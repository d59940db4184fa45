"""Which job comes next, and when."""

from datetime import timedelta

from attrs import evolve

from haulage.contracts.metadata import Again, Done, Gate

LONG = timedelta(minutes=5)
SHORT = timedelta(milliseconds=200)
HERE = "here"


def due(store, **rest):
    wait = store.next_due(**{"home": HERE, "handover": LONG, **rest})
    return None if wait is None else wait.total_seconds()


def test_jobs_are_claimed_in_the_order_they_became_due(store, new, must_claim):
    """First come, first served; a job that was put down goes to the end."""
    store.add([new(number) for number in (3, 1, 2)])
    store.add([new(0, site="other.example")])
    first = must_claim(store)
    store.save(first, first.job, Again())
    urls = [first.job.request.url, *(must_claim(store).job.request.url for _ in range(4))]
    assert urls == [
        "https://example.com/3",
        "https://example.com/1",
        "https://example.com/2",
        "https://other.example/0",
        "https://example.com/3",
    ]


def test_a_job_that_rests_is_claimed_when_its_time_has_come(store, ask, new, claim, must_claim, eventually):
    """Before its time nobody gets it, afterwards the next one who asks does."""
    store.add([new(1)])
    hold = must_claim(store)
    store.save(hold, hold.job, Again(SHORT))
    [(due,)] = ask("select due_at from video_processing_jobs")
    again = eventually(lambda: claim(store))
    assert again.job.id == hold.job.id
    assert ask("select began_at >= ? from attempts where number = 2", due) == [(1,)]


def test_the_files_of_a_job_keep_it_at_home(store, new, claim, must_claim):
    """A job whose files lie elsewhere is left to its home, until it has waited there for too long."""
    store.add([new(1), new(2)])
    hold = must_claim(store)
    store.save(hold, evolve(hold.job, home="there"), Again())
    other = must_claim(store, home=HERE)
    assert other.job.request.url == "https://example.com/2"
    assert claim(store, home=HERE) is None
    assert must_claim(store, home="there").job.id == hold.job.id


def test_a_job_whose_home_stays_away_is_handed_over(store, new, claim, must_claim, eventually):
    """After the handover time any workspace takes it."""
    store.add([new(1)])
    hold = must_claim(store)
    store.save(hold, evolve(hold.job, home="there"), Again())
    assert claim(store, home=HERE, handover=LONG) is None
    assert eventually(lambda: claim(store, home=HERE, handover=SHORT)).job.id == hold.job.id


def test_a_batch_is_claimed_alone(store, new, claim, must_claim):
    """Who works for a batch gets its jobs and no others; who works for all gets all."""
    store.add([new(1)], batch="a")
    store.add([new(2)], batch="b")
    assert must_claim(store, batch="b").job.request.url == "https://example.com/2"
    assert claim(store, batch="b") is None
    assert claim(store, batch="c") is None
    assert must_claim(store).job.request.url == "https://example.com/1"


def test_next_due_tells_when_to_come_again(store, new, must_claim):
    """Nothing left, something now, or the time until the first job is due."""
    assert due(store) is None
    store.add([new(1), new(2)], batch="a")
    assert due(store) == 0
    assert due(store, batch="b") is None
    one, two = must_claim(store, lease=timedelta(seconds=100)), must_claim(store, lease=timedelta(seconds=200))
    assert 95 < due(store) <= 100
    store.save(one, one.job, Done())
    assert 195 < due(store) <= 200
    store.save(two, two.job, Again(timedelta(seconds=50)))
    assert 45 < due(store) <= 50
    assert 45 < due(store, batch="a") <= 50


def test_next_due_waits_for_the_site_and_the_home(store, ask, new, claim, must_claim):
    """A job that is due waits for its site to open, and for the handover where its files are elsewhere."""
    store.add([new(1), new(2)])
    one = must_claim(store)
    two = must_claim(store)
    store.save(one, evolve(one.job, home="there"), Again())
    store.save(two, two.job, Done())
    assert 295 < due(store) <= 300
    assert due(store, home="there") == 0
    again = must_claim(store, home="there")
    store.save(again, again.job, Again(), site=Gate(timedelta(seconds=1000), "429"))
    assert 995 < due(store) <= 1000
    ask("update sites set opens_at = null")
    assert due(store) is None
    assert claim(store, home="there") is None
