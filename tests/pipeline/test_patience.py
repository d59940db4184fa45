"""How long a metadata store that cannot be reached is waited for."""

import logging
import time
from datetime import timedelta

import pytest

from haulage.builtin.sql.dialects.sqlite import open_memory
from haulage.builtin.sql.store import SqlStore
from haulage.contracts.metadata import NewJob, Query
from haulage.errors import AttemptLost, Failure, Kind, StoreError
from haulage.pipeline.patience import PatientStore
from haulage.values import Request

LEASE = timedelta(seconds=6)


class Shaky(SqlStore):
    """A store whose next calls fail."""

    failures: list[StoreError] = []

    def add(self, *args, **rest):
        return self._unless_away(super().add, *args, **rest)

    def _unless_away(self, call, *args, **rest):
        if self.failures:
            raise self.failures.pop()
        return call(*args, **rest)

    def find(self, query):
        for number, job in enumerate(super().find(query)):
            if number == 1:
                self._unless_away(list)
            yield job


@pytest.fixture
def shaky():
    """Such a store, ready."""
    store = Shaky(open_memory())
    store.prepare()
    yield store
    store.close()


def away(kind=Kind.TRANSIENT):
    return StoreError(Failure(kind, "the database is away"))


def jobs(count):
    return [NewJob(Request(f"http://site.example/{number}"), "site.example") for number in range(count)]


def test_a_store_that_comes_back_is_asked_again(shaky, caplog):
    """What could not be done for a moment is done in the end, with one line that says why it took so long."""
    shaky.failures = [away(), away()]
    with caplog.at_level(logging.WARNING):
        assert PatientStore(shaky, LEASE).add(iter(jobs(2))) == 2
    assert [each.getMessage() for each in caplog.records] == ["the database is away; waiting up to 2 s for it"]


def test_a_store_that_stays_away_is_given_up(shaky):
    """After a third of the lease its error is raised: no wait may outlast the lease of what is held."""
    shaky.failures = [away() for _ in range(100)]
    began = time.monotonic()
    with pytest.raises(StoreError, match="away"):
        PatientStore(shaky, LEASE).add(jobs(1))
    assert 1 < time.monotonic() - began < LEASE.total_seconds()


@pytest.mark.parametrize(
    "error", [away(Kind.DENIED), away(Kind.NO_SPACE), AttemptLost(Failure(Kind.CRASHED, "the lease ended"))], ids=str
)
def test_what_does_not_pass_by_itself_is_not_waited_for(shaky, error):
    """A store that answers, and refuses, is heard at once."""
    shaky.failures = [error]
    with pytest.raises(StoreError) as raised:
        PatientStore(shaky, LEASE).add(jobs(1))
    assert raised.value is error


def test_a_list_is_not_begun_again_in_its_middle(shaky):
    """Nothing is listed twice: what breaks off later than before its first entry is an error."""
    shaky.add(jobs(3))
    shaky.failures = [away()]
    with pytest.raises(StoreError, match="away"):
        list(PatientStore(shaky, LEASE).find(Query()))
    assert len(list(PatientStore(shaky, LEASE).find(Query()))) == 3
