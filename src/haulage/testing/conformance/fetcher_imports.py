"""The laws of a fetcher that names videos that others noted, and measures files that it did not fetch."""

from pathlib import Path

from attrs import evolve

from haulage.cancel import Cancelled
from haulage.contracts.fetcher import Fetcher, SupportsIdentity, SupportsMeasuring
from haulage.errors import FetchError, Kind
from haulage.testing.call import Call
from haulage.testing.conformance.fetcher_estimates import video_of
from haulage.testing.conformance.law import law, refused
from haulage.testing.site import LoopbackSite


class ImportLaws:
    """Laws of SupportsIdentity and SupportsMeasuring; a fetcher that offers neither is not asked for them."""

    @law
    def test_what_others_noted_is_named_as_it_is_found(
        self, fetcher: Fetcher, site: LoopbackSite, video_url: str
    ) -> None:
        """The same identity, so that nobody hauls it again, and a page that leads to it; without asking anybody."""
        if not isinstance(fetcher, SupportsIdentity):
            return
        video = video_of(fetcher, video_url)
        before = len(site.requests)
        named = fetcher.identify(video.source, video.id, video_url, "")
        assert len(site.requests) == before, "a video was looked for to be named"
        assert named is not None, "a page that is known is not taken"
        assert (named.source, named.id) == (video.source, video.id), "a video has another name than where it is found"
        assert fetcher.is_id(video.source, video.id), "the id of a video is said to be none"
        assert fetcher.identify("no such source", "1", "", "") is None, "a page was made up"

    @law
    def test_a_whole_file_is_measured_as_what_it_is(self, fetcher: Fetcher, video_url: str, tmp_path: Path) -> None:
        """As when it was fetched; and it is only read."""
        if not isinstance(fetcher, SupportsMeasuring):
            return
        result = fetcher.fetch(video_of(fetcher, video_url), tmp_path, Call())
        path = result.files[0].path
        before = path.read_bytes(), sorted(each.name for each in path.parent.iterdir())
        facts = fetcher.measure(path, result.facts.duration, Call())
        assert facts == evolve(result.facts, fetched_by=facts.fetched_by), "a file is another one than was fetched"
        after = path.read_bytes(), sorted(each.name for each in path.parent.iterdir())
        assert after == before, "a file was changed by being measured"

    @law
    def test_what_is_no_medium_is_invalid(self, fetcher: Fetcher, tmp_path: Path) -> None:
        """A page, and a file with nothing in it, whatever they are called."""
        if not isinstance(fetcher, SupportsMeasuring):
            return
        for name, data in (("page.mp4", b"<!DOCTYPE html><html></html>"), ("empty.mp4", b"")):
            (tmp_path / name).write_bytes(data)
            with refused(f"{name} was taken for a video", FetchError, Kind.INVALID):
                fetcher.measure(tmp_path / name, None, Call())

    @law
    def test_a_measurement_that_was_cancelled_before_never_begins(
        self, fetcher: Fetcher, video_url: str, tmp_path: Path
    ) -> None:
        """It raises Cancelled."""
        if not isinstance(fetcher, SupportsMeasuring):
            return
        path = fetcher.fetch(video_of(fetcher, video_url), tmp_path, Call()).files[0].path
        call = Call()
        call.cancel.cancel("law")
        with refused("a measurement that was cancelled went through", Cancelled):
            fetcher.measure(path, None, call)
