"""Stores that take in what is known already as something else."""

from attrs import evolve
from right_store import RightStore

from .declaring import breaks


@breaks("what_is_taken_in_is_there_as_a_whole")
class HaulsWhatIsThere(RightStore):
    def take_in(self, jobs, *, due=False):
        return super().take_in(jobs, due=True)


@breaks("what_is_taken_in_may_be_due")
class NeverCopiesIt(RightStore):
    def take_in(self, jobs, *, due=False):
        return super().take_in(jobs)


@breaks("what_has_a_job_is_not_taken_in")
class CountsAll(RightStore):
    def take_in(self, jobs, *, due=False):
        super().take_in(jobs, due=due)
        return len(jobs)


@breaks("what_is_taken_in_as_let_go_is_hauled_when_it_is_asked_for")
class LetsGoInNobodysName(RightStore):
    def take_in(self, jobs, *, due=False):
        return super().take_in([evolve(job, attempts=()) for job in jobs], due=due)


@breaks("a_request_without_a_page_takes_that_of_who_asks")
class KeepsWords(RightStore):
    def reopen(self, row, new, batch):
        super().reopen(row, row.job, batch)
