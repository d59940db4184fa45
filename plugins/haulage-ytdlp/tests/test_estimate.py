"""What a fetch would bring is told in advance: by files on the disk of a site, and without downloading them."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from program import WITHIN

from haulage.cancel import Cancelled
from haulage.plugin import FetchError, Kind, SupportsEstimate, Video
from haulage.testing import DASH, HLS, LoopbackSite
from haulage_ytdlp.fetcher import YtDlpFetcher
from haulage_ytdlp.options import YtDlpOptions

SOCKETS = 600 << 10
"""Bytes that the two ends of a connection here may hold at most, of a body that nobody reads."""


def _video(url: str, variant: str = "") -> Video:
    return Video("generic", "clip", variant, url, channel_id="127.0.0.1")


def _rates(manifest: str, name: str) -> list[int]:
    return [int(rate) for rate in re.findall(rf"\b{name}=\"?(\d+)", manifest)]


def test_a_file_has_the_size_that_its_server_tells(fetcher: YtDlpFetcher, site: LoopbackSite, work: Any) -> None:
    """It is that of the file, to the byte, by the one look that yt-dlp takes at what it is."""
    assert isinstance(fetcher, SupportsEstimate)
    told = fetcher.estimate(_video(site.url("/clip.mp4")), work)
    assert (told.size, told.exact) == (site.file("clip.mp4").stat().st_size, True)
    assert (told.format, told.extension, told.resolution) == ("mp4", "mp4", None)  # nobody says how high it is
    [look] = site.requests
    assert not look.complete
    assert look.body_bytes < SOCKETS < told.size


@pytest.mark.parametrize(("height", "chosen"), [(None, 2), (480, 1), (360, 0)])
def test_a_stream_has_the_size_of_its_rate_and_length(
    new_fetcher: Callable[..., YtDlpFetcher], site: LoopbackSite, work: Any, height: int | None, chosen: int
) -> None:
    """Of several resolutions that is counted which a fetch would take; of its segments none is asked for."""
    told = new_fetcher(options=YtDlpOptions(max_height=height)).estimate(_video(site.url("/hls/master.m3u8")), work)
    rates = _rates(site.file("hls/master.m3u8").read_text(), "AVERAGE-BANDWIDTH")
    assert told.size == pytest.approx(rates[chosen] * HLS[chosen].duration / 8, abs=1)
    assert not told.exact
    segments = site.file("hls/master.m3u8").parent.glob(f"{HLS[chosen].name}-*.ts")
    assert told.size == pytest.approx(sum(each.stat().st_size for each in segments), rel=0.15)
    assert (told.width, told.height, told.resolution) == (
        HLS[chosen].width,
        HLS[chosen].height,
        f"{HLS[chosen].height}p",
    )
    assert (told.video.duration, told.extension) == (HLS[chosen].duration, "mp4")
    assert [each.path for each in site.requests if not each.path.endswith(".m3u8")] == []


def test_picture_and_sound_that_are_apart_are_both_counted(
    fetcher: YtDlpFetcher, site: LoopbackSite, work: Any
) -> None:
    """What their manifest tells of both is added up, and they are named as the site names them."""
    told = fetcher.estimate(_video(site.url("/dash/manifest.mpd")), work)
    rates = _rates(site.file("dash/manifest.mpd").read_text(), "bandwidth")
    assert len(rates) == 2
    assert told.size == pytest.approx(sum(rates) * DASH.duration / 8, rel=0.01)  # sound is cut in frames
    assert (told.format, told.extension, told.height) == ("0+1", "mp4", DASH.height)
    assert {each.path for each in site.requests} == {"/dash/manifest.mpd"}


def test_a_page_leads_to_the_file_that_it_tells_of(fetcher: YtDlpFetcher, site: LoopbackSite, work: Any) -> None:
    """Title and length are those that the page announces, and the size is that of the file."""
    told = fetcher.estimate(_video(site.url("/page.html")), work)
    recipe = site.recipes["clip.mp4"]
    assert (told.video.title, told.video.duration) == (recipe.title, recipe.duration)
    assert (told.video.id, told.size, told.exact) == ("clip", site.file("clip.mp4").stat().st_size, True)
    assert not any(each.complete for each in site.log("/clip.mp4"))


def test_a_server_is_asked_where_a_page_says_nothing(
    fetcher: YtDlpFetcher, site: LoopbackSite, pages: Any, work: Any
) -> None:
    """Where nobody has looked at the file itself, one request for its headers tells its size."""
    clip = site.url("/second.mp4")
    page = pages.put("/one.html", "text/html", f'<html><body><video src="{clip}" controls></video></body></html>')
    told = fetcher.estimate(_video(page), work)
    assert (told.size, told.exact) == (site.file("second.mp4").stat().st_size, True)
    assert [(each.method, each.body_bytes) for each in site.log("/second.mp4")] == [("HEAD", 0)]


def test_what_nobody_tells_stays_unknown(fetcher: YtDlpFetcher, site: LoopbackSite, work: Any) -> None:
    """A server that announces no length gives no size."""
    told = fetcher.estimate(_video(site.url("/cut/clip.mp4")), work)
    assert (told.size, told.exact, told.extension) == (None, False, "mp4")


def test_sound_alone_is_not_counted_as_the_film_that_it_is_taken_from(
    new_fetcher: Callable[..., YtDlpFetcher], site: LoopbackSite, work: Any
) -> None:
    """Where the site has it alone its size is told; where it is cut out of a film, or encoded anew, nobody knows."""
    alone, anew = (new_fetcher(options=YtDlpOptions(audio_only=True, container=each)) for each in (None, "mp3"))
    manifest, stream = _video(site.url("/dash/manifest.mpd")), _video(site.url("/hls/master.m3u8"))
    told = alone.estimate(manifest, work)
    [_, rate] = _rates(site.file("dash/manifest.mpd").read_text(), "bandwidth")
    assert told.size == pytest.approx(rate * DASH.duration / 8, rel=0.01)
    assert (told.extension, told.resolution) == ("m4a", None)
    assert (alone.estimate(stream, work).size, alone.estimate(stream, work).resolution) == (None, None)
    assert (anew.estimate(manifest, work).size, anew.estimate(manifest, work).extension) == (None, "mp3")


def test_what_a_fetch_would_refuse_has_no_estimate(
    new_fetcher: Callable[..., YtDlpFetcher], fetcher: YtDlpFetcher, site: LoopbackSite, pages: Any, work: Any
) -> None:
    """What is missing, too large, a list by now, or inside the own network fails as a fetch of it does."""
    small = new_fetcher(options=YtDlpOptions(max_filesize=100_000))
    stranger = new_fetcher(private_hosts=())
    feed = "".join(f"<item><link>{site.url(path)}</link></item>" for path in ("/clip.mp4", "/second.mp4"))
    listed = pages.put("/feed.xml", "application/rss+xml", f'<rss version="2.0"><channel>{feed}</channel></rss>')
    for asked, url, said in (
        (fetcher, site.url("/404/clip.mp4"), "HTTP 404"),
        (small, site.url("/clip.mp4"), "more than 100000 bytes"),
        (fetcher, listed, "a list"),
        (stranger, site.url("/clip.mp4"), "127.0.0.1"),
    ):
        with pytest.raises(FetchError, match=said) as caught:
            asked.estimate(_video(url), work)
        assert caught.value.failure.kind in (Kind.UNAVAILABLE, Kind.ENVIRONMENT)


def test_a_cancel_ends_an_estimate(
    fetcher: YtDlpFetcher,
    site: LoopbackSite,
    lasting_family: Any,
    pool: ThreadPoolExecutor,
    work: Any,
    eventually: Callable[..., None],
) -> None:
    """Where a page does not come to its end the call is over within seconds, and so is its process."""
    future = pool.submit(fetcher.estimate, _video(site.url("/drip/1/page.html")), work)
    site.wait_for(lambda requests: any(each.path == "/drip/1/page.html" for each in requests))
    work.cancel.cancel("enough")
    with pytest.raises(Cancelled):
        future.result(timeout=WITHIN)
    eventually(lambda: not lasting_family.workers(), WITHIN)
