"""What each option of the fetcher does, as the site and the files tell."""

import http.server
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from haulage.plugin import BuildContext, FetchError, FetchResult, Kind, Request, Size, Video
from haulage.testing import HLS, LoopbackSite
from haulage_ytdlp.fetcher import YtDlpFetcher
from haulage_ytdlp.options import YtDlpOptions

Fetch = Callable[..., FetchResult]


@pytest.fixture
def fetch(new_fetcher: Any, work: Any, tmp_path: Path) -> Fetch:
    """Fetch a URL with options."""

    def fetch(url: str, **options: Any) -> FetchResult:
        fetcher = new_fetcher(options=YtDlpOptions(**options))
        result: FetchResult = fetcher.fetch(Video("generic", "v", "", url), tmp_path, work)
        return result

    return fetch


class TestFormats:
    @pytest.mark.parametrize(("limit", "recipe"), [(360, HLS[0]), (480, HLS[1]), (719, HLS[1]), (None, HLS[2])])
    def test_max_height(self, fetch: Fetch, site: LoopbackSite, look: Any, limit: int | None, recipe: Any) -> None:
        """The highest picture within the limit is taken."""
        result = fetch(site.url("/hls/master.m3u8"), max_height=limit)
        looked = look(result.files[0].path)
        assert (looked.width, looked.height) == (recipe.width, recipe.height)

    def test_nothing_within_the_limit(self, fetch: Fetch, site: LoopbackSite) -> None:
        """Where every picture is higher, the video is unavailable, instead of another one being taken."""
        with pytest.raises(FetchError) as caught:
            fetch(site.url("/hls/master.m3u8"), max_height=100)
        assert caught.value.failure.kind is Kind.UNAVAILABLE

    def test_unknown_height(self, fetch: Fetch, site: LoopbackSite) -> None:
        """A file of which no page says how high it is is taken."""
        assert fetch(site.url("/clip.mp4"), max_height=100).facts.height == site.recipes["clip.mp4"].height

    def test_format(self, fetch: Fetch, site: LoopbackSite, look: Any) -> None:
        """yt-dlp's own selection counts where it is given."""
        looked = look(fetch(site.url("/hls/master.m3u8"), format="worst").files[0].path)
        assert looked.height == HLS[0].height

    @pytest.mark.parametrize(("container", "extension", "codec"), [(None, "m4a", "aac"), ("mp3", "mp3", "mp3")])
    def test_audio_only(
        self, fetch: Fetch, site: LoopbackSite, look: Any, container: Any, extension: str, codec: str
    ) -> None:
        """The sound alone is kept, as long as the whole, in the container that is asked for."""
        result = fetch(site.url("/clip.mp4"), audio_only=True, container=container)
        [file] = result.files
        looked = look(file.path)
        assert (file.role, file.extension, file.path.suffix) == ("video", extension, f".{extension}")
        assert (looked.video_codec, looked.audio_codec) == (None, codec)
        assert looked.duration == pytest.approx(site.recipes["clip.mp4"].duration, abs=0.1)
        assert (result.facts.width, result.facts.video_codec) == (None, None)

    def test_container(self, fetch: Fetch, site: LoopbackSite, look: Any) -> None:
        """The streams are put into another container, and nothing else changes."""
        result = fetch(site.url("/dash/manifest.mpd"), container="mkv")
        [file] = result.files
        looked = look(file.path)
        assert (file.extension, file.media_type, result.facts.container) == ("mkv", "video/matroska", "mkv")
        assert (looked.video_codec, looked.audio_codec) == ("h264", "aac")


