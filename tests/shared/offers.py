"""A web site whose every answer the test decides about, and that counts the bytes it sends."""

import contextlib
import gzip
import re
import select
import socketserver
import threading
from http.server import BaseHTTPRequestHandler

from attrs import define, field

TAG = {"ETag": '"a"'}


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
    """Answers as the test says, path by path."""

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
        size, start, end = len(offer.body), 0, len(offer.body)
        named = {offer.headers.get("ETag"), offer.headers.get("Last-Modified")}
        whole = "range" not in offer.heeds or (
            "if-range" in offer.heeds and asked.if_range is not None and asked.if_range not in named
        )
        if asked.span and not whole:
            first, last = re.fullmatch(r"bytes=(\d+)-(\d*)", asked.span).groups()
            start, end = int(first), int(last) + 1 if last else size
            if start >= size:
                asked.status = 416
                handler.send_error(416)
                return
            start = 0 if offer.shifted else start
            asked.status = 206
        else:
            asked.status = 200
        body = gzip.compress(offer.body[start:end], 0) if offer.coded else offer.body[start:end]
        handler.send_response(asked.status)
        for name, value in offer.headers.items():
            handler.send_header(name, value)
        if asked.status == 206:
            handler.send_header("Content-Range", f"bytes {start}-{end - 1}/{size}")
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
