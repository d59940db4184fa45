"""What a query finds, and in which order."""

import itertools
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from attrs import evolve

from haulage.contracts.metadata import Again, Done, Keep, Query
from haulage.errors import Failure, Kind
from haulage.testing.conformance.law import law
from haulage.testing.conformance.metadata_stores import LONG, ZERO, Stores, a_copy, a_video, eventually, new
from haulage.values import JobId, Status, Try

_numbers = itertools.count(1)


def fail(stores: Stores, number: int, kind: Kind, *, ends: bool = True) -> datetime:
    """Let a job fail, which is added where it is not there yet; when that was, by the store's clock."""
    stores.first.add([new(number)])
    hold = stores.must_claim(job=new(number).request.id)
    ended = Try(hold.attempt, "fetch", Failure(kind, "refused"), counted=True, wait=None if ends else ZERO)
    status = Status.FAILED if ends else Status.PENDING
    saved = evolve(hold.job, status=status, tries=(*hold.job.tries, ended))
    stores.first.save(hold, saved, Done() if ends else Again())
    told = stores.job(hold.job.id).tries[-1].ended
    assert told is not None, "a try has no time at which it ended"
    return told


def later_than(stores: Stores, moment: datetime) -> datetime:
    """Wait until the store's clock has gone on, and return what it says then."""

    def look() -> datetime | None:
        clock = new(f"clock-{next(_numbers)}", site="clock.example")
        stores.first.add([clock])
        told = stores.job(clock.request.id).added
        return told if told is not None and told > moment else None

    return eventually(look, "the store's clock stands still")


def found(stores: Stores, **fields: Any) -> list[str]:
    """What a query finds of the jobs with numbers, by them."""
    urls = (job.request.url for job in stores.second.find(Query(**fields)) if job.site == "example.com")
    return [url.rpartition("/")[2] for url in urls]


