"""The laws of a fetcher that can tell in advance what a fetch would bring."""

from collections.abc import Mapping
from pathlib import Path

from haulage.cancel import Cancelled
from haulage.contracts.fetcher import Fetcher, SupportsEstimate
from haulage.errors import FetchError, Kind
from haulage.testing.call import Call
from haulage.testing.conformance.law import law, refused
from haulage.testing.site import LoopbackSite
from haulage.values import Request, Video

TOKEN = "hunter2-conformance"
"""What signs a URL in these tests."""


class EstimateLaws:
    """Laws of SupportsEstimate; a fetcher that does not offer it is not asked for it."""

    @law
    def test_an_estimate_is_no_download(self, fetcher: Fetcher, site: LoopbackSite, video_url: str) -> None:
        """It tells of the very video that was asked for, and no medium is read to its end for it."""
        if not isinstance(fetcher, SupportsEstimate):
            return
        video, before = video_of(fetcher, video_url), len(site.requests)
        told = fetcher.estimate(video, Call())
        identity = (told.video.source, told.video.id, told.video.variant)
        assert identity == (video.source, video.id, video.variant), "an estimate tells of another video"
        path = video_url.removeprefix(site.url("").rstrip("/"))
        read = [each for each in site.requests[before:] if each.path == path and each.method == "GET" and each.complete]
        assert not read, "a video was downloaded for its estimate"

    @law
    def test_an_estimate_comes_true(self, fetcher: Fetcher, video_url: str, tmp_path: Path) -> None:
        """A size that the source tells is that of the file, and the file has the extension that was told."""
        if not isinstance(fetcher, SupportsEstimate):
            return
        video = video_of(fetcher, video_url)
        told, main = fetcher.estimate(video, Call()), fetcher.fetch(video, tmp_path, Call()).files[0]
        assert told.size is None or told.size > 0, "an unknown size is told as one"
        assert told.size is not None or not told.exact, "a size that nobody told is said to be exact"
        assert not told.exact or told.size == main.size, "a size that is told as exact is not that of the file"
        assert told.extension in (None, main.extension), "a file has another extension than was told"

    @law
    def test_an_estimate_fails_by_the_kinds_of_a_fetch(
        self, fetcher: Fetcher, failing: Mapping[str, frozenset[Kind]]
    ) -> None:
        """What shows without a download is told by a kind that fits, and without what signs the URL."""
        if not isinstance(fetcher, SupportsEstimate):
            return
        for url, kinds in failing.items():
            error = _failure(fetcher, fetcher, f"{url}?token={TOKEN}")
            if error is not None:
                assert error.failure.kind in kinds, f"{url} failed as {error.failure.kind}: {error.failure}"
                assert TOKEN not in f"{error.failure} {error!r}", "a failure shows what signs the URL"

    @law
    def test_an_estimate_that_was_cancelled_before_never_begins(self, fetcher: Fetcher, video_url: str) -> None:
        """It raises Cancelled instead of asking the source."""
        if not isinstance(fetcher, SupportsEstimate):
            return
        call, video = Call(), video_of(fetcher, video_url)
        call.cancel.cancel("law")
        with refused("an estimate that was cancelled went through", Cancelled):
            fetcher.estimate(video, call)


def video_of(fetcher: Fetcher, url: str) -> Video:
    """The one video behind a URL."""
    [video] = fetcher.expand(Request(url), Call())
    assert isinstance(video, Video), "a URL of one video gave another URL"
    return video


def _failure(fetcher: Fetcher, estimating: SupportsEstimate, url: str) -> FetchError | None:
    """Why there is no estimate; None where there is one."""
    try:
        estimating.estimate(video_of(fetcher, url), Call())
    except FetchError as error:
        return error
    return None
