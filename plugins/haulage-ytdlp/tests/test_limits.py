"""What a page may ask of the machine that reads it: nothing but HTTP, and so much of it."""

import contextlib
import gzip
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from haulage.cancel import Cancelled
from haulage.plugin import BuildContext, Failure, FetchError, Kind, Request, Size, Video
from haulage.testing import LoopbackSite
from haulage_ytdlp.child import limits
from haulage_ytdlp.fetcher import YtDlpFetcher
from haulage_ytdlp.options import YtDlpOptions

HLS_TYPE = "application/vnd.apple.mpegurl"
HEAD = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n"
MEBIBYTE = 1 << 20
SUBTITLED = """<?xml version="1.0"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT4S" profiles="x">
<Period duration="PT4S"><AdaptationSet mimeType="video/mp4" contentType="video"><Representation id="v" bandwidth="9000"
width="64" height="64" codecs="avc1.4d401f,mp4a.40.2"><BaseURL>clip.mp4</BaseURL></Representation></AdaptationSet>
<AdaptationSet mimeType="text/vtt" contentType="text" lang="en"><Representation id="s" bandwidth="1">
<SegmentTemplate media="$Number$.vtt" duration="1" timescale="1" startNumber="1"/></Representation></AdaptationSet>
</Period></MPD>"""