class FindingLaws:
    """What a query finds."""

    @law
    def test_find_gives_all_pages_in_order(self, stores: Stores) -> None:
        """Of many jobs each is found once, in the order they were added, and likewise by their ids."""
        jobs = [new(number, site=f"{number % 2}.example") for number in range(self.many)]  # type: ignore[attr-defined]
        for start in range(0, len(jobs), 500):
            stores.first.add(jobs[start : start + 500])
        wanted = [job.request.id for job in jobs]
        assert [job.id for job in stores.second.find(Query())] == wanted, "find misses jobs, or gives them out of order"
        backwards = Query(ids=(*wanted[::-1], wanted[7]))
        assert [job.id for job in stores.second.find(backwards)] == wanted, "find by ids misses jobs, or repeats them"
        of_site = [job.id for job in stores.second.find(Query(site="1.example"))]
        assert of_site == wanted[1::2], "what narrows a query narrows its first page alone"

    @law
    def test_find_does_not_miss_what_is_added_meanwhile(self, stores: Stores) -> None:
        """A job that is added while the pages are read comes last, and one that is changed does not come twice."""
        jobs = [new(number) for number in range(self.many)]  # type: ignore[attr-defined]
        stores.first.add(jobs)
        found = stores.first.find(Query())
        first = next(found)
        stores.second.add([new("last")])
        hold = stores.must_claim(stores.second)
        stores.second.save(hold, hold.job, Again())
        urls = [first.request.url, *(job.request.url for job in found)]
        wanted = [job.request.url for job in (*jobs, new("last"))]
        assert urls == wanted, "a find that goes on while others write misses a job, or repeats one"

    @law
    def test_find_filters(self, stores: Stores) -> None:
        """Each field of a query that is not empty narrows what is found."""
        stores.first.add([new(2)])
        hold = stores.must_claim()
        stored = (a_copy(hold, state="stored"), a_copy(hold, "nas", state="stored"))
        done = evolve(hold.job, status=Status.DOWNLOADED, video=a_video("v1", channel_id="UC1"), copies=stored)
        stores.first.save(hold, done, Done())
        names = {hold.job.id: "done", stores.ended(1, Status.FAILED): "failed"}
        stores.first.add([new(3)])
        hold = stores.must_claim()
        video = evolve(a_video("v1", channel_id="UC2"), source="elsewhere")
        intended = (a_copy(hold), a_copy(hold, "nas", state="deleted"))
        stores.first.save(hold, evolve(hold.job, status=Status.DOWNLOADED, video=video, copies=intended), Done())
        names |= {hold.job.id: "twin"}
        stores.first.add([new(4), new(5, site="other.example")], batch="b")
        stores.first.add([new(6, site="other.example")])
        hold, rests = stores.must_claim(), stores.must_claim()
        stores.first.save(hold, evolve(hold.job, status=Status.DOWNLOADING, video=a_video("v2")), Keep())
        stores.first.save(rests, rests.job, Again(LONG))
        names |= {hold.job.id: "held", rests.job.id: "rests", new(6, site="other.example").request.id: "waits"}
        names |= {stores.lapsed(7).job.id: "lapsed"}
        ids = {name: each for each, name in names.items()}
        for fields, expected in _QUERIES:
            named = {"ids": tuple(ids.get(name, JobId("0" * 32)) for name in fields.get("ids", ()))}
            given = [names[job.id] for job in stores.second.find(Query(**{**fields, **named}))]
            assert given == expected, f"find({dict(fields)}) gives other jobs than it should"

    @law
    def test_find_narrows_by_the_time_of_adding(self, stores: Stores) -> None:
        """Since is that moment or later, until is before it, by the store's clock."""
        stores.first.add([new(1)])
        first = stores.job(new(1).request.id).added
        assert first is not None, "a job has no time at which it was added"
        between = later_than(stores, first)
        stores.first.add([new(2)])
        second = stores.job(new(2).request.id).added
        stores.first.add([new(1)], again=True)
        assert stores.job(new(1).request.id).added == first, "who asks again changes when a job was added"
        for fields, expected in (
            ({"added_since": first}, ["1", "2"]),
            ({"added_since": between}, ["2"]),
            ({"added_until": between}, ["1"]),
            ({"added_until": second}, ["1"]),
            ({"added_since": first, "added_until": between}, ["1"]),
            ({"added_until": first}, []),
        ):
            assert found(stores, **fields) == expected, f"find({fields}) gives other jobs than it should"

    @law
    def test_find_narrows_by_the_last_failure(self, stores: Stores) -> None:
        """Of which kind and when it was, whatever failed before it and whatever followed it."""
        denied, transient = (Kind.DENIED,), (Kind.TRANSIENT,)
        fail(stores, 1, Kind.DENIED)
        fail(stores, 2, Kind.DENIED, ends=False)
        stores.ended(3)
        between = later_than(stores, fail(stores, 4, Kind.DENIED, ends=False))
        hold = stores.must_claim(job=new(4).request.id)
        stores.first.save(hold, evolve(hold.job, status=Status.DOWNLOADED), Done())
        later = fail(stores, 2, Kind.TRANSIENT)
        for fields, expected in (
            ({"kinds": denied}, ["1", "4"]),
            ({"kinds": transient}, ["2"]),
            ({"kinds": denied + transient}, ["1", "2", "4"]),
            ({"kinds": (Kind.BUG,)}, []),
            ({"failed_since": between}, ["2"]),
            ({"failed_since": later}, ["2"]),
            ({"failed_since": later + timedelta(hours=1)}, []),
            ({"failed_since": between, "kinds": denied}, []),
        ):
            assert found(stores, **fields) == expected, f"find({fields}) gives other jobs than it should"

    @law
    def test_find_begins_with_what_failed_last(self, stores: Stores) -> None:
        """By the last failure of each; what never failed is not among them."""
        jobs = (2, 1, 3, 2)
        for number in jobs:
            later_than(stores, fail(stores, number, Kind.TRANSIENT, ends=False))
        stores.ended(4)
        ids = tuple(new(number).request.id for number in (1, 2, 4))
        for fields, expected in (
            ({}, ["2", "3", "1"]),
            ({"limit": 2}, ["2", "3"]),
            ({"ids": ids}, ["2", "1"]),
            ({"ids": ids, "limit": 1}, ["2"]),
            ({"kinds": (Kind.BUG,)}, []),
            ({"kinds": (Kind.TRANSIENT,), "status": (Status.PENDING,)}, ["2", "3", "1"]),
        ):
            given = found(stores, order="failed", **fields)
            assert given == expected, f"find({fields}) does not begin with what failed last"

    @law
    def test_find_ends_at_its_limit_and_begins_at_either_end(self, stores: Stores) -> None:
        """However many pages that takes."""
        many: int = self.many  # type: ignore[attr-defined]
        stores.first.add([new(number) for number in range(many)])
        forwards = [str(number) for number in range(many)]
        backwards = forwards[::-1]
        for fields, expected in (
            ({"limit": 0}, []),
            ({"limit": 7}, forwards[:7]),
            ({"limit": many - 1}, forwards[:-1]),
            ({"limit": many + 1}, forwards),
            ({"order": "newest"}, backwards),
            ({"order": "newest", "limit": 7}, backwards[:7]),
            ({"order": "newest", "limit": many - 1}, backwards[:-1]),
            ({"order": "newest", "ids": tuple(new(number).request.id for number in range(many))}, backwards),
        ):
            told = {name: each for name, each in fields.items() if name != "ids"}
            assert found(stores, **fields) == expected, f"find({told}) begins or ends elsewhere than it should"


