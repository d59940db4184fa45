"""Stores that add up wrongly, or forget when things were stored."""

import itertools
from datetime import timedelta

from attrs import evolve
from right_store import RightStore

from haulage.contracts import totals

from .declaring import breaks


@breaks("a_copy_tells_when_it_was_stored_and_deleted")
class DatesEachSaveAnew(RightStore):
    def dated(self, copy, before, now):
        return super().dated(copy, None, now)


@breaks("a_copy_tells_when_it_was_stored_and_deleted")
class BelievesItsCaller(RightStore):
    def dated(self, copy, before, now):
        ours = super().dated(copy, before, now)
        return evolve(ours, stored_at=copy.stored_at or ours.stored_at)


def undeleted(copy):
    return evolve(copy, state="stored") if copy.state == "deleted" else copy


@breaks("a_tally_counts_what_is_there")
class CountsWhatIsDeleted(RightStore):
    def tally(self, owed_to=()):
        rows = [evolve(row.job, copies=tuple(map(undeleted, row.job.copies))) for row in self.rows.values()]
        return totals.tally(rows, owed_to)


def published(copy):
    return evolve(copy, state="stored") if copy.state == "intended" else copy


@breaks("what_is_owed_is_told")
class TakesWhatIsIntendedForACopy(RightStore):
    def tally(self, owed_to=()):
        rows = [evolve(row.job, copies=tuple(map(published, row.job.copies))) for row in self.rows.values()]
        return evolve(super().tally(), owed=totals.tally(rows, owed_to).owed)


@breaks("what_is_owed_is_told")
class FindsWhatIsOwedToAll(RightStore):
    def matches(self, row, query):
        owed = all(totals.is_owed(row.job, storage) for storage in query.owed)
        return super().matches(row, evolve(query, owed=())) and owed


@breaks("what_is_owed_goes_by_subscriptions")
class OwesEverythingToEveryMirror(RightStore):
    def tally(self, owed_to=()):
        return super().tally([evolve(mirror, subscriptions=(), others=True) for mirror in owed_to])


@breaks("what_is_owed_goes_by_subscriptions")
class FindsWhatIsOwedToEveryMirror(RightStore):
    def matches(self, row, query):
        owed = tuple(evolve(mirror, subscriptions=(), others=True) for mirror in query.owed)
        return super().matches(row, evolve(query, owed=owed))


@breaks("holdings_say_what_each_video_takes_up")
class ForgetsWhatWasDeleted(RightStore):
    def holdings(self):
        return (holding for holding in super().holdings() if not holding.deleted_at)


@breaks("holdings_say_what_each_video_takes_up")
class ForgetsWhoseItIs(RightStore):
    def holdings(self):
        return (evolve(holding, subscription="") for holding in super().holdings())


@breaks("holdings_of_many_videos_come_each_once")
class HoldsOnePage(RightStore):
    def holdings(self):
        return itertools.islice(super().holdings(), 20)


@breaks("a_throughput_counts_bytes_and_time_once")
class CountsEachStorage(RightStore):
    def size_of(self, sizes):
        return sum(sizes)


@breaks("a_throughput_counts_bytes_and_time_once")
class AddsUpWhatRanAtOnce(RightStore):
    def spent(self, spans):
        return sum((ended - began for began, ended in spans), timedelta(0))


@breaks("a_throughput_counts_bytes_and_time_once")
class CountsAllThereEverWas(RightStore):
    def throughput(self, within):
        return super().throughput(timedelta(days=1))


@breaks("holdings_say_what_each_video_takes_up")
class ForgetsWhatShallGo(RightStore):
    def holdings(self):
        return (evolve(holding, deleting=False) for holding in super().holdings())


@breaks("asking_again_is_heard_while_an_object_goes")
class IsDeafWhileAnObjectGoes(RightStore):
    def is_half_gone(self, row):
        return False


@breaks("asking_again_reopens_the_job_that_has_the_video")
class KnowsJobsByTheirUrlsAlone(RightStore):
    def add(self, jobs, *, batch="", parent=None, again=False):
        return super().add(jobs, batch=batch, parent=parent, again=again and all(job.video is None for job in jobs))


@breaks("the_clock_is_the_one_that_dates_copies")
class TellsTheTimeOfAnotherClock(RightStore):
    def clock(self):
        return super().clock() - timedelta(hours=1)
