"""What is looked at of lists, of what fails in them, and of what nobody comes to the end of."""

import itertools
import sys
from contextlib import closing
from pathlib import Path

import pytest

from haulage import Pipeline, Request
from haulage.contracts.metadata import Gate, NewJob
from haulage.errors import Kind
from haulage.operations.plan import Planned
from haulage.operations.survey import survey

PLUGINS = Path(__file__).parent / "plugins"


@pytest.fixture
def pipeline(tmp_path, monkeypatch):
    """A pipeline with three workers and a fetcher of lists."""
    monkeypatch.syspath_prepend(str(PLUGINS))
    monkeypatch.chdir(tmp_path)
    with Pipeline.from_config({"fetcher": {"type": "listing"}, "workers": 3}, modules=["listing"]) as pipeline:
        yield pipeline


def looked(pipeline, *paths):
    """Of each that was looked at its URL's path, and its state or the kind of its failure."""
    requests = [Request(f"http://a.test/{path}") for path in paths]
    with closing(survey(pipeline.assembly, requests)) as found:
        return [
            (
                each.request.url.rpartition("a.test/")[2],
                each.verdict.state if isinstance(each, Planned) else each.failure,
            )
            for each in found
        ]


def test_a_list_in_a_list_is_looked_at_too(pipeline):
    """Each of its videos comes, and one that both have comes as a second one."""
    told = looked(pipeline, "list/nested")
    assert sorted(told) == [("video/a", "new"), ("video/a", "twice"), ("video/b", "new"), ("video/c", "new")]


def test_a_list_that_breaks_is_told_with_what_it_gave_before(pipeline):
    """Its beginning is planned, and that it broke is a failure of what was named."""
    *before, (path, failure) = looked(pipeline, "list/broken")
    assert before == [("video/a", "new"), ("video/b", "new")]
    assert (path, failure.kind) == ("list/broken", Kind.TRANSIENT)


def test_what_fails_in_a_list_fails_alone(pipeline):
    """Whatever a fetcher raises is told for that entry, without what is secret, and the others are planned."""
    told = dict(looked(pipeline, "list/odd"))
    assert (told["video/a"], told["video/d"]) == ("new", "new")
    assert (told["bug/b"].kind, told["gone/c"].kind) == (Kind.BUG, Kind.UNAVAILABLE)
    assert "hunter2" not in told["bug/b"].message


def test_an_endless_list_is_not_read_ahead_of_who_looks(pipeline):
    """Who stops looking has had a few more listed than were told, however long a list is."""
    asked = sys.modules["listing"].ASKED
    asked.clear()
    with closing(survey(pipeline.assembly, [Request("http://a.test/list/endless")])) as found:
        assert len(list(itertools.islice(found, 5))) == 5
    assert 5 <= asked["entry", "endless"] <= 5 + 2 * 3 + 2


def test_as_many_are_looked_at_at_once_as_there_are_workers(pipeline):
    """Three wait for each other here, and a fourth beside them would have failed."""
    assert looked(pipeline, "list/six") == [(f"together/{number}", "new") for number in range(6)]


def test_a_site_that_is_closed_is_not_asked(pipeline):
    """What the queue knows of it holds for plans, too, and other sites are asked."""
    store = pipeline.assembly.store
    store.add([NewJob(Request("http://a.test/video/a"), "a.test")])
    store.gate("a.test", Gate(None, "sign in"))
    asked = sys.modules["listing"].ASKED
    asked.clear()
    [(_, failure)] = looked(pipeline, "video/a")
    assert "a.test is closed: sign in" in str(failure)
    assert not asked
    with closing(survey(pipeline.assembly, [Request("http://b.test/video/a")])) as found:
        assert [type(each) for each in found] == [Planned]