_QUERIES: list[tuple[Mapping[str, Any], list[str]]] = [
    ({}, ["done", "failed", "twin", "held", "rests", "waits", "lapsed"]),
    ({"status": (Status.DOWNLOADED, Status.FAILED)}, ["done", "failed", "twin"]),
    ({"batch": "b"}, ["held", "rests"]),
    ({"batch": "nobody's"}, []),
    ({"site": "other.example"}, ["rests", "waits"]),
    ({"site": "example"}, []),
    ({"video_id": "v1"}, ["done", "twin"]),
    ({"video_id": "v"}, []),
    ({"channel_id": "UC1"}, ["done"]),
    ({"channel_id": "UC"}, []),
    ({"source": "youtube"}, ["done", "held"]),
    ({"source": "elsewhere"}, ["twin"]),
    ({"source": "other.example"}, ["rests", "waits"]),
    ({"source": "example.com"}, ["failed", "lapsed"]),
    ({"storage": "archive"}, ["done"]),
    ({"storage": "nas"}, ["done"]),
    ({"storage": "arch"}, []),
    ({"unfinished": True}, ["held", "rests", "waits", "lapsed"]),
    ({"running": True}, ["held"]),
    ({"ids": ("waits", "done")}, ["done", "waits"]),
    ({"ids": ("waits", "nobody", "waits")}, ["waits"]),
    ({"ids": ("nobody",)}, []),
    ({"ids": ("waits", "done"), "unfinished": True}, ["waits"]),
    ({"ids": ("twin", "held"), "video_id": "v1"}, ["twin"]),
    ({"ids": ("failed", "rests"), "status": (Status.FAILED,)}, ["failed"]),
    ({"site": "other.example", "batch": "b"}, ["rests"]),
    ({"status": (Status.DOWNLOADING,), "site": "example.com"}, ["held"]),
    ({"status": (Status.FAILED,), "batch": "b"}, []),
    ({"source": "youtube", "storage": "archive", "channel_id": "UC1"}, ["done"]),
    ({"source": "elsewhere", "storage": "archive"}, []),
    ({"order": "newest", "unfinished": True}, ["lapsed", "waits", "rests", "held"]),
    ({"order": "newest", "ids": ("done", "waits")}, ["waits", "done"]),
    ({"limit": 2, "unfinished": True}, ["held", "rests"]),
]
