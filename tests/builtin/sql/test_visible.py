"""T5: what was saved is seen by every later claim."""

from attrs import evolve

from haulage.contracts.metadata import Again
from haulage.values import JobId, Request


def test_t5_a_claim_gives_what_was_saved(store, new, must_claim, rich):
    """Everything in the record survives being put down and taken up again."""
    store.add([new(1)], batch="b", parent=JobId("f" * 32))
    hold = must_claim(store)
    saved = rich(hold)
    store.save(hold, saved, Again())
    again = must_claim(store)
    assert again.job.tries[0].ended is not None
    assert evolve(again.job, tries=saved.tries, copies=()) == evolve(
        saved, attempts=(hold.attempt, again.attempt), copies=()
    )
    assert set(again.job.copies) == set(saved.copies)
    assert again.job.tries == (evolve(saved.tries[0], ended=again.job.tries[0].ended),)
    assert (again.job.parent, again.job.request) == ("f" * 32, Request("https://example.com/1"))


def test_t5_a_claim_gives_what_another_process_saved(store, new, must_claim, program):
    """What one process saved is what the next one works with."""
    store.add([new(1)])
    body = """
    hold = claim()
    store.save(hold, evolve(hold.job, status=Status.FETCHED, home="there"), Keep())
    store.save(hold, evolve(hold.job, status=Status.PENDING, home="here"), Again())
    say("saved")
    """
    with program(body) as process:
        assert process.stdout.readline() == "saved\n"
    assert must_claim(store).job.home == "here"


def test_t5_a_job_whose_site_changed_can_be_claimed(store, ask, new, must_claim):
    """A URL that turns out to belong to a site nobody has met yet does not lose its job."""
    store.add([new(1)])
    hold = must_claim(store)
    store.save(hold, evolve(hold.job, site="youtube"), Again())
    assert ask("select name, strikes from sites order by name") == [("example.com", 0), ("youtube", 0)]
    assert must_claim(store).job.site == "youtube"
