"""A video that takes hours to be fetched, for tests that end its fetching."""

from haulage.plugin import Video
from haulage.testing import LoopbackSite

DRIP = "/drip/20/clip.mp4"
"""Takes half a day; a byte a second would have the tests wait a second for each first byte."""


def under_way(site: LoopbackSite, path: str = DRIP) -> None:
    """Wait until a download has sent its first byte: the first request is a look at the headers."""
    site.wait_for(lambda requests: any(one.body_bytes and not one.ended for one in requests if one.path == path))


def video(url: str) -> Video:
    """What is to be fetched from there."""
    return Video("generic", "clip", "", url)
