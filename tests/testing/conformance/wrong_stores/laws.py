"""Stores that break one of the laws T1 to T8."""

import time
from datetime import timedelta

from attrs import evolve
from right_store import RightStore, Shelf

from haulage.plugin import Gate, Keep

from .declaring import breaks

# T1: as a whole, and there when the call returns.


@breaks("t1_an_add_that_fails_adds_nothing")
class AddsOneByOne(RightStore):
    def add(self, jobs, *, batch="", parent=None, again=False):
        return sum(super(AddsOneByOne, self).add([job], batch=batch, parent=parent, again=again) for job in jobs)


@breaks("t1_a_job_is_always_seen_whole")
class WritesInTwoSteps(RightStore):
    def save(self, hold, job, then, *, site=None):
        super().save(hold, evolve(job, copies=(), files=()), Keep())
        time.sleep(0.002)
        return super().save(hold, job, then, site=site)


@breaks("t1_a_cool_down_comes_with_its_save")
class ClosesTheSiteAfterTheSave(RightStore):
    def save(self, hold, job, then, *, site=None):
        hold = super().save(hold, job, then)
        time.sleep(0.002)
        if isinstance(site, Gate):
            self.gate(job.site, site)
        return hold


@breaks("t1_what_a_call_wrote_is_there_when_it_returns")
class KeepsProgressToItself(RightStore):
    def beat_one(self, beat, lease):
        row = self.held_by(beat.attempt)
        return row and super().beat_one(evolve(beat, stage=row.job.stage, done=row.job.done, total=None), lease)


# T2: one holder.


@breaks("t2_a_held_job_is_not_claimed")
class GivesAwayWhatWasSavedOnce(RightStore):
    def put_down(self, row, hold, receipt):
        row.due = self.now() if isinstance(receipt[1], Keep) else row.due
        super().put_down(row, hold, receipt)


@breaks("t2_threads_that_claim_at_once_share_the_jobs_out")
class ClaimsWithoutALock(RightStore):
    def __init__(self, options):
        super().__init__(options)
        self.lock = type("NoLock", (), {"__enter__": lambda _: None, "__exit__": lambda *_: None})()


@breaks("t2_a_job_whose_lease_is_over_is_taken_over")
class ForgetsWhoCrashed(RightStore):
    def claim(self, worker, lease, **rest):
        hold = super().claim(worker, lease, **rest)
        return hold and evolve(hold, previous=None)


# T3: the fence.


@breaks("t3_a_save_by_the_holder_before_changes_nothing")
class SavesWithoutAFence(RightStore):
    def held_by(self, attempt):
        return next((row for row in self.rows.values() if attempt in row.job.attempts), None)


@breaks("t3_a_save_that_is_refused_changes_nothing")
class SavesPastTheLease(RightStore):
    def held_by(self, attempt):
        return next((row for row in self.rows.values() if row.attempt == attempt), None)


@breaks("t3_a_save_that_is_refused_changes_nothing")
class ClosesTheSiteOfARefusedSave(RightStore):
    def save(self, hold, job, then, *, site=None):
        if isinstance(site, Gate) and (job, then, site) != self.shelf.receipts.get(hold.attempt):
            self.gate(job.site, site)
        return super().save(hold, job, then, site=None if isinstance(site, Gate) else site)


@breaks("t3_a_save_with_the_attempt_of_another_job_changes_nothing")
class TakesAnyAttempt(RightStore):
    def save(self, hold, job, then, *, site=None):
        row = self.rows[job.id]
        return super().save(evolve(hold, attempt=row.attempt or hold.attempt), job, then, site=site)


@breaks("t3_a_beat_revives_no_attempt_that_is_lost")
class BeatsRevive(RightStore):
    def beat_one(self, beat, lease):
        row = next((row for row in self.rows.values() if row.attempt == beat.attempt), None)
        row and setattr(row, "due", self.later(lease))
        return super().beat_one(beat, lease)


@breaks("t3_a_beat_extends_the_leases_that_last")
class BeatsExtendNothing(RightStore):
    def beat_one(self, beat, lease):
        row = self.held_by(beat.attempt)
        return row and super().beat_one(beat, timedelta(seconds=row.due - self.now()))


@breaks("t3_keep_leaves_the_lease_as_it_is")
class SavesShortenTheLease(RightStore):
    def put_down(self, row, hold, receipt):
        row.due = min(row.due, self.later(timedelta(minutes=5)))
        super().put_down(row, hold, receipt)