class Endless:
    """A site whose answers never end, and which counts what it could send."""

    def __init__(self) -> None:
        self.sent = 0
        self.asked = 0
        endless = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                endless.asked += 1
                kind, _, rest = self.path[1:].partition("/")
                self.send_response(302 if kind in ("away", "loop") else 200)
                if kind in ("away", "loop"):
                    self.send_header("Location", "/page/" if kind == "away" else self.path)
                self.send_header("Content-Type", rest or "text/html")
                if kind == "bomb":
                    self.send_header("Content-Encoding", "gzip")
                self.end_headers()
                first, piece = b"<html>", b" " * (MEBIBYTE // 4)
                if kind == "bomb":
                    first, piece = gzip.compress(first), gzip.compress(bytes(MEBIBYTE))
                with contextlib.suppress(OSError):
                    self.wfile.write(first)
                    while True:
                        self.wfile.write(piece)
                        endless.sent += len(piece)

            do_HEAD = do_GET  # noqa: N815 - http.server's own word

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def url(self, path: str) -> str:
        """The URL of a path: its first part says what is endless, the rest which type it is called."""
        return f"http://127.0.0.1:{self._server.server_port}{path}"

    def stop(self) -> None:
        """Serve no more."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def endless() -> Iterator[Endless]:
    """One."""
    endless = Endless()
    yield endless
    endless.stop()


def _failure(call: Callable[[], Any]) -> Failure:
    with pytest.raises(FetchError) as caught:
        call()
    return caught.value.failure


@pytest.fixture(scope="module")
def greedy() -> Iterator[YtDlpFetcher]:
    """A fetcher that takes whatever a page has."""
    variants = {
        "small": YtDlpOptions(max_filesize=Size(2 * MEBIBYTE)),
        "mkv": YtDlpOptions(container="mkv"),
        "plain": YtDlpOptions(),
    }
    options = YtDlpOptions(subtitles=("en",), thumbnail=True)
    fetcher = YtDlpFetcher(options, BuildContext("fetcher", Path(), dict(os.environ), ("127.0.0.1",), variants))
    yield fetcher
    fetcher.close()


@pytest.fixture
def refused(fetcher: YtDlpFetcher, work: Any, tmp_path: Path) -> Callable[[str], Failure]:
    """Fetch a URL in vain."""
    return lambda url: _failure(lambda: fetcher.fetch(Video("generic", "clip", "", url), tmp_path, work))


class TestBytes:
    @pytest.mark.parametrize("kind", ["page", "bomb"])
    def test_page(self, fetcher: YtDlpFetcher, endless: Endless, work: Any, kind: str) -> None:
        """A page without an end is read up to a limit, which counts what came out of its compression."""
        failure = _failure(lambda: list(fetcher.expand(Request(endless.url(f"/{kind}/")), work)))
        assert failure.kind is Kind.UNAVAILABLE
        assert failure.message == "a page, a list or a file beside the video has more than 32 MiB"
        assert endless.sent < 2 * limits.MOST_PAGE_BYTES, f"{endless.sent} bytes were read of a page"

    def test_redirect(self, fetcher: YtDlpFetcher, endless: Endless, work: Any) -> None:
        """Of an answer that only leads on nothing is read: neither into memory nor at all."""
        failure = _failure(lambda: list(fetcher.expand(Request(endless.url("/away/")), work)))
        assert failure.kind is Kind.UNAVAILABLE
        assert endless.sent < 2 * limits.MOST_PAGE_BYTES, f"{endless.sent} bytes were read of a redirect"

    def test_list_of_segments(self, refused: Any, pages: Any, endless: Endless) -> None:
        """Nor is a list of segments without an end."""
        master = f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1000\n{endless.url('/list/' + HLS_TYPE)}\n"
        assert "32 MiB" in refused(pages.put("/master.m3u8", HLS_TYPE, master)).message
        assert endless.sent < 3 * limits.MOST_PAGE_BYTES

    def test_key(self, refused: Any, pages: Any, endless: Endless, hls: dict[str, bytes]) -> None:
        """Nor a key."""
        segment = pages.put("/list0.ts", "video/mp2t", hls["list0.ts"])
        key = f'#EXT-X-KEY:METHOD=AES-128,URI="{endless.url("/key/x")}"\n'
        url = pages.put("/list.m3u8", HLS_TYPE, f"{HEAD}{key}#EXTINF:1.0,\n{segment}\n#EXT-X-ENDLIST\n")
        assert "32 MiB" in refused(url).message

    @pytest.mark.parametrize("kind", ["thumbnail", "subtitles"])
    def test_beside_the_video(
        self,
        greedy: YtDlpFetcher,
        pages: Any,
        site: LoopbackSite,
        endless: Endless,
        hls: dict[str, bytes],
        work: Any,
        tmp_path: Path,
        kind: str,
    ) -> None:
        """A thumbnail or subtitles without an end do not fill the disk."""
        if kind == "thumbnail":
            media = pages.put("/clip.mp4", "video/mp4", site.file("clip.mp4").read_bytes())
            url = pages.put(
                "/watch",
                "text/html",
                f'<html><meta property="og:video" content="{media}">'
                f'<meta property="og:image" content="{endless.url("/x/image/jpeg")}"></html>',
            )
        else:
            for name, body in hls.items():
                pages.put(f"/{name}", HLS_TYPE if name.endswith("m3u8") else "video/mp2t", body)
            pages.put("/subs.m3u8", HLS_TYPE, f"{HEAD}#EXTINF:1.0,\n{endless.url('/x/text/vtt')}\n#EXT-X-ENDLIST\n")
            media = '#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="s",NAME="s",LANGUAGE="en",URI="subs.m3u8"\n'
            stream = '#EXT-X-STREAM-INF:BANDWIDTH=1000,SUBTITLES="s"\nlist.m3u8\n'
            url = pages.put("/master.m3u8", HLS_TYPE, f"#EXTM3U\n{media}{stream}")
        failure = _failure(lambda: greedy.fetch(Video("generic", "clip", "", url), tmp_path, work))
        assert "32 MiB" in failure.message
        assert sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()) < 2 * limits.MOST_PAGE_BYTES

    def test_subtitles_in_segments(
        self, greedy: YtDlpFetcher, pages: Any, site: LoopbackSite, work: Any, tmp_path: Path
    ) -> None:
        """Subtitles in many segments are one file, of which so much is taken as of any other."""
        pages.put("/clip.mp4", "video/mp4", site.file("clip.mp4").read_bytes())
        for number in range(1, 5):
            pages.put(f"/{number}.vtt", "text/vtt", b"WEBVTT\n".ljust(12 * MEBIBYTE))
        url = pages.put("/m.mpd", "application/dash+xml", SUBTITLED)
        failure = _failure(lambda: greedy.fetch(Video("generic", "clip", "", url), tmp_path, work))
        assert (failure.kind, failure.message) == (
            Kind.UNAVAILABLE,
            "a page, a list or a file beside the video has more than 32 MiB",
        )
        assert sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()) < 2 * limits.MOST_PAGE_BYTES

    def test_medium(self, greedy: YtDlpFetcher, endless: Endless, work: Any, tmp_path: Path) -> None:
        """A video that never ends, and announces no length, ends at max_filesize."""
        url = endless.url("/x/video/mp4")
        failure = _failure(lambda: greedy.fetch(Video("generic", "clip", "small", url), tmp_path, work))
        assert (failure.kind, failure.message) == (Kind.UNAVAILABLE, "it has more than 2097152 bytes")
        assert "max_filesize" in failure.cure
        assert sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()) < 4 * MEBIBYTE

    def test_announced(self, new_fetcher: Any, site: LoopbackSite, work: Any, tmp_path: Path) -> None:
        """A video that announces more than max_filesize is left at its first block."""
        size = site.file("clip.mp4").stat().st_size
        fetcher = new_fetcher(options=YtDlpOptions(max_filesize=Size(size - 1)))
        url = site.url("/drip/400000/clip.mp4")
        failure = _failure(lambda: fetcher.fetch(Video("generic", "clip", "", url), tmp_path, work))
        assert failure.message == f"it has more than {size - 1} bytes"
        assert site.wait_for(lambda all_: all_[-1].ended is not None)[-1].body_bytes < size

    def test_exactly(self, new_fetcher: Any, site: LoopbackSite, work: Any, tmp_path: Path) -> None:
        """A video of exactly max_filesize is taken."""
        size = site.file("clip.mp4").stat().st_size
        fetcher = new_fetcher(options=YtDlpOptions(max_filesize=Size(size)))
        video = Video("generic", "clip", "", site.url("/clip.mp4"))
        assert fetcher.fetch(video, tmp_path, work).files[0].size == size


class TestPages:
    def test_redirects(self, refused: Any, endless: Endless) -> None:
        """A URL that redirects to itself is given up."""
        failure = refused(endless.url("/loop/"))
        assert (failure.kind, failure.message) == (Kind.UNAVAILABLE, "it redirects again and again")
        assert endless.asked < 100, f"{endless.asked} redirects were followed"

    def test_pages_that_lead_on(self, refused: Any, pages: Any) -> None:
        """Pages that each lead on to the next one are left after a while, and each is read a few times at most."""
        for number in range(60):
            target = pages.url(f"/embed/{number + 1}")
            pages.put(
                f"/embed/{number}", "text/html", f'<html><meta http-equiv="refresh" content="0; url={target}"></html>'
            )
        failure = refused(pages.url("/embed/0"))
        assert failure.kind is Kind.UNAVAILABLE
        assert len(pages.asked) <= 30, f"{len(pages.asked)} pages were read for one video"

    def test_list_instead_of_a_video(self, refused: Any, site: LoopbackSite, pages: Any) -> None:
        """A page that has become a list of many is not downloaded whole."""
        media = [pages.put(f"/{number}.mp4", "video/mp4", b"no medium") for number in range(50)]
        items = "".join(f"<item><title>{n}</title><link>{url}</link></item>" for n, url in enumerate(media))
        feed = f'<?xml version="1.0"?><rss version="2.0"><channel><title>t</title>{items}</channel></rss>'
        assert refused(pages.put("/feed.xml", "application/rss+xml", feed)).kind in (Kind.UNAVAILABLE, Kind.INVALID)
        assert len({path for path in pages.asked if path.endswith(".mp4")}) <= 2

    def test_title(self, fetcher: YtDlpFetcher, site: LoopbackSite, pages: Any, work: Any, tmp_path: Path) -> None:
        """A title without an end is cut, and the video has it."""
        media = pages.put("/clip", "video/mp4", site.file("clip.mp4").read_bytes())
        about = (
            f'{{"@context":"https://schema.org","@type":"VideoObject","name":"{"t" * 300_000}","contentUrl":"{media}"}}'
        )
        url = pages.put("/watch", "text/html", f'<html><script type="application/ld+json">{about}</script></html>')
        result = fetcher.fetch(Video("generic", "clip", "", url), tmp_path, work)
        assert result.video.title == "t" * limits.LONGEST_TITLE


class TestSchemes:
    @pytest.mark.parametrize("scheme", ["file", "FILE", "ftp", "gopher", "ws", "rtmp", "javascript", "about"])
    def test_refused(self, scheme: str) -> None:
        """What is not fetched by HTTP is not fetched."""
        with pytest.raises(FetchError):
            limits.check_scheme(f"{scheme}://127.0.0.1/etc/passwd")

    @pytest.mark.parametrize("what", ["segment", "key", "map"])
    @pytest.mark.parametrize("scheme", ["file", "ftp"])
    def test_in_a_list(
        self, refused: Any, pages: Any, hls: dict[str, bytes], tmp_path: Path, what: str, scheme: str
    ) -> None:
        """A list of segments that names a file of this machine is refused, and nothing of that file arrives."""
        private = tmp_path / "private"
        private.write_bytes(hls["list0.ts"] if what != "key" else bytes(16))
        inside = f"{scheme}://{'' if scheme == 'file' else '127.0.0.1'}{private}"
        segment = inside if what == "segment" else pages.put("/list0.ts", "video/mp2t", hls["list0.ts"])
        line = {
            "segment": "",
            "key": f'#EXT-X-KEY:METHOD=AES-128,URI="{inside}"\n',
            "map": f'#EXT-X-MAP:URI="{inside}"\n',
        }
        url = pages.put("/list.m3u8", HLS_TYPE, f"{HEAD}{line.get(what, '')}#EXTINF:1.0,\n{segment}\n#EXT-X-ENDLIST\n")
        failure = refused(url)
        assert failure.kind is Kind.UNAVAILABLE
        assert failure.message == f"the page leads to a URL of the scheme '{scheme}'; only http and https are fetched"

    def test_in_a_page(self, refused: Any, pages: Any) -> None:
        """A page that embeds a file of this machine is refused."""
        url = pages.put("/watch", "text/html", '<html><meta property="og:video" content="file:///etc/passwd"></html>')
        assert refused(url).kind in (Kind.UNAVAILABLE, Kind.INVALID)


class TestOneFile:
    MANIFEST = """<?xml version="1.0"?>
    <MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT4S" minBufferTime="PT1S"
    profiles="urn:mpeg:dash:profile:isoff-on-demand:2011">
    <Period><AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1000" width="640" height="360"
    codecs="avc1.42c01e"><BaseURL>file://{0}</BaseURL><SegmentBase indexRange="0-100"><Initialization range="0-100"/>
    </SegmentBase></Representation></AdaptationSet></Period></MPD>"""
    LIST = f"{HEAD}#EXTINF:4.0,\nfile://{{0}}\n#EXT-X-ENDLIST\n"
    SCRIPT = "ffconcat version 1.0\nfile {1}\n"

    @pytest.mark.parametrize("text", [MANIFEST, LIST, SCRIPT], ids=["dash", "hls", "concat"])
    @pytest.mark.parametrize("variant", ["plain", "mkv"])
    def test_no_list(
        self, greedy: YtDlpFetcher, pages: Any, site: LoopbackSite, work: Any, tmp_path: Path, text: str, variant: str
    ) -> None:
        """A list of files that is called a video brings no file of this machine into the archive."""
        private, folder = tmp_path / "private.mp4", tmp_path / "work"
        folder.mkdir()
        for path in (private, folder / "another.mp4"):
            path.write_bytes(site.file("clip.mp4").read_bytes())
        url = pages.put("/clip.mp4", "video/mp4", text.format(private, "another.mp4"))
        failure = _failure(lambda: greedy.fetch(Video("generic", "clip", variant, url), folder, work))
        assert failure.kind is Kind.INVALID
        kept = {path.name: path.stat().st_size for path in folder.iterdir() if path.is_file()}
        assert kept.get("video.mkv", 0) < 1000, "a file of this machine was copied into the video"


def test_memory(begin: Any, lasting_family: Any, work: Any) -> None:
    """A process that fetches has a bound that the kernel holds, and one that takes more than that fails."""
    future = begin("/drip/20/clip.mp4", work)
    (worker,) = lasting_family.workers()
    told = Path(f"/proc/{worker}/limits").read_text()
    work.cancel.cancel("enough")
    with pytest.raises(Cancelled):
        future.result(timeout=10)
    assert re.search(r"^Max data size +(\d+) +\1 +bytes", told, re.MULTILINE)[1] == str(4 << 30)
    greedy = "from haulage_ytdlp.child import limits; limits.bound_memory(); bytearray(5 << 30)"
    ended = subprocess.run([sys.executable, "-c", greedy], capture_output=True, text=True, timeout=60)
    assert ended.stderr.endswith("MemoryError\n")
