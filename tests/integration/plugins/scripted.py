"""A fetcher that does what a URL says, `http://SITE/BEHAVIOUR/NAME`: tests of what follows need no server.

The video of a NAME holds the bytes of it. Files in the current folder say when something goes on.
"""

import hashlib
import time
from pathlib import Path
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
    Request,
    Video,
    hookimpl,
)

ENTRIES = ("good/first", "good/second")


@frozen
class NoOptions:
    """None."""


class ScriptedFetcher(Fetcher):
    """Knows the behaviours good, wait, hang, list, twin and each kind of failure."""

    def site(self, url):
        return urlsplit(url).hostname

    def expand(self, request, ctx):
        behaviour, name = urlsplit(request.url).path.split("/")[1:]
        if behaviour == "list":
            for entry in ENTRIES:
                yield Request(f"http://{self.site(request.url)}/{entry}")
        else:
            identity = "twin" if behaviour == "twin" else name
            yield Video("scripted", identity, request.variant, request.url, channel_id="channel")

    def fetch(self, video, folder, ctx):
        behaviour, name = urlsplit(video.url).path.split("/")[1:]
        Path(f"{name}.begun").touch()
        if behaviour == "wait":
            while not Path(f"{name}.go").exists():
                ctx.cancel.raise_if_cancelled()
                time.sleep(0.01)
        while behaviour == "hang":
            time.sleep(0.01)  # and does not ask whether it was cancelled
        if behaviour in list(Kind) and not Path("mended").exists():
            raise FetchError(Failure(Kind(behaviour), f"the site says {behaviour}", cure="mend it"))
        path = folder / "video.mp4"
        path.write_bytes(name.encode())
        file = MediaFile(path, "video", "mp4", "video/mp4", len(name), hashlib.sha256(name.encode()).hexdigest())
        facts = MediaFacts("mp4", 61.0, 320, 180, "h264", "aac")
        return FetchResult(evolve(video, title=f"Title of {name}"), (file,), facts)


@hookimpl
def haulage_fetchers():
    yield FetcherComponent("scripted", "Does what a URL says.", NoOptions, lambda options, context: ScriptedFetcher())
