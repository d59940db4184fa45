"""Stores that find other jobs than they were asked for."""

from attrs import evolve
from right_store import RightStore

from .declaring import breaks


@breaks("find_gives_all_pages_in_order")
class FindSkipsAPage(RightStore):
    def page(self, query, position, size=20):
        return super().page(query, position + (size if position == size else 0), size)


@breaks("find_filters")
class FindsBySubstring(RightStore):
    def matches(self, row, query):
        return super().matches(row, evolve(query, site="")) and query.site in row.job.site


@breaks("find_filters")
class IgnoresTheChannel(RightStore):
    def matches(self, row, query):
        return super().matches(row, evolve(query, channel_id=""))


@breaks("find_filters")
class IgnoresTheSource(RightStore):
    def matches(self, row, query):
        return super().matches(row, evolve(query, source=""))


@breaks("a_job_is_of_the_subscription_that_named_it_first")
class IgnoresTheSubscription(RightStore):
    def matches(self, row, query):
        return super().matches(row, evolve(query, subscription=""))


@breaks("find_filters")
class IgnoresTheStorage(RightStore):
    def matches(self, row, query):
        return super().matches(row, evolve(query, storage=""))


@breaks("find_filters")
class IgnoresWhoHoldsIt(RightStore):
    def matches(self, row, query):
        return super().matches(row, evolve(query, running=False))


@breaks("find_narrows_by_the_time_of_adding")
class IgnoresTheEarliestTime(RightStore):
    def matches(self, row, query):
        return super().matches(row, evolve(query, added_since=None))


@breaks("find_narrows_by_the_time_of_adding")
class IgnoresTheLatestTime(RightStore):
    def matches(self, row, query):
        return super().matches(row, evolve(query, added_until=None))


@breaks("find_narrows_by_the_last_failure")
class IgnoresTheKind(RightStore):
    def matches(self, row, query):
        return super().matches(row, evolve(query, kinds=()))


@breaks("find_narrows_by_the_last_failure")
class IgnoresWhenItFailed(RightStore):
    def matches(self, row, query):
        return super().matches(row, evolve(query, failed_since=None))


@breaks("find_filters")
class TakesWhatIsIntendedForStored(RightStore):
    def matches(self, row, query):
        stored = any(each.storage == query.storage for each in row.job.copies)
        return super().matches(row, evolve(query, storage="")) and (stored or not query.storage)


@breaks("find_narrows_by_the_last_failure")
class LooksAtTheFirstFailure(RightStore):
    def failed(self, job, query):
        return super().failed(evolve(job, tries=job.tries[:1]), query)


@breaks("find_ends_at_its_limit_and_begins_at_either_end")
class IgnoresTheLimit(RightStore):
    def find(self, query):
        return super().find(evolve(query, limit=None))


@breaks("find_ends_at_its_limit_and_begins_at_either_end")
class AlwaysBeginsWithTheOldest(RightStore):
    def at_once(self, query):
        found = super().at_once(query)
        return found if query.order == "failed" else found[::-1]


@breaks("find_begins_with_what_failed_last")
class TakesWhatWasAddedLastForWhatFailedLast(RightStore):
    def at_once(self, query):
        return [job for job in super().at_once(evolve(query, order="newest")) if query.order == "newest" or job.tries]
