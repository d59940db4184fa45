"""What an archive comes to, and when its copies were stored and deleted."""

import itertools
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from attrs import evolve

from haulage.contracts.destinations import Mirror
from haulage.contracts.metadata import Again, Done, Keep, Query
from haulage.contracts.totals import Amount
from haulage.testing.conformance.law import law
from haulage.testing.conformance.metadata_stores import SHORT, Stores, a_copy, a_video, eventually, new, rich
from haulage.values import RECORD, Copy, Job, MediaFacts, Status

_TICK = 0.01
"""Seconds that a store's clock may round by."""

_LONG_AGO = datetime(2001, 1, 1, tzinfo=UTC)


class TotalsLaws:
    """Totals say what the jobs say, one by one."""

    @law
    def test_a_copy_tells_when_it_was_stored_and_deleted(self, stores: Stores) -> None:
        """The store notes it once, when the copy gets into that state, whatever the caller says of it."""
        hold = stores.held()

        def saved(state: Any, **rest: Any) -> Copy:
            nonlocal hold
            job = evolve(hold.job, video=a_video(), copies=(a_copy(hold, state=state, **rest),))
            hold = stores.first.save(hold, job, Keep())
            [copy] = stores.job(hold.job.id).copies
            return copy

        assert saved("intended").stored_at is None, "a copy is told to be stored that is only intended"
        first = saved("stored", stored_at=_LONG_AGO)
        assert first.stored_at is not None, "a copy does not tell when it was stored"
        assert first.stored_at.utcoffset() == timedelta(0), "a time is not in UTC"
        assert first.stored_at != _LONG_AGO, "a store takes the time from its caller"
        assert first.deleted_at is None, "a copy is told to be deleted that is there"
        others, before = itertools.count(2), first.stored_at
        eventually(lambda: _stored(stores, next(others)) > before or None, "a copy that comes later has no later time")
        assert saved("stored").stored_at == first.stored_at, "a copy that is saved again is told to be stored later"
        assert saved("deleting").deleted_at is None, "a copy is told to be deleted that is only about to be"
        stays = saved("stored").stored_at
        assert stays == first.stored_at, "a copy that was to be deleted, and stays, is told to be stored later"
        assert saved("damaged").stored_at == stays, "a copy that is repaired does not tell any more when it was stored"
        gone = saved("deleted")
        assert gone.stored_at == first.stored_at, "a copy that was deleted does not tell any more when it was stored"
        assert gone.deleted_at is not None, "a copy does not tell when it was deleted"
        assert gone.deleted_at > first.stored_at, "a copy was deleted before it was stored"
        again = saved("intended")
        assert (again.stored_at, again.deleted_at) == (None, None), "a copy that begins anew tells its old times"

    @law
    def test_the_clock_is_the_one_that_dates_copies(self, stores: Stores) -> None:
        """What is stored between two looks at it was stored between them, whatever clock the caller has."""
        before = stores.second.clock()
        assert before.utcoffset() == timedelta(0), "a time is not in UTC"
        stored, after = _stored(stores, 1), stores.second.clock()
        assert before <= stored <= after, "the clock tells another time than that at which copies are stored"

    @law
    def test_a_tally_counts_what_is_there(self, stores: Stores) -> None:
        """Jobs by status, and the objects that are stored or not deleted yet, with their bytes."""
        empty = stores.second.tally()
        assert (empty.jobs, empty.objects, empty.size) == ({}, 0, 0), "an empty store counts something"
        _archive(stores)
        told = stores.second.tally()
        wanted = {Status.DOWNLOADED: 2, Status.PRUNED: 1, Status.FAILED: 1, Status.PENDING: 1}
        assert told.jobs == wanted, "a tally counts other jobs than there are"
        wanted_objects = {"archive": Amount(3, 1011), "nas": Amount(1, 100)}
        assert told.stored == wanted_objects, "a tally counts other objects than there are"

    @law
    def test_what_is_owed_is_told(self, stores: Stores) -> None:
        """Each video that is downloaded, to each storage that lacks its record or a file, and did not let it go."""
        hold = stores.held(1)
        files = rich(hold).files
        roles = [file.role for file in files] + [RECORD]
        assert len(roles) > 2, "the law needs a video of several files"
        everything = [("archive", role, "stored", 1) for role in roles]
        mirrored = [("nas", role, "stored", 1) for role in roles]
        cases: dict[str, list[tuple[str, str, Any, int]]] = {
            "whole": everything + mirrored,
            "no record": everything + mirrored[:-1],
            "no sidecar": everything + mirrored[:1] + mirrored[2:],
            "only intended": [*everything, *mirrored[1:], ("nas", "video", "intended", 1)],
            "let go": [*everything, *(("nas", role, "deleted", 1) for role in roles)],
            "let go before it was whole": [*everything, ("nas", "video", "deleted", 1)],
            "going": [*everything, *(("nas", role, "deleting", 1) for role in roles)],
            "no mirror": everything,
        }
        stores.first.save(hold, hold.job, Done())
        for number, (name, copies) in enumerate(cases.items(), 2):
            _holding(stores, number, name, copies, files=files)
        _holding(stores, 20, "not downloaded", everything, status=Status.UPLOADING, files=files)
        _holding(stores, 21, "never fetched", everything)
        lacking = [name for name in cases if not name.startswith(("whole", "let go", "going"))]
        told = stores.second.tally([Mirror("nas"), Mirror("archive"), Mirror("tape")]).owed
        assert told == {"nas": len(lacking), "tape": len(cases)}, "a tally counts other videos as owed than are"
        assert stores.second.tally().owed == {}, "a tally counts what nobody asked for"
        for asked, wanted in (("nas", lacking), ("archive nas", lacking), ("tape", [*cases]), ("archive", [])):
            query = Query(owed=tuple(map(Mirror, asked.split())))
            found = [job.video.id for job in stores.second.find(query) if job.video]
            assert found == wanted, "find gives other videos than those that are owed"
        failed = stores.second.find(Query(owed=(Mirror("nas"),), order="failed"))
        assert list(failed) == [], "find gives a video as failed that never did"

    @law
    def test_what_is_owed_goes_by_subscriptions(self, stores: Stores) -> None:
        """A mirror of some subscriptions is owed nothing of others, and one of all others is owed nothing of these."""
        hold = stores.held(1)
        files = rich(hold).files
        stores.first.save(hold, hold.job, Done())
        everything = [("archive", role, "stored", 1) for role in [*(file.role for file in files), RECORD]]
        subscriptions = ["", "news", "talks", "old"]
        for number, name in enumerate(subscriptions, 2):
            stores.first.add([new(number, subscription=name)])
            _holding(stores, number, name or "none", everything, files=files)
        for mirror, wanted in (
            (Mirror("nas"), ["none", "news", "talks", "old"]),
            (Mirror("nas", ("news", "old")), ["none", "talks"]),
            (Mirror("nas", ("news", "old"), others=False), ["news", "old"]),
            (Mirror("archive", ("news",), others=False), []),
        ):
            found = [job.video.id for job in stores.second.find(Query(owed=(mirror,))) if job.video]
            assert found == wanted, "find gives a mirror videos that it shall not hold, or too few"
            told = stores.second.tally([mirror]).owed
            assert told == ({"nas": len(wanted)} if wanted else {}), "a tally counts other videos as owed than are"

    @law
    def test_holdings_say_what_each_video_takes_up(self, stores: Stores) -> None:
        """For each video and storage what is there, all files together; and what was deleted, likewise."""
        assert list(stores.second.holdings()) == [], "an empty store holds something"
        stores.first.add([new(1, subscription="news")])
        _archive(stores)
        told = list(stores.second.holdings())
        sums = {(each.video_id, each.storage, each.deleted_at is None): (each.objects, each.size) for each in told}
        going = [(each.video_id, each.storage) for each in told if each.deleting]
        assert len(sums) == len(told), "a video has two holdings of one kind in one storage"
        assert sums == {
            ("whole", "archive", True): (2, 1010),
            ("whole", "nas", True): (1, 100),
            ("part", "archive", True): (1, 1),
            ("part", "archive", False): (1, 5000),
            ("gone", "nas", False): (2, 60),
        }, "holdings add up to something else than the copies"
        assert going == [("whole", "nas")], "a holding does not tell that it shall go, or tells it of what stays"
        jobs = {job.video.id: job for job in stores.second.find(Query()) if job.video}
        for each in told:
            job = jobs[each.video_id]
            deleted = each.deleted_at is not None
            assert (each.stored_at, each.deleted_at) == _times(job, each.storage, deleted), (
                "a holding tells other times than the copies"
            )
        whole = next(each for each in told if (each.video_id, each.storage) == ("whole", "archive"))
        assert (whole.job, whole.source, whole.variant) == (jobs["whole"].id, "youtube", "audio"), (
            "a holding names another video"
        )
        assert (whole.title, whole.channel_id) == ("Ä title", "UC1"), "a holding describes another video"
        assert (whole.container, whole.resolution) == ("mp4", "1080p"), "a holding tells other facts than the job"
        bare = next(each for each in told if each.video_id == "part")
        assert (whole.subscription, bare.subscription) == ("news", ""), "a holding is of another subscription"
        assert (bare.container, bare.resolution) == (None, None), "a holding tells facts that nobody measured"

    @law
    def test_holdings_of_many_videos_come_each_once(self, stores: Stores) -> None:
        """However many there are."""
        names = [f"v{number}" for number in range(min(self.many, 101))]  # type: ignore[attr-defined]
        for number, name in enumerate(names):
            _holding(stores, number, name, [("archive", "video", "stored", 10)])
        told = [each.video_id for each in stores.second.holdings()]
        assert sorted(told) == sorted(names), "holdings miss a video, or repeat one"

    @law
    def test_a_throughput_counts_bytes_and_time_once(self, stores: Stores) -> None:
        """What several storages hold is one video, and time in which several attempts ran is spent once."""
        empty = stores.second.throughput(timedelta(days=1))
        if empty is None:
            return
        assert (empty.size, empty.rate) == (0, None), "an empty store was filled at some rate"
        began = time.monotonic()
        holds = [stores.held(number) for number in range(2)]
        other = stores.held(2)
        stores.first.save(other, other.job, Again(SHORT))
        stores.wait_until_due()
        for number, hold in enumerate(holds):
            places = (("archive", "video"), ("nas", "video"), ("archive", "info"))
            copies = tuple(a_copy(hold, storage, role, "stored") for storage, role in places)
            stores.first.save(hold, evolve(hold.job, video=a_video(f"v{number}"), copies=copies), Done())
        took = timedelta(seconds=time.monotonic() - began + _TICK)
        told = stores.second.throughput(timedelta(days=1))
        assert told is not None, "a throughput is told at one time and not at another"
        assert told.size == 2 * 1000, "a throughput counts other bytes than those of two main files"
        assert told.spent >= SHORT, "a throughput leaves out time in which somebody worked"
        assert told.spent <= took, "a throughput counts time twice in which two worked"
        old = stores.second.throughput(timedelta(0))
        assert old is not None, "a throughput is told for one time and not for another"
        assert old.size == 0, "a throughput counts what was stored before the time that is asked for"


