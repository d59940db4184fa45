"""A fetcher of lists: `http://SITE/list/WHAT` has what stands in LISTS, `http://SITE/video/NAME` is a video."""

import itertools
import threading
import time
from collections import Counter
from urllib.parse import urlsplit

from attrs import frozen

from haulage.plugin import Estimate, Failure, Fetcher, FetcherComponent, FetchError, Kind, Request, Video, hookimpl

LISTS = {
    "two": ["video/a", "video/b"],
    "nested": ["video/a", "list/two", "video/c"],
    "broken": ["video/a", "video/b", None, "video/c"],
    "odd": ["video/a", "bug/b", "gone/c", "video/d"],
    "six": [f"together/{number}" for number in range(6)],
}
ASKED = Counter()
RUNNING, TOGETHER = threading.Semaphore(3), threading.Barrier(3)


@frozen
class NoOptions:
    """None."""


class Listing(Fetcher):
    """Knows lists and videos."""

    def site(self, url):
        return urlsplit(url).hostname

    def expand(self, request, ctx):
        behaviour, name = urlsplit(request.url).path.split("/")[1:]
        ASKED[behaviour, name] += 1
        if behaviour != "list":
            yield Video("listing", name, request.variant, request.url, channel_id="UC1")
            return
        for each in LISTS.get(name) or (f"video/{number}" for number in itertools.count()):
            ASKED["entry", name] += 1
            if each is None:
                raise FetchError(Failure(Kind.TRANSIENT, "the list broke"))
            yield Request(f"http://{self.site(request.url)}/{each}")

    def estimate(self, video, ctx):
        if not RUNNING.acquire(blocking=False):
            raise AssertionError("more at once than there are workers")
        try:
            behaviour = urlsplit(video.url).path.split("/")[1]
            ctx.cancel.raise_if_cancelled()
            if behaviour == "together":
                TOGETHER.wait(10)
                time.sleep(0.2)  # that nobody else comes can only be waited for
            if behaviour == "bug":
                raise ValueError("token=hunter2")
            if behaviour == "gone":
                raise FetchError(Failure(Kind.UNAVAILABLE, "it is gone"))
            return Estimate(video, "22", "mp4", size=100, exact=True)
        finally:
            RUNNING.release()

    def fetch(self, video, folder, ctx):
        raise AssertionError("a plan downloads")


@hookimpl
def haulage_fetchers():
    yield FetcherComponent("listing", "Lists.", NoOptions, lambda options, context: Listing())