@breaks("t3_a_released_attempt_can_neither_save_nor_beat")
class ReleaseIsNoFence(RightStore):
    def release(self, worker):
        held = [row for row in self.rows.values() if row.worker == worker and self.held(row)]
        for row in held:
            self.shelf.receipts[row.attempt] = row.due = self.now()
        return len(held)

    def held(self, row):
        return row.attempt is not None and (row.attempt in self.shelf.receipts or super().held(row))


# T4: again.


@breaks("t4_a_save_that_is_repeated_changes_nothing")
class RefusesARepeatedSave(RightStore):
    def put_down(self, row, hold, receipt):
        super().put_down(row, hold, receipt)
        self.shelf.receipts.clear()


@breaks("t4_a_save_that_is_repeated_changes_nothing")
class CountsAStrikeTwice(RightStore):
    def save(self, hold, job, then, *, site=None):
        repeated = self.shelf.receipts.get(hold.attempt) == (job, then, site)
        if repeated and site is not None:
            self.tell_site(job.site, site)
        return super().save(hold, job, then, site=site)


@breaks("t4_a_save_that_is_repeated_after_others_went_on_changes_nothing")
class TakesAnotherSaveForARepeatedOne(RightStore):
    def save(self, hold, job, then, *, site=None):
        if hold.attempt in self.shelf.receipts:
            return evolve(hold, job=job)
        return super().save(hold, job, then, site=site)


@breaks("t4_jobs_that_are_added_twice_are_there_once")
class CountsWhatIsThere(RightStore):
    def add_one(self, new, batch, parent, again):
        super().add_one(new, batch, parent, again)
        return 1


# T5: seen by everybody, as it was saved.


@breaks("t5_a_claim_gives_what_was_saved")
class LosesACopy(RightStore):
    def write(self, row, job):
        super().write(row, evolve(job, copies=job.copies[:-1] if len(job.copies) > 2 else job.copies))


@breaks("t5_a_claim_gives_what_was_saved")
class ForgetsTries(RightStore):
    def write(self, row, job):
        super().write(row, evolve(job, tries=job.tries[1:]))


@breaks("t5_a_claim_gives_what_was_saved")
class ForgetsWhatWasListed(RightStore):
    def write(self, row, job):
        super().write(row, evolve(job, listed=False))


@breaks("t5_a_claim_gives_what_was_saved")
class ForgetsTheParent(RightStore):
    def add_one(self, new, batch, parent, again):
        return super().add_one(new, batch, None, again)


@breaks("a_closed_site_is_not_claimed_until_it_opens")
class KeepsClosedSitesToItself(RightStore):
    def __init__(self, options):
        super().__init__(options)
        self.places = Shelf().places


@breaks("text_of_any_alphabet_and_length_is_kept")
class CutsText(RightStore):
    def write(self, row, job):
        video = job.video and evolve(job.video, id=job.video.id[:255], title=job.video.title[:255])
        super().write(row, evolve(job, video=video))


# T6: the store's own clock.


@breaks("t6_the_clock_of_a_process_does_not_matter", shared=False)
class GoesByTheClockOfTheCaller(RightStore):
    def now(self):
        return time.time()


@breaks("t6_a_wait_past_the_end_of_the_calendar_loses_no_job")
class ForgetsWhatRestsForAges(RightStore):
    def put_down(self, row, hold, receipt):
        super().put_down(row, hold, receipt)
        row.due = None if row.due and row.due > self.later(timedelta(days=3650)) else row.due


# T7: no lock while a caller computes.


@breaks("t7_nobody_waits_for_a_caller_who_computes")
class LocksWhileOneLooks(RightStore):
    def find(self, query):
        with self.lock:
            yield from super().find(query)


# T8: one job for a video.


@breaks("t8_of_two_jobs_with_one_video_the_second_is_a_duplicate")
class KnowsNoDuplicates(RightStore):
    def check_video(self, job):
        pass


@breaks("t8_of_two_jobs_with_one_video_the_second_is_a_duplicate")
class WritesPartOfADuplicate(RightStore):
    def check_video(self, job):
        self.write(self.rows[job.id], evolve(job, video=self.rows[job.id].job.video))
        super().check_video(job)


@breaks("t8_an_add_makes_no_second_job_of_a_video")
class AddsAVideoTwice(RightStore):
    def add_one(self, new, batch, parent, again):
        return super().add_one(evolve(new, video=None), batch, parent, again)


@breaks("any_history_leaves_what_the_model_holds")
class OpensEverySite(RightStore):
    def open_site(self, name):
        for each in self.places:
            super().open_site(each)
