"""One `YoutubeDL` an order, never used twice."""

import contextlib
import itertools
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

import yt_dlp
from yt_dlp.downloader import get_suitable_downloader
from yt_dlp.downloader.http import HttpFD
from yt_dlp.networking import HEADRequest, Request, Response
from yt_dlp.networking.exceptions import HTTPError, RequestError

from haulage.plugin import Failure, FetchError, Kind
from haulage_ytdlp.child import guard, leaving
from haulage_ytdlp.child.fragments import Fragments, StreamChanged
from haulage_ytdlp.child.limits import LANGUAGE, MOST_PAGES, MOST_SUBTITLES, check_scheme, counted
from haulage_ytdlp.child.resume import Direct


class Silent:
    """A logger for yt-dlp: what matters comes as an exception."""

    def debug(self, message: str) -> None:
        """Say nothing."""

    info = warning = error = debug


class Ydl(yt_dlp.YoutubeDL):  # type: ignore[misc]
    """Keeps the last error of the network, which yt-dlp drops when it gives up, resumes with care, and has limits."""

    network_error: RequestError | None = None
    direct: Direct | None = None
    fragments: Fragments | None = None
    _medium = False
    _beside: Path | None = None  # what there is of the subtitles that are downloaded
    _pages = 0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._lengths: dict[str, int] = {}
        super().__init__(*args, **kwargs)

    def length(self, url: str, headers: Mapping[str, str]) -> int | None:
        """How many bytes a file has: as a look at it told, or as the server tells if asked; None where it does not."""
        if url not in self._lengths:
            with contextlib.suppress(RequestError):  # some answer a download alone
                self.urlopen(HEADRequest(url, headers=dict(headers))).close()
        return self._lengths.get(url)

    def extract_info(self, *args: Any, **kwargs: Any) -> Any:
        """See YoutubeDL; a page may lead on to another one, but not for ever."""
        self._pages += 1
        if self._pages > MOST_PAGES:
            raise FetchError(Failure(Kind.UNAVAILABLE, f"its pages lead on to more than {MOST_PAGES} others"))
        return super().extract_info(*args, **kwargs)

    def process_subtitles(self, video_id: str, normal: Any, automatic: Any) -> Any:
        """See YoutubeDL; what is no name of a language would become a part of a path."""
        named = (each for each in (normal or {}).items() if LANGUAGE.fullmatch(each[0]))
        return super().process_subtitles(video_id, dict(itertools.islice(named, MOST_SUBTITLES)), automatic)

    def dl(self, name: str, info: dict[str, Any], subtitle: bool = False, test: bool = False) -> Any:
        """See YoutubeDL; a URL that is handed to FFmpeg is never opened here, and has to be looked at before."""
        for each in info.get("requested_formats") or [info]:
            if each.get("url"):
                check_scheme(each["url"])
        self._medium = not subtitle
        self._beside = Path(f"{name}.part") if subtitle else None
        # What was got over until now, a picture among it, does not explain what goes wrong from here on.
        self.network_error = None
        guard.refusals.clear()
        try:
            return self._download(name, info, subtitle, test)
        finally:
            self._medium, self._beside = False, None

    def _download(self, name: str, info: dict[str, Any], subtitle: bool, test: bool) -> Any:
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
        try:
            with contextlib.suppress(StreamChanged):
                return self._appended(name, info, subtitle, test)
            return self._appended(name, info, subtitle, test)
        except Exception as error:
            missing = self.network_error
            if isinstance(missing, HTTPError) and missing.status in (404, 410):
                message = f"a part of the stream is missing: HTTP {missing.status} {missing.reason or ''}".strip()
                raise FetchError(Failure(Kind.INVALID, message)) from error
            raise

    def _appended(self, name: str, info: dict[str, Any], subtitle: bool, test: bool) -> Any:
        self.fragments = Fragments(name, medium=not subtitle)
        try:
            return super().dl(name, info, subtitle, test)
        except SystemExit:  # the order was cancelled
            leaving.heard()
            if not subtitle:  # one is put together with a memory of its own
                self.fragments.keep()
            raise
        finally:
            self.fragments = None

    def urlopen(self, request: Any) -> Any:
        """See YoutubeDL."""
        request = Request(request) if isinstance(request, str) else request
        check_scheme(request.url)
        try:
            if self.direct is not None:
                response = self.direct.open(request, super().urlopen)
            elif self.fragments is not None:
                response = self.fragments.open(request, super().urlopen)
            else:
                response = super().urlopen(request)
        except RequestError as error:
            self.network_error = error
            if isinstance(error, HTTPError):
                counted(error.response, medium=False)
            raise
        if not (response.headers.get("Content-Length") or "").isdecimal():
            del response.headers["Content-Length"]  # yt-dlp counts on a number
        self._note_length(request.url, response)
        held = self._beside.stat().st_size if self._beside and self._beside.is_file() else 0
        return counted(response, medium=self._medium, held=held)

    def _note_length(self, url: str, response: Response) -> None:
        told = response.headers.get("Content-Length") or ""
        whole = response.status == HTTPStatus.OK and not response.headers.get("Content-Encoding")
        if whole and told.isdecimal() and len(self._lengths) < MOST_PAGES:
            self._lengths[url] = int(told)
