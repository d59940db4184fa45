"""What is known already is taken in as it is, and once."""

from datetime import timedelta
from pathlib import Path

from attrs import evolve

from haulage.testing.conformance.law import law
from haulage.testing.conformance.metadata_stores import Stores, a_video, new
from haulage.values import AttemptId, Copy, Job, MediaFacts, MediaFile, Request, Status

_PAST = AttemptId("a" * 32)


def _known(number: int) -> Job:
    """A video that lies in a storage and that no attempt wrote."""
    request = Request(f"https://example.com/{number}")
    copy = Copy("old", "video", "Ä title [1].mp4", "stored", AttemptId(""), 1000, "5" * 64, version="v7")
    return Job(
        request.id,
        request,
        "example.com",
        Status.DOWNLOADED,
        video=a_video(f"v{number}", request.url, title="Ä title ✓", channel_id="UC1"),
        facts=MediaFacts("mp4", 61.4, 1080, 1920, "h264", "aac"),
        files=(MediaFile(Path(), "video", "mp4", "video/mp4", 1000, "5" * 64),),
        copies=(copy,),
    )


def _let_go(number: int) -> Job:
    """A video that nothing holds and lists shall not bring back."""
    job = _known(number)
    gone = Copy("old", "video", "UC1/v1/video.mp4", "deleted", _PAST, 0, None)
    return evolve(job, status=Status.PRUNED, facts=None, files=(), copies=(gone,), attempts=(_PAST,))


class TakingInLaws:
    """Jobs of which all is known are added as they are."""

    @law
    def test_what_is_taken_in_is_there_as_a_whole(self, stores: Stores) -> None:
        """With its video, facts, files and copies, dated by the store; and nothing is left to do for it."""
        wanted = _known(1)
        assert stores.first.take_in([wanted]) == 1, "take_in did not count what was new"
        found = stores.job(wanted.id)
        assert (found.request, found.status, found.video) == (wanted.request, wanted.status, wanted.video)
        assert (found.facts, found.files) == (wanted.facts, wanted.files), "not all that was known was taken in"
        [copy] = found.copies
        assert copy.stored_at is not None, "what was taken in is stored, and has no date"
        assert evolve(copy, stored_at=None) == wanted.copies[0], "a copy was taken in as something else"
        assert [each.imported for each in stores.second.holdings()] == [True], "nobody is told that it was imported"
        assert stores.claim() is None, "what was taken in is due, and would be hauled again"

    @law
    def test_what_is_taken_in_may_be_due(self, stores: Stores) -> None:
        """Where another storage is owed it."""
        job = _known(1)
        stores.first.take_in([job], due=True)
        assert stores.must_claim().job.copies[0].key == job.copies[0].key, "what is due comes without its copies"

    @law
    def test_what_has_a_job_is_not_taken_in(self, stores: Stores) -> None:
        """Neither a request that is there, nor a video that has a job by another URL; twice is once."""
        stores.first.add([new(1), new(9, video=_known(2).video)])
        stores.first.take_in([_known(3)])
        with stores.unchanged("take_in changed what was there"):
            assert stores.first.take_in([_known(1), _known(2), _known(3)]) == 0, "what is known was counted as new"

    @law
    def test_what_is_taken_in_as_let_go_is_hauled_when_it_is_asked_for(self, stores: Stores) -> None:
        """Its attempt has ended: who names it in a list changes nothing, and who asks for it counts from there."""
        job = _let_go(1)
        assert stores.first.take_in([job]) == 1
        [copy] = stores.job(job.id).copies
        assert [copy.attempt] == list(stores.job(job.id).attempts), "no attempt let it go"
        stores.first.add([new(1, video=job.video)])
        assert stores.claim() is None, "a list brought back what was let go"
        stores.first.add([new(1)], again=True)
        hold = stores.must_claim()
        assert hold.job.asked_after == 1, "what was let go before it was asked for counts as let go since"
        assert stores.first.next_due(home="", handover=timedelta(0)) != timedelta(0)

    @law
    def test_a_request_without_a_page_takes_that_of_who_asks(self, stores: Stores) -> None:
        """Words of an archive name a video; a URL that leads to it is what can be hauled."""
        request = Request("youtube:v1")
        job = evolve(_let_go(1), id=request.id, request=request, video=a_video("v1", request.url))
        stores.first.take_in([job])
        stores.first.add([new(5, video=a_video("v1", "https://example.com/5"))], again=True)
        hold = stores.must_claim()
        assert (hold.job.id, hold.job.request.url) == (job.id, "https://example.com/5"), "words are hauled as a URL"
