"""What turns URLs into local files."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, runtime_checkable

from attrs import frozen

from haulage.contracts.context import Context
from haulage.values import FetchResult, MediaFacts, Request, Video


class Fetcher(ABC):
    """Turn URLs into local files.

    There is one instance for each pipeline and process, and it is used from many threads. Its methods raise FetchError
    or Cancelled and nothing else; anything else is recorded as a bug of the fetcher.
    """

    @abstractmethod
    def site(self, url: str) -> str:
        """Name what must be treated as one for politeness. From the URL alone: no network, under 1 ms."""

    @abstractmethod
    def expand(self, request: Request, ctx: Context) -> Iterator[Video | Request]:
        """List, lazily, what stands behind a URL: a Video where the identity is known, a Request where only a URL is.

        Uses no network where the URL itself gives the identity. Closing the iterator early ends the work. On cancel
        the iterator raises Cancelled within 5 seconds.
        """

    @abstractmethod
    def fetch(self, video: Video, folder: Path, ctx: Context) -> FetchResult:
        """Download a video into `folder`, which is there, and in which nobody else works.

        It holds what earlier attempts at this video left when they were interrupted, whatever that is: go on with it
        only where it is still the same content. A process that works in the folder should hold a shared
        `haulage.plugin.Lock` on it, so that it is not given to another attempt while that process still runs.

        Returns whole, checked, closed files. After a failure, and within 5 seconds of a cancel, no process is left;
        what remains in the folder is kept for the next attempt. After a failure of the kind `invalid` or `bug` it is
        removed, and the next attempt begins afresh.
        """

    def close(self) -> None:  # noqa: B027 - a fetcher with nothing to give back need not write it
        """Give back what the fetcher holds. Harmless a second time; nothing else is called afterwards."""


@runtime_checkable
class SupportsMeasuring(Protocol):
    """A fetcher that can look at a file that it did not fetch."""

    def measure(self, path: Path, announced: float | None, ctx: Context) -> MediaFacts:
        """Find out what a file is, and that it is whole, as `fetch` does with what it fetched; it is only read.

        It may be anybody's work. From many threads at once. Nothing is left after it.

        Args:
            path: The file; its name tells nothing for sure.
            announced: How many seconds it should last; None where nobody says.
            ctx: Of the call. On cancel Cancelled is raised within 5 seconds, and no process is left.

        Raises:
            FetchError: It is no medium, or not whole (kind `invalid`); it cannot be told (any other kind).
        """


@runtime_checkable
class SupportsIdentity(Protocol):
    """A fetcher that can name a video as it would itself, from what others noted of it."""

    def identify(self, source: str, video_id: str, url: str, variant: str) -> Video | None:
        """Name a video as `expand` names it, with the URL of its page. No network, under 1 ms.

        Args:
            source: The extractor, in lower case.
            video_id: The id there, as it was noted.
            url: Of its page; "" where nobody noted it.
            variant: See Video.

        Returns:
            None where its page is not known, and follows from nothing for sure.
        """

    def is_id(self, source: str, video_id: str) -> bool:
        """Whether a source could give a video such an id; True where that is not known. No network, under 1 ms."""


@frozen
class Estimate:
    """What a fetch would bring, as the source announces it: nothing of it was measured, and nothing is guessed.

    Attributes:
        video: The video, completed with title, channel and announced duration as far as the source tells them.
        format: The formats that would be fetched, as the source calls them: "137+140"; "" where it names none.
        extension: What the key of the main file would end in, as MediaFile has it; None where only the file tells.
        width: Of the picture, in pixels; None where the source does not say.
        height: Likewise.
        size: How many bytes the main file is expected to have; None where the source does not say.
        exact: Whether the source tells that size itself; otherwise it comes of a bit rate and a duration that it tells.
    """

    video: Video
    format: str = ""
    extension: str | None = None
    width: int | None = None
    height: int | None = None
    size: int | None = None
    exact: bool = False

    @property
    def resolution(self) -> str | None:
        """The picture's size as people name it, as for MediaFacts."""
        return f"{min(self.width, self.height)}p" if self.width and self.height else None


@runtime_checkable
class SupportsEstimate(Protocol):
    """A fetcher that can tell in advance what a fetch would bring."""

    def estimate(self, video: Video, ctx: Context) -> Estimate:
        """Tell what `fetch` would bring of a video with the same options, without downloading it.

        Asks the source for no more than choosing the formats takes, and for the length of a file; reads no medium to
        its end and writes no file. From many threads at once. The same failures as of a fetch are told by the same
        kinds; one that only the bytes would show is not. Nothing is left after it.

        Args:
            video: As `expand` gave it.
            ctx: Of the call. On cancel Cancelled is raised within 5 seconds, and no process is left.

        Raises:
            FetchError: It could not be fetched, for all that the source tells.
        """