class TestSidecars:
    @pytest.fixture
    def page(self, site: LoopbackSite, pages: Any) -> str:
        """A page with a video, two languages and a picture."""
        cue = "WEBVTT\n\n00:00.000 --> 00:01.000\n"
        tracks = "".join(
            f'<track kind="subtitles" srclang="{each}" src="{pages.put(f"/{each}.vtt", "text/vtt", f"{cue}{each}")}">'
            for each in ("en", "de")
        )
        picture = pages.put("/still.png", "image/png", "not looked at")
        video = f'<video poster="{picture}"><source src="{site.url("/clip.mp4")}" type="video/mp4">{tracks}</video>'
        url: str = pages.put("/page", "text/html", f"<html><title>T</title><body>{video}</body></html>")
        return url

    def test_none(self, fetch: Fetch, page: str) -> None:
        """Without being asked for, nothing goes with the video."""
        assert [file.role for file in fetch(page).files] == ["video"]

    def test_all(self, fetch: Fetch, page: str) -> None:
        """The languages that are there, the picture and the information are files of their own, the video first."""
        result = fetch(page, subtitles=("de", "fr"), thumbnail=True, info=True)
        found = {file.role: (file.extension, file.media_type) for file in result.files}
        assert list(found.items()) == [
            ("video", ("mp4", "video/mp4")),
            ("info", ("info.json", "application/json")),
            ("thumbnail", ("png", "image/png")),
            ("subtitle.de", ("de.vtt", "text/vtt")),
        ]
        assert result.files[-1].path.read_text().endswith("de")
        assert all(file.size == file.path.stat().st_size for file in result.files)


class TestNetwork:
    def test_cookies(self, new_fetcher: Any, work: Any, pages: Any, tmp_path: Path) -> None:
        """The cookies of the file go to their site, and the file stays as it is."""
        file = tmp_path / "cookies.txt"
        written = f"# Netscape HTTP Cookie File\n127.0.0.1\tFALSE\t/\tFALSE\t{2**31}\tsession\thunter2\n"
        file.write_text(written)
        url = pages.put("/page", "text/html", "<html></html>")
        with pytest.raises(FetchError):
            list(new_fetcher(options=YtDlpOptions(cookies=str(file))).expand(Request(url), work))
        assert pages.headers["/page"]["Cookie"] == "session=hunter2"
        assert file.read_text() == written

    def test_no_cookies(self, tmp_path: Path) -> None:
        """A file that cannot be read is told at the start."""
        with pytest.raises(FetchError) as caught:
            YtDlpFetcher(YtDlpOptions(cookies="none.txt"), BuildContext("fetcher", tmp_path, {}))
        failure = caught.value.failure
        assert failure.kind is Kind.CONFIG
        assert failure.message == f"cannot read the cookies {tmp_path}/none.txt: No such file or directory"

    @pytest.fixture
    def proxy(self) -> Iterator[tuple[str, list[str]]]:
        """A proxy that serves a page of its own for every URL, and what it was asked for."""
        asked: list[str] = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(self.path)
                self.send_response(404)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()
        server.server_close()
        thread.join()

    def test_proxy(self, new_fetcher: Any, work: Any, proxy: tuple[str, list[str]]) -> None:
        """Everything goes through the proxy, which may lie in the own network."""
        url, asked = proxy
        fetcher = new_fetcher(private_hosts=(), options=YtDlpOptions(proxy=url))
        with pytest.raises(FetchError) as caught:
            list(fetcher.expand(Request("http://example.invalid/page"), work))
        assert caught.value.failure.message == "HTTP 404 Not Found"
        assert set(asked) == {"http://example.invalid/page"}

    def test_no_proxy(self, tmp_path: Path) -> None:
        """A proxy that is no URL is told at the start, without what it says."""
        with pytest.raises(FetchError) as caught:
            YtDlpFetcher(YtDlpOptions(proxy="hunter2"), BuildContext("fetcher", tmp_path, {}))
        assert caught.value.failure.kind is Kind.CONFIG
        assert "hunter2" not in str(caught.value)

    def test_rate_limit(self, fetch: Fetch, site: LoopbackSite) -> None:
        """A download takes at least as long as its size at that rate."""
        size = site.file("third.mp4").stat().st_size
        began = time.monotonic()
        fetch(site.url("/third.mp4"), rate_limit=Size(size // 2))
        assert time.monotonic() - began >= 1.5


def test_unknown_variant(fetcher: YtDlpFetcher, work: Any) -> None:
    """A job whose variant the config does not have any more ends, and stops no other."""
    with pytest.raises(FetchError) as caught:
        list(fetcher.expand(Request("http://127.0.0.1/x", "gone"), work))
    assert (caught.value.failure.kind, caught.value.failure.message) == (
        Kind.UNAVAILABLE,
        "the config has no variant 'gone' any more",
    )
