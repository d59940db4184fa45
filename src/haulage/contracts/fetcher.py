"""What turns URLs into local files."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path

from haulage.contracts.context import Context
from haulage.values import FetchResult, Request, Video


class Fetcher(ABC):
    """Turn URLs into local files.

    There is one instance a process, and it is used from many threads. Its methods raise FetchError or Cancelled
    and nothing else; anything else is recorded as a bug of the fetcher.
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
