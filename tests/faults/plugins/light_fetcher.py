"""A fetcher that takes a URL's bytes as they are, one request each, so that very many of them can be had at once."""

import hashlib
import urllib.error
import urllib.request
from datetime import timedelta
from urllib.parse import urlsplit

from attrs import evolve, frozen

from haulage.plugin import (
    Failure,
    Fetcher,
    FetcherComponent,
    FetchError,
    FetchResult,
    Kind,
    MediaFacts,
    MediaFile,
    Video,
    hookimpl,
)

KINDS = {401: Kind.AUTH, 429: Kind.RATE_LIMITED}
BLOCK = 1 << 16


@frozen
class NoOptions:
    """None."""


class LightFetcher(Fetcher):
    """Each URL is a video."""

    def site(self, url):
        return urlsplit(url).netloc

    def expand(self, request, ctx):
        identity = hashlib.sha256(request.url.encode()).hexdigest()[:16]
        yield Video("light", identity, request.variant, request.url, channel_id="light")

    def fetch(self, video, folder, ctx):
        path, digest, size = folder / "video.mp4", hashlib.sha256(), 0
        try:
            with urllib.request.urlopen(video.url, timeout=30) as answer, path.open("wb") as file:
                while block := answer.read1(BLOCK):
                    ctx.cancel.raise_if_cancelled()
                    file.write(block)
                    digest.update(block)
                    size += len(block)
                    ctx.progress(size, None)
        except urllib.error.HTTPError as error:
            with error:
                after = error.headers.get("Retry-After")
                wait = timedelta(seconds=int(after)) if after else None
                kind = KINDS.get(error.code, Kind.TRANSIENT)
                raise FetchError(Failure(kind, f"HTTP {error.code}", retry_after=wait)) from None
        file = MediaFile(path, "video", "mp4", "video/mp4", size, digest.hexdigest())
        return FetchResult(evolve(video, title=video.id), (file,), MediaFacts("mp4", 1.0, 160, 90, "h264", "aac"))


@hookimpl
def haulage_fetchers():
    yield FetcherComponent("light", "Bytes as they are.", NoOptions, lambda options, context: LightFetcher())
