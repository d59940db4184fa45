"""The fetcher through its contract, against a real web site."""

import contextlib
import hashlib
import os
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yt_dlp.version
from Cryptodome.Cipher import AES
from Cryptodome.Util.Padding import pad

from haulage.plugin import BuildContext, FetchError, Kind, MediaFacts, Request, Video
from haulage.testing import LoopbackSite
from haulage_ytdlp.child.fragments import Fragments
from haulage_ytdlp.fetcher import YtDlpFetcher
from haulage_ytdlp.options import YtDlpOptions


def _only(fetcher: YtDlpFetcher, url: str, work: Any) -> Video:
    (found,) = fetcher.expand(Request(url, "small"), work)
    assert isinstance(found, Video)
    return found


def _failure(fetcher: YtDlpFetcher, url: str, folder: Path, work: Any) -> Any:
    with pytest.raises(FetchError) as caught:
        fetcher.fetch(Video("generic", "clip", "", url), folder, work)
    return caught.value.failure


def _files(folder: Path) -> list[str]:
    return sorted(str(each.relative_to(folder)) for each in folder.rglob("*") if each.is_file())


class TestExpand:
    def test_direct_file(self, fetcher: YtDlpFetcher, site: LoopbackSite, work: Any) -> None:
        """The identity of a file's URL is told without a single request."""
        found = _only(fetcher, site.url("/clip.mp4"), work)
        assert (found.source, found.variant, found.channel_id) == ("generic", "small", "127.0.0.1")
        assert found.url == site.url("/clip.mp4")
        assert found.id.startswith("clip-")
        assert site.requests == ()

    def test_same_name_on_two_hosts(self, fetcher: YtDlpFetcher, site: LoopbackSite, work: Any) -> None:
        """Files of one name on two hosts are two videos."""
        url = site.url("/clip.mp4")
        one, other = (_only(fetcher, each, work) for each in (url, url.replace("127.0.0.1", "localhost")))
        assert one.id != other.id
        assert other.channel_id == "localhost"

    @pytest.mark.parametrize(
        "query",
        ["token=abc", "X-Amz-Signature=1f2e&X-Amz-Expires=60", "sig=x&se=2026-01-01&sv=1", "Expires=1&Policy=2"],
    )
    def test_signing_parameters(self, fetcher: YtDlpFetcher, site: LoopbackSite, work: Any, query: str) -> None:
        """A URL that is signed anew each time is the same video each time."""
        bare = _only(fetcher, site.url("/clip.mp4?v=7"), work)
        signed = _only(fetcher, site.url(f"/clip.mp4?v=7&{query}"), work)
        assert signed.id == bare.id
        assert signed.url == site.url(f"/clip.mp4?v=7&{query}")

    def test_parameters_that_name(self, fetcher: YtDlpFetcher, site: LoopbackSite, work: Any) -> None:
        """Parameters that sign nothing tell videos apart."""
        one, other = (_only(fetcher, site.url(f"/get.mp4?v={each}"), work) for each in (1, 2))
        assert one.id != other.id

    @pytest.mark.parametrize(
        "url",
        ["https://www.youtube.com/watch?v=BaW_jenozKc&t=10", "https://youtu.be/BaW_jenozKc?si=whatever"],
    )
    def test_youtube(self, fetcher: YtDlpFetcher, work: Any, url: str) -> None:
        """All URLs of a YouTube video lead to one identity, without asking YouTube."""
        found = _only(fetcher, url, work)
        assert (found.source, found.id) == ("youtube", "BaW_jenozKc")

    def test_list(self, fetcher: YtDlpFetcher, pages: Any, work: Any) -> None:
        """A feed gives its files as videos and its pages as requests, in its order and with the variant."""
        items = "".join(f"<item><link>{pages.url(path)}</link></item>" for path in ("/a.mp4", "/b", "/c.mp4"))
        feed = f"<?xml version='1.0'?><rss version='2.0'><channel><title>T</title>{items}</channel></rss>"
        url = pages.put("/feed", "application/rss+xml", feed)
        first, second, third = fetcher.expand(Request(url, "small"), work)
        assert isinstance(first, Video)
        assert (first.url, first.variant) == (pages.url("/a.mp4"), "small")
        assert second == Request(pages.url("/b"), "small")
        assert isinstance(third, Video)
        assert set(pages.asked) == {"/feed"}

    def test_page_without_video(self, fetcher: YtDlpFetcher, pages: Any, work: Any) -> None:
        """A page without a video is `unavailable`."""
        url = pages.put("/page", "text/html", "<html><body>Sorry.</body></html>")
        with pytest.raises(FetchError) as caught:
            list(fetcher.expand(Request(url), work))
        assert caught.value.failure.kind is Kind.UNAVAILABLE

    def test_html_with_video(
        self, fetcher: YtDlpFetcher, site: LoopbackSite, pages: Any, work: Any, tmp_path: Path
    ) -> None:
        """A page that embeds a file is a video with the page's title, and the file is fetched."""
        clip = site.url("/clip.mp4")
        head = f'<title>Zwölf 日本</title><meta property="og:video" content="{clip}">'
        url = pages.put("/watch", "text/html; charset=utf-8", f"<html><head>{head}</head><body></body></html>")
        found = _only(fetcher, url, work)
        assert found.title == "Zwölf 日本"
        result = fetcher.fetch(found, tmp_path, work)
        assert result.files[0].sha256 == hashlib.sha256(site.file("clip.mp4").read_bytes()).hexdigest()


