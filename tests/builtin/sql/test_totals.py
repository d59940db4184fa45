"""What the database adds up is what its rows say."""

from datetime import timedelta

from attrs import evolve

from haulage.builtin.sql import totals
from haulage.contracts.metadata import Done


def test_holdings_of_many_pages_are_those_of_the_rows(store, ask, new, must_claim, video, copy, monkeypatch):
    """Each video comes once, with the sums of its rows, wherever the pages end and whatever numbers are missing."""
    monkeypatch.setattr(totals, "PAGE", 3)
    for number in range(11):
        store.add([new(number)])
        hold = must_claim(store)
        copies = [evolve(copy(hold, role=role, state="stored"), size=10**number + number) for role in ("video", "info")]
        job = evolve(hold.job, video=video(f"v{number}"), copies=(*copies, copy(hold, "nas")))
        store.save(hold, job, Done())
    ask("delete from stored_objects where video in (4, 5)")
    ask("delete from videos where number in (4, 5)")
    sums = ask(
        "select v.video_id, count(*), sum(o.size), min(o.stored_at) from videos v join stored_objects o"
        " on o.video = v.number where o.state = 'stored' group by v.number"
    )
    told = [(each.video_id, each.objects, each.size, each.stored_at) for each in store.holdings()]
    said = [(*rest, at.isoformat(timespec="milliseconds").replace("+00:00", "Z")) for *rest, at in told]
    assert sorted(said) == sorted(sums)
    assert len(said) == 9


def test_a_throughput_is_that_of_the_rows(store, ask, new, must_claim, video, copy):
    """Attempts that overlap count once; those that crashed and those at other videos do not count."""
    for number in range(3):
        store.add([new(number)])
        hold = must_claim(store)
        copies = [evolve(copy(hold, storage, state="stored"), size=700 + number) for storage in ("archive", "nas")]
        store.save(hold, evolve(hold.job, video=video(f"v{number}"), copies=tuple(copies)), Done())
    ask("update stored_objects set stored_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-1 day')")
    ask("update stored_objects set stored_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-9 days') where size = 702")
    [(day,)] = ask("select strftime('%Y-%m-%d', 'now', '-2 days')")
    ask("delete from attempts")
    jobs = [job for (job,) in ask("select job from videos order by number")]

    def attempt(number, began, ended, kind=None):
        moments = [time and f"{day}T{time}.000Z" for time in (began, ended)]
        put = "insert into attempts (id, job, number, worker, began_at, ended_at, kind) values (?, ?, ?, 'w', ?, ?, ?)"
        ask(put, f"{number}{began}", jobs[number], 1, *moments, kind)

    attempt(0, "10:00:00", "10:00:20", "transient")
    attempt(0, "10:00:10", "10:00:50")
    attempt(1, "10:00:30", "10:00:40")
    attempt(1, "10:01:00", "10:01:05")
    attempt(1, "11:00:00", "12:00:00", "crashed")
    attempt(2, "13:00:00", "14:00:00")
    told = store.throughput(timedelta(days=7))
    assert (told.size, told.spent) == (700 + 701, timedelta(seconds=50 + 5))
    assert told.rate == 1401 / 55
    assert store.throughput(timedelta(hours=1)).rate is None
