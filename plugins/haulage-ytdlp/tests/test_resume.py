"""Interrupted downloads: what is gone on with, what is begun anew, and that nothing is ever spliced."""

import contextlib
import gzip
import hashlib
import os
import re
import select
import signal
import socketserver
import subprocess
import threading
from collections.abc import Callable, Iterator
from email.message import Message
from http.server import BaseHTTPRequestHandler
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field
from yt_dlp.networking import Request, Response
from yt_dlp.networking.exceptions import HTTPError, TransportError

from haulage.cancel import Cancelled
from haulage.plugin import FetchError, FetchResult, Kind, Video
from haulage.testing import Recipe, ffmpeg, make
from haulage_ytdlp.child.resume import Direct
from haulage_ytdlp.fetcher import YtDlpFetcher

SIZE = 2_000_000
HELD = SIZE * 9 // 10
ONE_BUFFER = 256 * 1024

OLD, NEW = "Wed, 01 Jan 2025 10:00:00 GMT", "Wed, 01 Jan 2025 10:00:01 GMT"
TAG, OTHER_TAG = {"ETag": '"a"'}, {"ETag": '"b"'}


@define
class Asked:
    """A request, as the server saw it, and how many bytes of a body it was given."""

    path: str
    span: str | None
    if_range: str | None
    status: int = 0
    sent: int = 0


@define
class Offer:
    """What the server has under a path.

    Attributes:
        body: All of it.
        headers: What is said of it.
        stop: How many bytes of an answer are sent before the server falls silent.
        heeds: "range" and "if-range", where it does.
        coded: Whether every answer is compressed, whoever asks.
        shifted: Whether a part begins with the content's first byte, whatever part was asked for.
        looked: Whether the first request is yt-dlp's look at the headers, which needs no body.
    """

    body: bytes
    headers: dict[str, str] = field(factory=lambda: dict(TAG))
    media_type: str = "video/mp4"
    stop: int | None = None
    heeds: tuple[str, ...] = ("range", "if-range")
    coded: bool = False
    shifted: bool = False
    looked: bool = True