class TestGrowing:
    """What is offered while it is downloaded."""

    def test_direct_file(self, fetcher: YtDlpFetcher, site: LoopbackSite, work: Any, tmp_path: Path) -> None:
        """A file that comes as it will be is offered once, and what lies there is its beginning."""
        served = site.file("clip.mp4").read_bytes()
        beginnings = []
        offer = work.growing
        work.growing = lambda file: (beginnings.append(file.path.read_bytes()), offer(file))
        video = Video("generic", "c", "", site.url("/drip/1000000/clip.mp4"), channel_id="host")
        result = fetcher.fetch(video, tmp_path, work)
        (offered,) = work.offered
        assert offered.path == tmp_path / "video.mp4.part"
        assert (offered.video, offered.extension, offered.media_type) == (result.video, "mp4", "video/mp4")
        assert [served.startswith(each) and len(each) < len(served) for each in beginnings] == [True]

    @pytest.mark.parametrize("path", ["/dash/manifest.mpd", "/hls/master.m3u8"])
    def test_streams(self, fetcher: YtDlpFetcher, site: LoopbackSite, work: Any, tmp_path: Path, path: str) -> None:
        """What is merged or repaired once all is there is not offered."""
        fetcher.fetch(Video("generic", "c", "", site.url(path)), tmp_path, work)
        assert work.offered == []

    def test_another_container(self, site: LoopbackSite, work: Any, tmp_path: Path) -> None:
        """What is put into another container once it is there is not offered."""
        options = YtDlpOptions(container="mkv")
        fetcher = YtDlpFetcher(options, BuildContext("", tmp_path, os.environ, ("127.0.0.1",)))
        with contextlib.closing(fetcher):
            result = fetcher.fetch(Video("generic", "c", "", site.url("/clip.mp4")), tmp_path, work)
        assert result.facts.container == "mkv"
        assert work.offered == []