def _archive(stores: Stores) -> None:
    """Videos that are there, that are there in part, that are gone, that are on their way; and jobs without one."""
    facts = MediaFacts("mp4", 61.4, 1080, 1920, "h264", "aac")
    whole = a_video("whole", variant="audio", title="Ä title", channel_id="UC1")
    copies = [
        ("archive", "video", "stored", 1000),
        ("archive", "record", "stored", 10),
        ("nas", "video", "deleting", 100),
    ]
    _holding(stores, 1, whole, [*copies, ("nas", "record", "intended", 7)], facts=facts)
    _holding(stores, 2, "part", [("archive", "video", "deleted", 5000), ("archive", "record", "stored", 1)])
    gone = [("nas", "video", "deleted", 50), ("nas", "record", "deleted", 10)]
    _holding(stores, 3, "gone", gone, status=Status.PRUNED)
    stores.ended(4, Status.FAILED)
    stores.first.add([new(5)])


def _holding(
    stores: Stores,
    number: int,
    video: Any,
    copies: list[tuple[str, str, Any, int]],
    status: Status = Status.DOWNLOADED,
    **rest: Any,
) -> None:
    """Save a video whose copies got through all states before theirs."""
    hold = stores.held(number)
    hold = evolve(hold, job=evolve(hold.job, status=status, video=a_video(video) if isinstance(video, str) else video))
    for state in ("stored", ""):
        made = tuple(
            evolve(a_copy(hold, storage, role, _state(wanted, state)), size=size)
            for storage, role, wanted, size in copies
        )
        hold = stores.first.save(hold, evolve(hold.job, copies=made, **rest), Keep())
    stores.first.save(hold, hold.job, Done())


def _state(wanted: Any, before: str) -> Any:
    return before if before and wanted != "intended" else wanted


def _times(job: Job, storage: str, deleted: bool) -> tuple[datetime | None, datetime | None]:
    copies = [each for each in job.copies if each.storage == storage and each.state != "intended"]
    counted = [each for each in copies if (each.state == "deleted") is deleted]
    stored = min((each.stored_at for each in counted if each.stored_at), default=None)
    return stored, max((each.deleted_at for each in counted if each.deleted_at), default=None) if deleted else None


def _stored(stores: Stores, number: int) -> datetime:
    """Store one more video, and say when that was, by the store's clock."""
    _holding(stores, number, f"v{number}", [("archive", "video", "stored", 1)])
    [copy] = stores.job(new(number).request.id).copies
    assert copy.stored_at is not None, "a copy does not tell when it was stored"
    return copy.stored_at
