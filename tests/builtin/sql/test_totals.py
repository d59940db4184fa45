"""What the database adds up is what its rows say."""

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