class Server:
    """A web site whose every answer the test decides about."""

    def __init__(self) -> None:
        self.offers: dict[str, Offer] = {}
        self.asked: list[Asked] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site._answer(self)

            def log_message(self, *_: object) -> None:
                pass

        class Threads(socketserver.ThreadingTCPServer):
            daemon_threads = True

        self._server = Threads(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}{path}"

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        offer = self.offers[handler.path]
        look = offer.looked and not any(each.path == handler.path for each in self.asked)
        asked = Asked(handler.path, handler.headers["Range"], handler.headers["If-Range"])
        self.asked.append(asked)
        size, start = len(offer.body), 0
        named = {offer.headers.get("ETag"), offer.headers.get("Last-Modified")}
        whole = "range" not in offer.heeds or (
            "if-range" in offer.heeds and asked.if_range is not None and asked.if_range not in named
        )
        if asked.span and not whole:
            start = int(re.fullmatch(r"bytes=(\d+)-", asked.span)[1])
            if start >= size:
                asked.status = 416
                handler.send_error(416)
                return
            start = 0 if offer.shifted else start
            asked.status = 206
        else:
            asked.status = 200
        body = gzip.compress(offer.body[start:], 0) if offer.coded else offer.body[start:]
        handler.send_response(asked.status)
        for name, value in offer.headers.items():
            handler.send_header(name, value)
        if asked.status == 206:
            handler.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        if offer.coded:
            handler.send_header("Content-Encoding", "gzip")
        handler.send_header("Content-Type", offer.media_type)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        if look:
            return
        with contextlib.suppress(ConnectionError):
            for at in range(0, len(body[: offer.stop]), 1 << 16):
                piece = body[at : min(at + (1 << 16), offer.stop or len(body))]
                handler.wfile.write(piece)
                asked.sent += len(piece)
            if offer.stop is not None:
                select.select([handler.connection], [], [])  # until the other end is closed


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Media that differ from their first frame on: two of one size, one that is longer and one that is shorter."""
    folder = tmp_path_factory.mktemp("media")
    small = {"duration": 2, "width": 320, "height": 180}
    return {
        name: make(Recipe(name, hue=hue, size=size, **small), folder).read_bytes()
        for name, hue, size in [
            ("old", 0, SIZE),
            ("new", 90, SIZE),
            ("longer", 180, SIZE + 1000),
            ("shorter", 270, SIZE // 2),
        ]
    }


class Rounds:
    """Fetches into one folder, one after the other."""

    def __init__(
        self, server: Server, fetcher: YtDlpFetcher, family: Any, pool: Any, new_work: Any, folder: Path, until: Any
    ) -> None:
        self.folder = folder
        self.part = folder / "video.mp4.part"
        self.note = folder / "video.mp4.content.json"
        self._server, self._fetcher, self._family = server, fetcher, family
        self._pool, self._new_work, self._until = pool, new_work, until

    def interrupt(self, how: str, when: Callable[[], bool], path: str = "/clip.mp4") -> None:
        """Fetch until something is so, and end that from outside."""
        self._server.asked.clear()
        work = self._new_work()
        video = Video("generic", "clip", "", self._server.url(path))
        future = self._pool.submit(self._fetcher.fetch, video, self.folder, work)
        self._until(when)
        (worker,) = self._family.workers()
        if how == "cancel":
            work.cancel.cancel("enough")
            with pytest.raises(Cancelled):
                future.result(timeout=10)
        else:
            os.kill(worker, signal.SIGKILL)
            with pytest.raises(FetchError) as caught:
                future.result(timeout=10)
            assert caught.value.failure.kind is Kind.CRASHED

    def leave_part(self, offer: Offer, how: str = "kill") -> None:
        """Serve nine tenths, and interrupt the fetch when all of that but a buffer lies on the disk."""
        self._server.offers["/clip.mp4"] = offer
        offer.stop = HELD
        self.interrupt(how, lambda: self.part.exists() and self.part.stat().st_size >= HELD - ONE_BUFFER)
        offer.stop = None

    def fetch(self, path: str = "/clip.mp4") -> list[Asked]:
        """Fetch to the end; what was asked for after the look at the headers."""
        self._server.asked.clear()
        video = Video("generic", "clip", "", self._server.url(path))
        result = self._fetcher.fetch(video, self.folder, self._new_work())
        self._check(result)
        return [each for each in self._server.asked if each.path == path][1:]

    def _check(self, result: FetchResult) -> None:
        (file,) = result.files
        self.digest = hashlib.sha256(file.path.read_bytes()).hexdigest()
        assert file.sha256 == self.digest
        assert sorted(each.name for each in self.folder.iterdir()) == [".home", file.path.name]
        assert list((self.folder / ".home").iterdir()) == []


@pytest.fixture
def rounds(
    server: Server,
    fetcher: YtDlpFetcher,
    lasting_family: Any,
    pool: Any,
    new_work: Any,
    tmp_path: Path,
    eventually: Any,
) -> Rounds:
    return Rounds(server, fetcher, lasting_family, pool, new_work, tmp_path, eventually)


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


class TestSame:
    @pytest.mark.parametrize("how", ["kill", "cancel"])
    def test_goes_on(self, rounds: Rounds, server: Server, media: dict[str, bytes], how: str) -> None:
        """An interrupted download goes on where it was: all that is served again is what one buffer held."""
        rounds.leave_part(Offer(media["old"], TAG | {"Last-Modified": OLD}), how)
        left = rounds.part.stat().st_size
        assert [each.sent for each in server.asked] == [0, HELD]
        (rest,) = rounds.fetch()
        assert (rest.span, rest.if_range, rest.status) == (f"bytes={left}-", '"a"', 206)
        assert rest.sent == SIZE - left
        assert HELD + rest.sent - SIZE <= ONE_BUFFER
        assert rounds.digest == _digest(media["old"])

    def test_twice(self, rounds: Rounds, media: dict[str, bytes]) -> None:
        """A download that was interrupted while it went on goes on once more."""
        offer = Offer(media["old"])
        rounds.leave_part(offer)
        first = rounds.part.stat().st_size
        offer.stop = 150_000
        rounds.interrupt("cancel", lambda: rounds.part.stat().st_size > first)
        second = rounds.part.stat().st_size
        offer.stop = None
        (rest,) = rounds.fetch()
        assert rest.span == f"bytes={second}-"
        assert rounds.digest == _digest(media["old"])

    @pytest.mark.parametrize("tag", [{}, {"ETag": 'W/"a"'}], ids=["no tag", "weak tag"])
    def test_date(self, rounds: Rounds, media: dict[str, bytes], tag: dict[str, str]) -> None:
        """Where there is no strong entity tag, the date of the last change names the content."""
        rounds.leave_part(Offer(media["old"], tag | {"Last-Modified": OLD}))
        (rest,) = rounds.fetch()
        assert (rest.if_range, rest.status) == (OLD, 206)
        assert rounds.digest == _digest(media["old"])

    def test_date_left_out(self, rounds: Rounds, media: dict[str, bytes]) -> None:
        """An answer that gives the strong entity tag again may leave out the date, as RFC 9110 recommends."""
        offer = Offer(media["old"], TAG | {"Last-Modified": OLD})
        rounds.leave_part(offer)
        del offer.headers["Last-Modified"]
        (rest,) = rounds.fetch()
        assert rest.status == 206
        assert rounds.digest == _digest(media["old"])

    def test_server_without_ranges(self, rounds: Rounds, media: dict[str, bytes]) -> None:
        """A server that answers with all instead of a part is taken at its word, and not asked again."""
        rounds.leave_part(Offer(media["old"], heeds=()))
        (whole,) = rounds.fetch()
        assert (whole.span is None, whole.status, whole.sent) == (False, 200, SIZE)
        assert rounds.digest == _digest(media["old"])

    def test_result_lost(self, rounds: Rounds, server: Server, media: dict[str, bytes]) -> None:
        """A file that is whole is not downloaded again when its result was lost."""
        server.offers["/clip.mp4"] = Offer(media["old"])
        assert len(rounds.fetch()) == 1
        assert rounds.fetch() == []
        assert rounds.digest == _digest(media["old"])

    def test_name_missing(self, rounds: Rounds, media: dict[str, bytes]) -> None:
        """A file of which only the name was missing is not downloaded again."""
        rounds.leave_part(Offer(media["old"]))
        rounds.part.write_bytes(media["old"])
        assert rounds.fetch() == []
        assert rounds.digest == _digest(media["old"])


class TestChanged:
    @pytest.mark.parametrize("heeds", [("range", "if-range"), ("range",)], ids=["heeds If-Range", "ignores it"])
    @pytest.mark.parametrize(
        ("before", "after", "now"),
        [
            (TAG, OTHER_TAG, "new"),
            ({"Last-Modified": OLD}, {"Last-Modified": NEW}, "new"),
            (TAG | {"Last-Modified": OLD}, TAG | {"Last-Modified": NEW}, "new"),
            (TAG, {}, "new"),
            (TAG, {"ETag": 'W/"a"'}, "new"),
            ({"ETag": 'W/"a"', "Last-Modified": OLD}, {"ETag": 'W/"b"', "Last-Modified": OLD}, "new"),
            (TAG | {"Last-Modified": OLD}, TAG | {"Last-Modified": OLD}, "longer"),
        ],
        ids=["tag", "date", "date beside a tag", "no tag any more", "tag became weak", "weak tag", "length"],
    )
    def test_never_spliced(
        self,
        rounds: Rounds,
        server: Server,
        media: dict[str, bytes],
        before: dict[str, str],
        after: dict[str, str],
        now: str,
        heeds: tuple[str, ...],
    ) -> None:
        """When anything that is said of the content has changed, all of the new content is fetched."""
        rounds.leave_part(Offer(media["old"], before))
        server.offers["/clip.mp4"] = Offer(media[now], after, heeds=heeds)
        asked = rounds.fetch()
        assert rounds.digest == _digest(media[now])
        assert (asked[-1].status, asked[-1].sent) == (200, len(media[now]))

    def test_shorter(self, rounds: Rounds, server: Server, media: dict[str, bytes]) -> None:
        """A content that has become shorter than the part is fetched whole, though the server refuses the rest."""
        rounds.leave_part(Offer(media["old"]))
        server.offers["/clip.mp4"] = Offer(media["shorter"], heeds=("range",))
        refused, whole = rounds.fetch()
        assert (refused.status, whole.status, whole.span) == (416, 200, None)
        assert rounds.digest == _digest(media["shorter"])

    def test_other_part(self, rounds: Rounds, server: Server, media: dict[str, bytes]) -> None:
        """A part that is not the one that was asked for is not appended."""
        rounds.leave_part(Offer(media["old"]))
        server.offers["/clip.mp4"] = Offer(media["old"], shifted=True)
        _, whole = rounds.fetch()
        assert (whole.status, whole.span) == (200, None)
        assert rounds.digest == _digest(media["old"])

    @pytest.mark.parametrize("how", ["kill", "cancel"])
    def test_before_its_first_byte(self, rounds: Rounds, server: Server, media: dict[str, bytes], how: str) -> None:
        """A fetch that ends when a new content was announced and no byte of it was there leaves no trap behind."""
        rounds.leave_part(Offer(media["old"]))
        server.offers["/clip.mp4"] = Offer(media["new"], OTHER_TAG, stop=0)
        rounds.interrupt(how, lambda: rounds.note.exists() and b"b" in rounds.note.read_bytes())
        server.offers["/clip.mp4"].stop = None
        (whole,) = rounds.fetch()
        assert (whole.status, whole.span) == (200, None)
        assert rounds.digest == _digest(media["new"])


class TestUnknown:
    @pytest.mark.parametrize("now", ["old", "new"])
    def test_no_validators(self, rounds: Rounds, server: Server, media: dict[str, bytes], now: str) -> None:
        """What a server does not name cannot be known again, so that it is fetched from its beginning."""
        rounds.leave_part(Offer(media["old"], {}))
        server.offers["/clip.mp4"] = Offer(media[now], {})
        (whole,) = rounds.fetch()
        assert (whole.span, whole.if_range, whole.status) == (None, None, 200)
        assert rounds.digest == _digest(media[now])

    def test_changed_just_now(self, rounds: Rounds, server: Server, media: dict[str, bytes]) -> None:
        """A date within whose second the content may have changed again does not name it."""
        rounds.leave_part(Offer(media["old"], {"Last-Modified": "Fri, 01 Jan 2100 10:00:00 GMT"}))
        server.offers["/clip.mp4"].body = media["new"]
        (whole,) = rounds.fetch()
        assert (whole.span, whole.status) == (None, 200)
        assert rounds.digest == _digest(media["new"])

    def test_compressed(self, rounds: Rounds, server: Server, media: dict[str, bytes]) -> None:
        """Of a content that comes compressed nothing is gone on with: its offsets are not those of the file."""
        server.offers["/clip.mp4"] = Offer(media["old"], coded=True, stop=HELD)
        rounds.interrupt("kill", lambda: len(server.asked) == 2 and server.asked[1].sent == HELD)
        server.offers["/clip.mp4"].stop = None
        (whole,) = rounds.fetch()
        assert (whole.span, whole.status) == (None, 200)
        assert rounds.digest == _digest(media["old"])

    def test_rest_compressed(self, rounds: Rounds, server: Server, media: dict[str, bytes]) -> None:
        """A rest that comes compressed where the beginning did not is not appended."""
        rounds.leave_part(Offer(media["old"]))
        server.offers["/clip.mp4"].coded = True
        _, whole = rounds.fetch()
        assert (whole.span, whole.status) == (None, 200)
        assert rounds.digest == _digest(media["old"])

    @pytest.mark.parametrize(
        "note",
        [None, b"", b"{", b"[]", b"\xff", b'{"size": 1}', b'{"size": "much", "etag": "\\"a\\"", "modified": null}'],
        ids=["none", "empty", "cut", "list", "no text", "fields missing", "wrong type"],
    )
    def test_note(self, rounds: Rounds, server: Server, media: dict[str, bytes], note: bytes | None) -> None:
        """A part whose note is missing or garbage is not gone on with."""
        server.offers["/clip.mp4"] = Offer(media["old"])
        rounds.part.write_bytes(media["new"][:HELD])
        if note is not None:
            rounds.note.write_bytes(note)
        (whole,) = rounds.fetch()
        assert (whole.span, whole.status) == (None, 200)
        assert rounds.digest == _digest(media["old"])


class TestFragments:
    def test_afresh(self, rounds: Rounds, server: Server, hls: dict[str, bytes], tmp_path_factory: Any) -> None:
        """A download in fragments that was killed starts afresh, and has every picture once."""
        segments = sorted(name for name in hls if name.endswith(".ts"))
        for name, body in hls.items():
            media_type = "video/mp2t" if name in segments else "application/x-mpegurl"
            server.offers[f"/{name}"] = Offer(body, media_type=media_type, looked=False)
        third = server.offers[f"/{segments[2]}"]
        third.stop = len(third.body) // 2
        rounds.interrupt("kill", lambda: any(each.sent == third.stop for each in server.asked), "/list.m3u8")
        assert rounds.part.stat().st_size >= len(hls[segments[0]])
        third.stop = None
        rounds.fetch("/list.m3u8")
        assert [each.path for each in server.asked if each.path != "/list.m3u8"] == [f"/{each}" for each in segments]
        joined = tmp_path_factory.mktemp("joined") / "all.ts"
        joined.write_bytes(b"".join(hls[each] for each in segments))
        assert _pictures(rounds.folder / "video.mp4") == _pictures(joined)


def _pictures(path: Path) -> str:
    """A digest of every decoded picture, as the ffmpeg program has it."""
    command = [ffmpeg(), "-loglevel", "error", "-i", str(path), "-map", "0:v:0", "-f", "framemd5", "-"]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    return "\n".join(line.rpartition(",")[2].strip() for line in said.splitlines() if not line.startswith("#"))


class TestPieces:
    """A site that wants a file to be asked for in pieces, played by the test."""

    @pytest.mark.parametrize("headers", [TAG, {}], ids=["named", "not named"])
    def test_same(self, tmp_path: Path, headers: dict[str, str]) -> None:
        """Piece after piece is taken, and each but the first says which content is meant, if it has a name."""
        direct, sent = Direct(str(tmp_path / "video.mp4")), []
        for start in (0, 10, 20):
            answer = direct.open(_piece(start), lambda request: _answer(request, sent, 30, headers))
            assert answer.headers["Content-Range"] == f"bytes {start}-{start + 9}/30"
        assert sent == [None, headers.get("ETag"), headers.get("ETag")]

    @pytest.mark.parametrize(
        ("size", "headers", "status"), [(31, TAG, 206), (30, OTHER_TAG, 206), (30, OTHER_TAG, 200), (5, TAG, 416)]
    )
    def test_changed(self, tmp_path: Path, size: int, headers: dict[str, str], status: int) -> None:
        """A content that changes between two pieces fails the download, and nothing of it is gone on with."""
        direct = Direct(str(tmp_path / "video.mp4"))
        direct.open(_piece(0), lambda request: _answer(request, [], 30, TAG))
        (tmp_path / "video.mp4.part").write_bytes(b"x" * 10)
        with pytest.raises(TransportError, match="the content changed while it was downloaded"):
            direct.open(_piece(10), lambda request: _answer(request, [], size, headers, status))
        assert list(tmp_path.iterdir()) == []


def _piece(start: int) -> Request:
    return Request("http://127.0.0.1/", headers={"Range": f"bytes={start}-{start + 9}"})


def _answer(request: Request, sent: list[Any], size: int, more: dict[str, str], status: int = 206) -> Response:
    sent.append(request.headers.get("If-Range"))
    span = request.headers["Range"].removeprefix("bytes=")
    headers = Message()
    for name, value in more.items():
        headers[name] = value
    if status == 206:
        headers["Content-Range"] = f"bytes {span}/{size}"
    headers["Content-Length"] = "10" if status == 206 else str(size)
    response = Response(BytesIO(), request.url, headers, status)
    if status == 416:
        raise HTTPError(response)
    return response
