"""Which jobs a query finds."""

from datetime import timedelta

from attrs import evolve

from haulage.contracts.metadata import Again, Keep, Query
from haulage.values import JobId, Status

LONG = timedelta(minutes=5)
NOW = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"

QUERIES = [
    ({}, ["failed", "done", "twin", "held", "rests", "waits"]),
    ({"status": (Status.FAILED,)}, ["failed"]),
    ({"status": (Status.DOWNLOADED, Status.FAILED)}, ["failed", "done", "twin"]),
    ({"batch": "b"}, ["held", "rests"]),
    ({"batch": "nobody's"}, []),
    ({"site": "other.example"}, ["rests", "waits"]),
    ({"site": "example"}, []),
    ({"video_id": "v1"}, ["done", "twin"]),
    ({"video_id": "v2"}, ["held"]),
    ({"video_id": "v"}, []),
    ({"unfinished": True}, ["held", "rests", "waits"]),
    ({"ids": ("waits", "done")}, ["done", "waits"]),
    ({"ids": ("waits", "nobody", "waits")}, ["waits"]),
    ({"ids": ("nobody",)}, []),
    ({"ids": ("waits", "done"), "unfinished": True}, ["waits"]),
    ({"ids": ("twin", "held"), "video_id": "v1"}, ["twin"]),
    ({"ids": ("waits", "done"), "site": "other.example"}, ["waits"]),
    ({"ids": ("waits", "rests"), "batch": "b"}, ["rests"]),
    ({"ids": ("failed", "rests"), "status": (Status.FAILED,)}, ["failed"]),
    ({"site": "other.example", "batch": "b"}, ["rests"]),
    ({"status": (Status.DOWNLOADING,), "site": "example.com"}, ["held"]),
    ({"status": (Status.FAILED,), "batch": "b"}, []),
]


def ordered(ask):
    """The ids of all jobs, in the order they were added."""
    return [JobId(each) for (each,) in ask("select id from video_processing_jobs order by number")]


def insert(ask, jobs):
    """Write rows of jobs by hand, whose ids are in another order; those of two sites take turns, every third ended."""
    ask(
        "with recursive n(n) as (select 0 union all select n + 1 from n where n < ? - 1)"
        " insert into video_processing_jobs"
        " (id, url, variant, site, status, batch, files, due_at, asked_after, stage, done, added_at)"
        " select printf('%032x', n * 7919 % 10007), 'https://example.com/' || n, '',"
        " iif(n % 2, 'a.example', 'b.example'), 'pending', '', '[]',"
        f" iif(n % 3, {NOW}, null), 0, '', 0, {NOW} from n",
        jobs,
    )


def test_find_gives_all_pages_in_order(store, ask):
    """Of 1,200 jobs each is found once, in the order they were added."""
    urls = [f"https://example.com/{number}" for number in range(1200)]
    insert(ask, 1200)
    assert [job.request.url for job in store.find(Query())] == urls
    ids = tuple(each for (each,) in ask("select id from video_processing_jobs order by number desc"))
    assert [job.request.url for job in store.find(Query(ids=(*ids, ids[700])))] == urls


def test_find_does_not_miss_what_is_added_meanwhile(store, new, must_claim):
    """A job that is added while the pages are read comes last, and one that is changed does not come twice."""
    store.add([new(number) for number in range(600)])
    found = store.find(Query())
    first = next(found)
    store.add([new(600)])
    hold = must_claim(store)
    store.save(hold, hold.job, Again())
    urls = [first.request.url, *(job.request.url for job in found)]
    assert urls == [f"https://example.com/{number}" for number in range(601)]


def test_find_filters(store, ask, new, must_claim, ended, video):
    """Each field of a query that is not empty narrows what is found."""
    ended(store, 1, Status.FAILED)
    ended(store, 2, video=video("v1"))
    ended(store, 3, video=evolve(video("v1"), source="elsewhere"))
    store.add([new(4), new(5, site="other.example")], batch="b")
    store.add([new(6, site="other.example")])
    hold, rests = must_claim(store), must_claim(store)
    store.save(hold, evolve(hold.job, status=Status.DOWNLOADING, video=video("v2")), Keep())
    store.save(rests, rests.job, Again(LONG))
    names = dict(zip(ordered(ask), ("failed", "done", "twin", "held", "rests", "waits"), strict=True))
    ids = {name: each for each, name in names.items()}
    for fields, expected in QUERIES:
        named = {"ids": tuple(ids.get(name, JobId("0" * 32)) for name in fields.get("ids", ()))}
        found = [names[job.id] for job in store.find(Query(**fields | named))]
        assert found == expected, f"find({fields})"


def test_find_filters_every_page(store, ask):
    """What a field narrows it narrows past the first page too, and however many ids are named."""
    insert(ask, 1600)
    matching = "site = 'b.example' and due_at is not null"
    expected = ask(f"select id from video_processing_jobs where {matching} order by number")
    assert len(expected) > 500
    query = Query(site="b.example", unfinished=True)
    assert [(job.id,) for job in store.find(query)] == expected
    assert [(job.id,) for job in store.find(evolve(query, ids=tuple(reversed(ordered(ask)))))] == expected
