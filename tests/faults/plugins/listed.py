"""A fetcher whose lists are files in the current folder, `http://a.test/NAME.list`; pages of a list are short.

Each line is a video, whose bytes it is; what was taken of a list stands in the file `taken`.
"""

import hashlib
from pathlib import Path, PurePosixPath

from attrs import frozen

from haulage.pipeline import listing
from haulage.plugin import Fetcher, FetcherComponent, FetchResult, MediaFacts, MediaFile, Video, hookimpl

listing.KNOWN_AT_ONCE = 3


@frozen
class NoOptions:
    """None."""


class ListedFetcher(Fetcher):
    """Needs no network."""

    def site(self, url):
        return "a.test"

    def expand(self, request, ctx):
        for line in Path(PurePosixPath(request.url).name).read_text().split():
            with Path("taken").open("a") as file:
                file.write(f"{line}\n")
            yield Video("listed", line, request.variant, f"http://a.test/{line}", channel_id="listed")

    def fetch(self, video, folder, ctx):
        path, data = folder / "video.mp4", video.id.encode()
        path.write_bytes(data)
        file = MediaFile(path, "video", "mp4", "video/mp4", len(data), hashlib.sha256(data).hexdigest())
        return FetchResult(video, (file,), MediaFacts("mp4", 1.0, 160, 90, "h264", "aac"))


@hookimpl
def haulage_fetchers():
    yield FetcherComponent("listed", "What a file lists.", NoOptions, lambda options, context: ListedFetcher())
