"""A fetcher whose videos are called as nobody should be: their ids, titles, channels, extensions and languages."""

import hashlib
from urllib.parse import unquote, urlsplit

import mutant
from attrs import evolve, frozen

from haulage.plugin import Fetcher, FetcherComponent, FetchResult, MediaFacts, MediaFile, Video, hookimpl


@frozen
class Options:
    """None."""


class Hostile(Fetcher):
    """A URL's path, unquoted, is what all is called."""

    def site(self, url):
        return urlsplit(url).hostname

    def expand(self, request, ctx):
        name = unquote(urlsplit(request.url).path[1:], errors="surrogateescape")
        yield Video(name, name, request.variant, request.url, title=name, channel_id=name)

    def fetch(self, video, folder, ctx):
        path = folder / "file"
        path.write_bytes(video.id.encode("utf-8", "surrogateescape"))
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        main = MediaFile(path, "video", video.id, "video/mp4", path.stat().st_size, digest)
        beside = evolve(main, role=f"subtitle.{video.id}", extension=f"{video.id}.vtt")
        return FetchResult(video, (main, beside), MediaFacts("mp4"))


@hookimpl
def haulage_fetchers():
    """Offer it."""
    yield FetcherComponent("hostile", "Names that lead astray.", Options, lambda options, context: Hostile())


assert mutant
