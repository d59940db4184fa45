"""Videos that were noted elsewhere have the names and pages that a haul gives them, and files are measured apart."""

from pathlib import Path

import pytest

from haulage.plugin import Cancelled, FetchError, Kind, Request, SupportsIdentity, SupportsMeasuring, Video
from haulage.testing import Call, Recipe, make
from haulage_ytdlp import identity
from haulage_ytdlp.child.find import expand, extractor
from haulage_ytdlp.child.parameters import parameters
from haulage_ytdlp.child.session import Silent, Ydl
from haulage_ytdlp.options import YtDlpOptions

IDS = {"youtube": "dQw4w9WgXcQ", "vimeo": "76979871", "dailymotion": "x2iuewm"}


@pytest.fixture(scope="module")
def ydl():
    """yt-dlp itself."""
    with Ydl(parameters(None, YtDlpOptions(), Silent(), lambda _: None)) as ydl:
        yield ydl


@pytest.mark.parametrize("source", IDS)
def test_pages_lead_to_their_videos(ydl, source):
    """The page that is told for an id is one that yt-dlp takes for that very video, of that extractor."""
    found = identity.identify(source, IDS[source], "", "small")
    chosen = extractor(ydl, found.url)
    assert chosen.ie_key().lower() == source
    assert chosen.get_temp_id(found.url) == IDS[source]
    assert (found.source, found.id, found.variant) == (source, IDS[source], "small")
    assert identity.is_id(source, IDS[source])


def test_a_list_gives_the_same_names(ydl):
    """What a haul would call a video without a look at its page is what it is called here."""
    url = "https://youtu.be/dQw4w9WgXcQ?si=x"
    [hauled] = expand(ydl, Request(url))
    noted = identity.identify("youtube", "dQw4w9WgXcQ", url, "")
    assert (noted.source, noted.id) == (hauled.source, hauled.id)
    url = "http://a.test/some%20clip.mp4?x=1&token=s"
    [hauled] = expand(ydl, Request(url))
    assert identity.identify("generic", "whatever", url, "") == hauled


@pytest.mark.parametrize(
    ("source", "video_id", "url", "page"),
    [
        ("generic", "clip", "", None),
        ("youtube", "tooshort", "", None),
        ("somesite", "1", "", None),
        ("somesite", "1", "http://a.test/1", "http://a.test/1"),
        ("youtube", "tooshort", "http://a.test/1", "http://a.test/1"),
    ],
)
def test_no_page_is_made_up(source, video_id, url, page):
    """Where nothing tells the page, there is none."""
    found = identity.identify(source, video_id, url, "")
    assert (found and found.url) == page
    assert found is None or found == Video(source, video_id, "", url)


def test_files_are_measured_in_a_process_of_their_own(fetcher, tmp_path):
    """A whole file tells its facts, one that is cut or none at all is invalid, and nothing of them is changed."""
    assert isinstance(fetcher, SupportsMeasuring)
    assert isinstance(fetcher, SupportsIdentity)
    path = make(Recipe("whole", duration=2, width=320, height=180), tmp_path)
    facts = fetcher.measure(path, 2.0, Call("a" * 32))
    assert (facts.container, facts.duration, facts.width, facts.height) == ("mp4", 2.0, 320, 180)
    with pytest.raises(FetchError, match="its page announced") as caught:
        fetcher.measure(path, 60.0, Call("a" * 32))
    assert caught.value.failure.kind is Kind.INVALID
    for name, data in (("cut.mp4", path.read_bytes()[:-5000]), ("page.mp4", b"<html>"), ("empty.mp4", b"")):
        Path(tmp_path / name).write_bytes(data)
        with pytest.raises(FetchError) as caught:
            fetcher.measure(tmp_path / name, None, Call("a" * 32))
        assert caught.value.failure.kind is Kind.INVALID
    cancelled = Call("a" * 32)
    cancelled.cancel.cancel("stopped")
    with pytest.raises(Cancelled):
        fetcher.measure(path, None, cancelled)
