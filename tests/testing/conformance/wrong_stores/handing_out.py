"""Stores that hand out the wrong job, or at the wrong time."""

from datetime import timedelta

from attrs import evolve
from right_store import RightStore

from haulage.plugin import Site

from .declaring import breaks


@breaks("asking_again_disturbs_nobody")
class AskingAgainReopensWhatRuns(RightStore):
    def add_one(self, new, batch, parent, again):
        if again and new.request.id in self.rows:
            self.reopen(self.rows[new.request.id], new, batch)
        return super().add_one(new, batch, parent, again)


@breaks("a_job_is_of_the_subscription_that_named_it_first")
class GivesVideosAway(RightStore):
    def add_one(self, new, batch, parent, again):
        added = super().add_one(new, batch, parent, again)
        self.subscribe(self.rows[new.request.id], new)
        return added


@breaks("a_list_takes_the_subscription_that_asks_for_it")
class KeepsListsToThoseBefore(RightStore):
    def subscribe(self, row, new):
        pass


@breaks("a_list_takes_the_subscription_that_asks_for_it")
class TakesAListForRead(RightStore):
    def add_one(self, new, batch, parent, again):
        listed = new.request.id in self.rows and self.rows[new.request.id].job.listed
        added = super().add_one(new, batch, parent, again)
        self.rows[new.request.id].job = evolve(self.rows[new.request.id].job, listed=listed)
        return added


@breaks("a_fresh_signature_gives_a_job_new_life")
class KeepsTheOldSignature(RightStore):
    def reopen(self, row, new, batch):
        super().reopen(row, evolve(new, request=row.job.request), batch)


@breaks("a_job_whose_home_stays_away_is_handed_over")
class NeverHandsOver(RightStore):
    def may_take(self, row, home, handover, batch):
        return super().may_take(row, home, timedelta.max, batch)


@breaks("next_due_waits_for_the_site_and_the_home")
class ForgetsClosedSitesWhenAskedWhen(RightStore):
    def wait(self, row, home, handover):
        return None if row.due is None else row.due - self.now()


@breaks("a_batch_is_claimed_alone")
class KnowsNoBatches(RightStore):
    def may_take(self, row, home, handover, batch):
        return super().may_take(row, home, handover, "")


@breaks("a_site_with_strikes_is_asked_by_one_job_at_a_time")
class SendsAllAfterACoolDown(RightStore):
    def busy(self, site):
        return False


@breaks("of_two_gates_the_stricter_one_counts")
class TheLastGateCounts(RightStore):
    def close_site(self, name, gate):
        super().close_site(name, gate)
        self.places[name].opens = None if gate.closed_for is None else self.later(gate.closed_for)


@breaks("of_two_gates_the_stricter_one_counts")
class EachThatMeetsARefusalIsAStrike(RightStore):
    def close_site(self, name, gate):
        strikes = self.places[name].strikes
        super().close_site(name, gate)
        self.places[name].strikes = strikes + 1


@breaks("a_success_that_began_before_a_refusal_opens_nothing")
class AnySuccessOpens(RightStore):
    def save(self, hold, job, then, *, site=None):
        return super().save(evolve(hold, strikes=self.places[job.site].strikes), job, then, site=site)


@breaks("t4_a_save_that_is_repeated_changes_nothing")
class ClosesTheSiteAgain(RightStore):
    def save(self, hold, job, then, *, site=None):
        self.shelf.gates.pop(hold.attempt, None)
        return super().save(hold, job, then, site=site)


@breaks("a_success_does_not_open_a_site_that_is_closed_just_now")
class ASuccessOpensWhatever(RightStore):
    def save(self, hold, job, then, *, site=None):
        hold = super().save(hold, job, then, site=site)
        if site == "open":
            self.open_site(job.site)
        return hold


@breaks("a_site_that_is_opened_by_hand_has_no_jobs_that_wait")
class LetsJobsWaitOn(RightStore):
    def wake(self, site):
        pass


@breaks("a_site_without_jobs_is_not_known")
class MakesSites(RightStore):
    def gate(self, site, gate):
        return super().gate(site, gate) if self.places[site] else False


@breaks("release_touches_only_what_that_worker_holds")
class ReleasesByPrefix(RightStore):
    def release(self, worker):
        names = {row.worker for row in self.rows.values() if row.worker.startswith(worker) and row.worker}
        return sum(super(ReleasesByPrefix, self).release(name) for name in names)


@breaks("sites_lists_those_that_have_refused")
class ListsEverySite(RightStore):
    def sites(self):
        return (Site(name, self.told(each.opens or 0), each.strikes, each.reason) for name, each in self.places.items())


@breaks("jobs_are_claimed_in_the_order_they_became_due")
class LastComeFirstServed(RightStore):
    def claim(self, worker, lease, *, home, handover, batch="", **rest):
        ready = [row for row in self.rows.values() if self.may_take(row, home, handover, batch)]
        if ready:
            max(ready, key=lambda row: row.due).due = 0.0
        return super().claim(worker, lease, home=home, handover=handover, batch=batch, **rest)


@breaks("who_has_no_room_gets_what_is_fetched")
class TakesWhatItCannotKeep(RightStore):
    def is_fetched(self, row, home):
        return row.job.home == home


@breaks("a_named_job_is_claimed_alone_unless_it_is_held")
class ClaimsTheNamedJobOnlyWhenItIsDue(RightStore):
    def claim(self, worker, lease, *, job=None, **rest):
        due = job is None or any(row.job.id == job and row.due is not None for row in self.rows.values())
        return super().claim(worker, lease, job=job, **rest) if due else None


@breaks("a_named_job_is_claimed_alone_unless_it_is_held")
class TakesTheNamedJobFromItsHolder(RightStore):
    def claim(self, worker, lease, *, job=None, **rest):
        if job in self.rows:
            self.rows[job].due = self.now()
        return super().claim(worker, lease, job=job, **rest)
