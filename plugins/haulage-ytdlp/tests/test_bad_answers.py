"""Answers of sites that no server of Python's would give, as they come over the wire."""

import socket
import socketserver
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from haulage.plugin import Failure, FetchError, Kind, Video
from haulage.testing import LoopbackSite
from haulage_ytdlp.fetcher import YtDlpFetcher
from haulage_ytdlp.options import YtDlpOptions

Answer = Callable[[bytes], str]
VIDEO = b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\n"


@pytest.fixture
def answer() -> Iterator[Answer]:
    """Has every request to a new site answered with some bytes, or reset where there are none; gives the site's URL."""
    servers = []

    def start(answer: bytes) -> str:
        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                while self.rfile.readline().strip():
                    pass
                if not answer:  # closed at once, socket(7)
                    self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    self.request.close()
                    return
                self.wfile.write(answer)

        server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_address[1]}/clip.mp4"

    yield start
    for each in servers:
        each.shutdown()
        each.server_close()


def _failure(fetcher: YtDlpFetcher, url: str, folder: Path, work: Any) -> Failure:
    with pytest.raises(FetchError) as caught:
        fetcher.fetch(Video("generic", "clip", "", url), folder, work)
    return caught.value.failure


def test_chunks_that_break_off(
    fetcher: YtDlpFetcher, answer: Answer, site: LoopbackSite, work: Any, tmp_path: Path
) -> None:
    """A body in chunks that breaks off is `transient`, although nothing said how long it would be."""
    body = site.file("clip.mp4").read_bytes()
    half = body[: len(body) // 2]
    url = answer(VIDEO + b"Transfer-Encoding: chunked\r\n\r\n" + b"%x\r\n%b\r\n" % (len(half), half))
    failure = _failure(fetcher, url, tmp_path, work)
    assert (failure.kind, failure.message) == (Kind.TRANSIENT, "the connection ended before the end of the file")


@pytest.mark.parametrize("answered", [b"", VIDEO + b"Content-Length: 9000\r\n\r\nhalf"], ids=["reset", "ended early"])
def test_beside_a_refused_picture(
    new_fetcher: Any, answer: Answer, pages: Any, elsewhere: Any, work: Any, tmp_path: Path, answered: bytes
) -> None:
    """A connection that ends is `transient`, although the video's picture lies at an internal address."""
    picture = elsewhere.put("/still.png", "image/png", "")
    video = f'<video poster="{picture}"><source src="{answer(answered)}" type="video/mp4"></video>'
    url = pages.put("/page", "text/html", f"<html><title>T</title><body>{video}</body></html>")
    fetcher = new_fetcher(options=YtDlpOptions(thumbnail=True))
    failure = _failure(fetcher, url, tmp_path, work)
    assert failure.kind is Kind.TRANSIENT, failure
    assert "internal" not in failure.message
    assert elsewhere.asked == []


def test_refused_beside_a_refused_picture(
    new_fetcher: Any, pages: Any, elsewhere: Any, work: Any, tmp_path: Path
) -> None:
    """Where the video itself lies at an internal address, that is said, whatever else was refused before."""
    picture = elsewhere.put("/still.png", "image/png", "")
    video = f'<video poster="{picture}"><source src="http://127.0.0.3:1/clip.mp4" type="video/mp4"></video>'
    url = pages.put("/page", "text/html", f"<html><title>T</title><body>{video}</body></html>")
    fetcher = new_fetcher(options=YtDlpOptions(thumbnail=True))
    failure = _failure(fetcher, url, tmp_path, work)
    assert (failure.kind, failure.message) == (Kind.UNAVAILABLE, "127.0.0.3 is an internal address")


@pytest.mark.parametrize("length", [b"abc", b"-5", b"9e9"])
def test_length_that_is_no_number(
    fetcher: YtDlpFetcher, answer: Answer, site: LoopbackSite, work: Any, tmp_path: Path, length: bytes
) -> None:
    """A length that is no number says nothing: the file is all that comes."""
    body = site.file("clip.mp4").read_bytes()
    url = answer(VIDEO + b"Content-Length: " + length + b"\r\n\r\n" + body)
    (file,) = fetcher.fetch(Video("generic", "clip", "", url), tmp_path, work).files
    assert file.path.read_bytes() == body
