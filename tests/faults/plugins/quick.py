"""A fetcher that makes its videos itself, `http://SITE/BYTES/NAME`, so that what follows a fetch can be tested quickly.

Each fetch leaves a line in the file `fetched` in the current folder, and waits while there is a file `hold`.
"""

import hashlib
import importlib
import os
import random
import time
from pathlib import Path
from urllib.parse import urlsplit

from attrs import frozen

from haulage.plugin import (
    Fetcher,
    FetcherComponent,
    FetchResult,
    MediaFacts,
    MediaFile,
    Video,
    hookimpl,
)


@frozen
class NoOptions:
    """None."""


def content(url):
    """The bytes of the video behind a URL."""
    size, name = urlsplit(url).path.split("/")[1:]
    return random.Random(name).randbytes(int(size))


class QuickFetcher(Fetcher):
    """Knows what is behind a URL without asking."""

    def site(self, url):
        return urlsplit(url).hostname

    def expand(self, request, ctx):
        name = urlsplit(request.url).path.rpartition("/")[2]
        yield Video("quick", name, request.variant, request.url, channel_id="channel", title=name)

    def fetch(self, video, folder, ctx):
        with Path("fetched").open("a") as file:
            file.write(f"{video.url}\n")
        while Path("hold").exists():
            ctx.cancel.raise_if_cancelled()
            time.sleep(0.02)
        data, path = content(video.url), folder / "video.mp4"
        path.write_bytes(data)
        digest = hashlib.sha256(data).hexdigest()
        file = MediaFile(path, "video", "mp4", "video/mp4", len(data), digest)
        return FetchResult(video, (file,), MediaFacts("mp4", 1.0, 320, 180, "h264", "aac"))


@hookimpl
def haulage_fetchers():
    yield FetcherComponent("quick", "Makes videos itself.", NoOptions, lambda options, context: QuickFetcher())


if os.environ.get("MUTANT"):
    importlib.import_module(os.environ["MUTANT"])
