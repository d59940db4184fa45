"""Which video a file is: its name, what lies beside it, and what a person says have to agree."""

import re
import string
from collections.abc import Callable

from attrs import frozen

from haulage.contracts.fetcher import Fetcher, SupportsIdentity
from haulage.errors import ConfigError
from haulage.operations.importing.gather import Candidate
from haulage.operations.importing.info import LONGEST_ID, Info
from haulage.operations.importing.layout import Reading
from haulage.secrets import public_url
from haulage.urls import check_url
from haulage.values import Request, Video

NO_PAGE = "its page is not known; give an info JSON beside it, or --url TEMPLATE"


class Unknown(Exception):
    """Which video it is cannot be told; the message says why."""


@frozen
class Identity:
    """Names videos.

    Attributes:
        fetcher: Knows how ids look, and pages.
        source: The source of what tells none; "" where a person said nothing.
        variant: The variant of all.
        url: The page of a video of which nothing else tells it, with `{video_id}` and `{source}`; "" likewise.
    """

    fetcher: Fetcher
    source: str = ""
    variant: str = ""
    url: str = ""

    def of(self, candidate: Candidate, info: Info | None) -> Video:
        """Name the video of a file.

        Raises:
            Unknown: It cannot be told.
        """
        known = [each for each in candidate.readings if self._agrees(each, info)]
        if not known:
            raise Unknown("its name and its info JSON tell of two videos")
        read = known[0]
        source = (info and info.source) or read.get("source").lower() or self.source
        if not source:
            raise Unknown("its source is not known; give an info JSON beside it, or --source NAME")
        if self.source and source != self.source and not read.get("source"):
            raise Unknown(f"its info JSON says it is of another source than {self.source}")
        video_id = (info and info.video_id) or self._id(source, known)
        video = self.named(source, video_id, info.url if info else "")
        if video is None:
            raise Unknown(NO_PAGE)
        return Video(
            video.source,
            video.id,
            self.variant,
            video.url,
            (info and info.title) or read.get("title"),
            (info and info.channel_id) or read.get("channel_id") or video.channel_id,
            info.duration if info else None,
        )

    def named(self, source: str, video_id: str, url: str = "") -> Video | None:
        """Name a video as the fetcher would; None where its page is not known.

        Raises:
            Unknown: Its page cannot be hauled.
        """
        found = self._by_fetcher(source, video_id, url)
        if found is None and self.url:
            made = self.url.replace("{video_id}", video_id).replace("{source}", source)
            found = self._by_fetcher(source, video_id, made)
        if found is None:
            return None
        try:
            check_url(found.url)
        except ConfigError:
            raise Unknown("the URL of its page cannot be hauled") from None
        if public_url(found.url) != found.url:
            raise Unknown("the URL of its page gives access to something")
        return found

    def _by_fetcher(self, source: str, video_id: str, url: str) -> Video | None:
        if isinstance(self.fetcher, SupportsIdentity):
            return self.fetcher.identify(source, video_id, url, self.variant)
        return Video(source, video_id, self.variant, url) if url else None

    def _agrees(self, reading: Reading, info: Info | None) -> bool:
        if info is None:
            return True
        return _alike(reading.get("video_id"), info.video_id) and _alike(reading.get("source").lower(), info.source)

    def _id(self, source: str, readings: list[Reading]) -> str:
        is_id: Callable[[str, str], bool] = getattr(self.fetcher, "is_id", lambda *_: True)
        ids = sorted({each.get("video_id") for each in readings})
        fit = [each for each in ids if len(each) <= LONGEST_ID and is_id(source, each)]
        if not fit:
            raise Unknown(f"{ids[0][:80]!r} is no id of {source}")
        if len(fit) > 1:
            raise Unknown(f"its id could be {fit[0][:80]!r} or {fit[1][:80]!r}; give an info JSON beside it")
        return fit[0]


def check_template(url: str) -> str:
    """Return the template of a page's URL, if it is one.

    Raises:
        ConfigError: It is none.
    """
    try:
        names = {name for _, name, _, _ in string.Formatter().parse(url) if name is not None}
    except ValueError:
        names = {""}
    if "video_id" not in names or not names <= {"video_id", "source"}:
        raise ConfigError(f"{public_url(url)!r}: write the page like https://example.com/watch/{{video_id}}")
    check_url(url.replace("{video_id}", "x").replace("{source}", "x"))
    return url


def _alike(read: str, told: str) -> bool:
    """Whether two texts are the same as far as a file name can hold them; what is not told is like anything."""
    return not read or not told or read == told or "" != _plain(read) == _plain(told)


def _plain(text: str) -> str:
    return re.sub(r"[^\w-]|_", "", text)


def request_of(video: Video) -> Request:
    """What the job of a video asks for."""
    return Request(video.url, video.variant)
