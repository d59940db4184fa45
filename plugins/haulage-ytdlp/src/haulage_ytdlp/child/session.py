"""One `YoutubeDL` an order, never used twice."""

from typing import Any

import yt_dlp
from yt_dlp.downloader import get_suitable_downloader
from yt_dlp.downloader.http import HttpFD
from yt_dlp.networking.exceptions import HTTPError, RequestError

from haulage.plugin import Failure, FetchError, Kind
from haulage_ytdlp.child.resume import Direct, begin_anew


class Silent:
    """A logger for yt-dlp: what matters comes as an exception."""

    def debug(self, message: str) -> None:
        """Say nothing."""

    info = warning = error = debug


class Ydl(yt_dlp.YoutubeDL):  # type: ignore[misc]
    """Keeps the last error of the network, which yt-dlp drops when it gives up, and resumes with care."""

    network_error: RequestError | None = None
    direct: Direct | None = None

    def dl(self, name: str, info: dict[str, Any], subtitle: bool = False, test: bool = False) -> Any:
        """See YoutubeDL."""
        if get_suitable_downloader(info, self.params) is not HttpFD:
            return self._in_fragments(name, info, subtitle, test)
        self.direct = Direct(name)
        try:
            done = super().dl(name, info, subtitle, test)
            self.direct.forget()
            return done
        finally:
            self.direct = None

    def _in_fragments(self, name: str, info: dict[str, Any], subtitle: bool, test: bool) -> Any:
        begin_anew(name)
        self.network_error = None
        try:
            return super().dl(name, info, subtitle, test)
        except Exception as error:
            missing = self.network_error
            if isinstance(missing, HTTPError) and missing.status in (404, 410):
                message = f"a part of the stream is missing: HTTP {missing.status} {missing.reason or ''}".strip()
                raise FetchError(Failure(Kind.INVALID, message)) from error
            raise

    def urlopen(self, request: Any) -> Any:
        """See YoutubeDL."""
        try:
            if self.direct is not None:
                return self.direct.open(request, super().urlopen)
            return super().urlopen(request)
        except RequestError as error:
            self.network_error = error
            raise