class TestFetch:
    @pytest.mark.parametrize("name", ["clip.mp4", "second.mp4", "third.mp4"])
    def test_whole(
        self,
        fetcher: YtDlpFetcher,
        site: LoopbackSite,
        work: Any,
        tmp_path: Path,
        name: str,
        look: Callable[[Path], Any],
    ) -> None:
        """The file that arrives is the site's, byte for byte, and what is said of it is so."""
        video = _only(fetcher, site.url(name), work)
        result = fetcher.fetch(video, tmp_path, work)
        (file,) = result.files
        recipe, served, looked = site.recipes[name], site.file(name), look(site.file(name))
        assert file.path.parent == tmp_path
        assert file.sha256 == hashlib.sha256(served.read_bytes()).hexdigest()
        assert file.path.read_bytes() == served.read_bytes()
        assert file.size == served.stat().st_size
        assert (file.role, file.extension, file.media_type) == ("video", "mp4", "video/mp4")
        tool = f"yt-dlp {yt_dlp.version.__version__}"
        assert result.facts == MediaFacts("mp4", recipe.duration, recipe.width, recipe.height, "h264", "aac", tool)
        assert (looked.width, looked.height) == (result.facts.width, result.facts.height)
        assert (looked.video_codec, looked.audio_codec) == (result.facts.video_codec, result.facts.audio_codec)
        assert result.facts.duration == pytest.approx(looked.duration, abs=0.01)
        assert (result.video.source, result.video.id, result.video.variant) == (video.source, video.id, video.variant)
        assert result.video.title == recipe.name

    def test_nothing_else_is_left(self, fetcher: YtDlpFetcher, site: LoopbackSite, work: Any, tmp_path: Path) -> None:
        """In the folder lies the file, and no other."""
        result = fetcher.fetch(Video("generic", "c", "", site.url("/clip.mp4")), tmp_path, work)
        assert _files(tmp_path) == [result.files[0].path.name]

    def test_folder_with_signs(self, fetcher: YtDlpFetcher, site: LoopbackSite, work: Any, tmp_path: Path) -> None:
        """A folder's name is taken as it is, whatever yt-dlp would read into it."""
        folder = tmp_path / " ~ $HOME ${TMPDIR} %(id)s 日本 "
        folder.mkdir()
        result = fetcher.fetch(Video("generic", "c", "", site.url("/clip.mp4")), folder, work)
        assert result.files[0].path.parent == folder
        assert list(tmp_path.iterdir()) == [folder]

    def test_relative_folder(
        self,
        fetcher: YtDlpFetcher,
        site: LoopbackSite,
        work: Any,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """A relative folder is meant from where the caller stands, not from where the processes were started."""
        list(fetcher.expand(Request(site.url("/clip.mp4")), work))
        (tmp_path / "here").mkdir()
        monkeypatch.chdir(tmp_path)
        fetcher.fetch(Video("generic", "c", "", site.url("/clip.mp4")), Path("here"), work)
        assert _files(tmp_path) == ["here/video.mp4"]

    def test_progress(self, fetcher: YtDlpFetcher, site: LoopbackSite, work: Any, tmp_path: Path) -> None:
        """Progress is told while it goes on, never backwards, and with the size that the site announced."""
        url = site.url("/drip/1000000/clip.mp4")
        fetcher.fetch(Video("generic", "c", "", url), tmp_path, work)
        size = site.file("clip.mp4").stat().st_size
        done = [each for each, _ in work.told]
        assert len(done) >= 3
        assert done == sorted(done)
        assert 0 < done[0] < done[-1] <= size
        assert {total for _, total in work.told} == {size}

    def test_redirect(self, fetcher: YtDlpFetcher, site: LoopbackSite, work: Any, tmp_path: Path) -> None:
        """A redirect is followed."""
        result = fetcher.fetch(Video("generic", "c", "", site.redirect("/second.mp4")), tmp_path, work)
        assert result.files[0].sha256 == hashlib.sha256(site.file("second.mp4").read_bytes()).hexdigest()


class TestRefusals:
    @pytest.mark.parametrize(
        ("path", "kind"),
        [
            ("/404/clip.mp4", Kind.UNAVAILABLE),
            ("/403/clip.mp4", Kind.UNAVAILABLE),
            ("/429/7/clip.mp4", Kind.RATE_LIMITED),
            ("/503-twice/{}/clip.mp4", Kind.TRANSIENT),
            ("/short/clip.mp4", Kind.TRANSIENT),
            ("/cut/clip.mp4", Kind.INVALID),
            ("/html/clip.mp4", Kind.UNAVAILABLE),
            ("/lying-html/clip.mp4", Kind.INVALID),
            ("/empty/clip.mp4", Kind.INVALID),
        ],
    )
    def test_kind(
        self, fetcher: YtDlpFetcher, site: LoopbackSite, work: Any, tmp_path: Path, path: str, kind: Kind
    ) -> None:
        """Each way in which a site withholds a whole video has its kind."""
        path = path.format(time.monotonic_ns())
        failure = _failure(fetcher, site.url(path), tmp_path, work)
        assert failure.kind is kind, failure
        assert site.log(path)

    def test_retry_after(self, fetcher: YtDlpFetcher, site: LoopbackSite, work: Any, tmp_path: Path) -> None:
        """How long a site asks us to wait is handed on."""
        failure = _failure(fetcher, site.url("/429/37/clip.mp4"), tmp_path, work)
        assert failure.retry_after == timedelta(seconds=37)
        assert failure.message == "HTTP 429 Too Many Requests"

    @pytest.mark.parametrize("path", ["/404/clip.mp4", "/503-twice/once/clip.mp4", "/429/9/clip.mp4"])
    def test_asked_once(self, fetcher: YtDlpFetcher, site: LoopbackSite, work: Any, tmp_path: Path, path: str) -> None:
        """A site that refuses is not asked again: that is for the retry policy to decide."""
        _failure(fetcher, site.url(path), tmp_path, work)
        assert len(site.requests) == 1

    def test_how_much_was_there(self, fetcher: YtDlpFetcher, site: LoopbackSite, work: Any, tmp_path: Path) -> None:
        """A connection that ended early is described by what came and what was announced."""
        failure = _failure(fetcher, site.url("/short/clip.mp4"), tmp_path, work)
        size = site.file("clip.mp4").stat().st_size
        assert failure.message == f"the connection ended after {size * 6 // 10} of {size} bytes"

    def test_nothing_that_looks_whole(
        self, fetcher: YtDlpFetcher, site: LoopbackSite, work: Any, tmp_path: Path
    ) -> None:
        """A connection that ended early leaves no file under its final name."""
        _failure(fetcher, site.url("/short/clip.mp4"), tmp_path, work)
        assert not any(name.endswith(".mp4") for name in _files(tmp_path))

    @pytest.mark.parametrize(
        ("key", "answer"),
        [
            ("", "<html>login</html>"),
            ("", "<p>Größe</p>".encode("latin-1")),
            ("", '{"error": "expired"}'),
            ('#EXT-X-KEY:METHOD=AES-128,URI="key"\n', "<html>login</html>"),
        ],
        ids=["html", "latin-1", "json", "encrypted"],
    )
    def test_page_within_a_stream(
        self,
        fetcher: YtDlpFetcher,
        pages: Any,
        hls: dict[str, bytes],
        work: Any,
        tmp_path: Path,
        key: str,
        answer: str | bytes,
    ) -> None:
        """A stream of which a part in the middle is a page is `invalid`, although it is hardly shorter than told."""
        names = sorted(name for name in hls if name.endswith(".ts"))
        segments = dict(hls)
        if key:
            for number, name in enumerate(names):  # RFC 8216 section 5.2
                cipher = AES.new(bytes(16), AES.MODE_CBC, number.to_bytes(16, "big"))
                segments[name] = cipher.encrypt(pad(hls[name], 16))
            pages.put("/key", "application/octet-stream", bytes(16))
        for name in names:
            pages.put(f"/{name}", "video/mp2t", segments[name])
        head, first, rest = hls["list.m3u8"].decode().partition("#EXTINF")
        url = pages.put("/list.m3u8", "application/vnd.apple.mpegurl", head + key + first + rest)
        whole = fetcher.fetch(Video("generic", "clip", "", url), tmp_path, work)
        assert whole.facts.duration == pytest.approx(4, abs=0.1)
        pages.put(f"/{names[1]}", "text/html", answer)
        (tmp_path / "video.mp4").unlink()
        failure = _failure(fetcher, url, tmp_path, work)
        assert (failure.kind, failure.message) == (
            Kind.INVALID,
            "a part of the stream is a page or a text, and no medium",
        )

    def test_empty_part_that_is_encrypted(self, tmp_path: Path) -> None:
        """It is a block of AES, which may look like a text by chance; a longer text is none."""
        part = Fragments(str(tmp_path / "video.mp4"), medium=True)
        part.check(b"Q" * 16)
        with pytest.raises(FetchError):
            part.check(b"Q" * 18)

    def test_no_secrets(self, fetcher: YtDlpFetcher, site: LoopbackSite, work: Any, tmp_path: Path) -> None:
        """A failure does not repeat the token of the URL."""
        failure = _failure(fetcher, site.url("/html/clip.mp4?token=geheim"), tmp_path, work)
        assert "geheim" not in repr(failure)
        assert "/html/clip.mp4" in failure.message


@pytest.mark.parametrize(
    ("url", "site"),
    [
        ("https://www.youtube.com/watch?v=x", "youtube"),
        ("https://m.youtube.com/watch?v=x", "youtube"),
        ("https://music.youtube.com/watch?v=x", "youtube"),
        ("https://youtu.be/x", "youtube"),
        ("https://www.youtube-nocookie.com/embed/x", "youtube"),
        ("HTTPS://WWW.YouTube.COM/watch?v=x", "youtube"),
        ("https://vimeo.com/1", "vimeo.com"),
        ("https://www.example.org/a.mp4", "example.org"),
        ("https://example.org:443/a.mp4", "example.org"),
        ("http://example.org:80/a.mp4", "example.org"),
        ("http://example.org:443/a.mp4", "example.org:443"),
        ("http://127.0.0.1:8080/a.mp4", "127.0.0.1:8080"),
        ("https://user:secret@example.org/a.mp4", "example.org"),
        ("https://notyoutube.com/x", "notyoutube.com"),
        ("https://youtube.com.example.org/x", "youtube.com.example.org"),
        ("http://[::1]/a.mp4", "::1"),
        ("http://[::1/a.mp4", "unknown"),
        ("http://example.org:99999/a.mp4", "unknown"),
        ("no url", "unknown"),
        ("", "unknown"),
        ("file:///etc/passwd", "unknown"),
    ],
)
def test_site(fetcher: YtDlpFetcher, url: str, site: str) -> None:
    """What is treated as one for politeness is the host, with one name for a family of hosts."""
    assert fetcher.site(url) == site
