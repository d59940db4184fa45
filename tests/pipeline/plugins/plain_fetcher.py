"""A fetcher for tests of the core alone: takes a URL's bytes as they are, by urllib."""

import hashlib
import http.client
import re
import time
import urllib.error
import urllib.request
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from attrs import evolve, frozen

from haulage.plugin import (
    Failure,
    Fetcher,
    FetcherComponent,
    FetchError,
    FetchResult,
    Growing,
    Kind,
    MediaFacts,
    MediaFile,
    Request,
    Video,
    hookimpl,
)


@frozen
class NoOptions:
    """None."""


PULLED = []
"""What was taken of lists, line by line."""

PAUSES = []
"""What to do once half of a file is there that is offered while it grows; the last one first."""


class PlainFetcher(Fetcher):
    """Lists are files of URLs, one a line, whose name ends in .list; at "broken" they break off.

    What is in one with "known" in its name is known to be a video. With "grow" in its URL a video is offered
    while it grows; with "restart" its first half is begun anew. With "misstated" its size is told wrongly.
    """

    def site(self, url):
        return urlsplit(url).netloc

    def expand(self, request, ctx):
        path = PurePosixPath(urlsplit(request.url).path)
        if path.suffix == ".list":
            for line in self._get(request.url).decode().split():
                if line == "broken":
                    raise FetchError(Failure(Kind.UNAVAILABLE, "the list broke off"))
                PULLED.append(line)
                known = Video("plain", PurePosixPath(line).name, request.variant, line, channel_id="top")
                yield known if "known" in path.name else Request(line)
        elif path.suffix == ".bug":
            raise KeyError("no such thing")
        elif path.suffix != ".none":
            yield Video("plain", path.name, request.variant, request.url, channel_id=path.parent.name or "top")

    def fetch(self, video, folder, ctx):
        part = folder / "video.mp4.part"
        self._load(video.url, part)
        data = part.read_bytes()
        held = re.search(r"hold=([\d.]+)", video.url)
        until = time.monotonic() + float(held[1]) if held else 0
        while time.monotonic() < until:
            ctx.cancel.raise_if_cancelled()
            time.sleep(0.01)
        if "grow" in video.url:
            self._grow(part, data, video, ctx)
        path = folder / "video.mp4"
        part.rename(path)
        ctx.progress(len(data), len(data))
        size = len(data) - ("misstated" in video.url)
        file = MediaFile(path, "video", "mp4", "video/mp4", size, hashlib.sha256(data).hexdigest())
        return FetchResult(evolve(video, title=f"Title of {video.id}"), (file,), MediaFacts("mp4", 1.0, 320, 180))

    def _grow(self, part, data, video, ctx):
        half = len(data) // 2
        part.write_bytes(b"x" * half if "restart" in video.url else data[:half])
        ctx.growing(Growing(part, video, "mp4", "video/mp4"))
        PAUSES.pop()()
        ctx.cancel.raise_if_cancelled()
        if "restart" in video.url:
            part.unlink()
            half = 0
        with part.open("ab") as file:
            file.write(data[half:])

    def _load(self, url, part):
        there = part.stat().st_size if part.exists() else 0
        with part.open("ab") as file:
            # Nothing is left to ask for where a part is the whole: HTTP 416.
            data = self._get(urllib.request.Request(url, headers={"Range": f"bytes={there}-"} if there else {}), file)
            file.write(data)

    def _get(self, url, part=None):
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return answer.read()
        except http.client.IncompleteRead as cut:
            if part is not None:
                part.write(cut.partial)
            raise FetchError(Failure(Kind.TRANSIENT, "the connection ended early")) from None
        except urllib.error.HTTPError as error:
            with error:
                if part is not None and error.code == 416:
                    return b""
                after = error.headers.get("Retry-After")
                kind = {404: Kind.UNAVAILABLE, 429: Kind.RATE_LIMITED}.get(error.code, Kind.TRANSIENT)
                from datetime import timedelta

                wait = timedelta(seconds=int(after)) if after else None
                raise FetchError(Failure(kind, f"HTTP {error.code}", retry_after=wait)) from None


@hookimpl
def haulage_fetchers():
    yield FetcherComponent("plain", "Bytes as they are.", NoOptions, lambda options, context: PlainFetcher())
