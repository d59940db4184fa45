"""Carry out orders with yt-dlp: one `YoutubeDL` an order, never used twice."""

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

import yt_dlp
from attrs import evolve
from yt_dlp.networking.exceptions import RequestError
from yt_dlp.utils import KNOWN_EXTENSIONS

from haulage.plugin import Failure, FetchError, FetchResult, Kind, MediaFile, Request, Video, unsigned_url
from haulage_ytdlp import wire
from haulage_ytdlp.child import measure
from haulage_ytdlp.child.classify import classify
from haulage_ytdlp.child.parameters import parameters

Send = Callable[[wire.Report], None]

MOST_HOPS = 5
"""How many times a page may lead on to another one before the video is found."""

_REPORT_EVERY = 0.1


class _Silent:
    """A logger for yt-dlp: what matters comes as an exception."""

    def debug(self, message: str) -> None:
        """Say nothing."""

    info = warning = error = debug


class _Ydl(yt_dlp.YoutubeDL):  # type: ignore[misc]
    """Keeps the last error of the network, which yt-dlp drops when it gives up."""

    network_error: RequestError | None = None

    def urlopen(self, request: Any) -> Any:
        """See YoutubeDL."""
        try:
            return super().urlopen(request)
        except RequestError as error:
            self.network_error = error
            raise


def warm() -> None:
    """Import and compile, before the fork, what every order needs."""
    with _Ydl(parameters(None, _Silent(), lambda _: None)) as ydl:
        _extractor(ydl, "http://example.invalid/video.mp4")
        ydl.get_info_extractor("Generic")


def carry_out(order: wire.Order, send: Send) -> None:
    """Do what was ordered and report how it went; never raises an Exception of its own."""
    folder = order.folder if isinstance(order, wire.Fetch) else None
    ydl = None
    try:
        if folder is not None:
            os.environ["HOME"] = str(folder / ".home")
            (folder / ".home").mkdir()
            os.chdir(folder)
        with _Ydl(parameters(folder, _Silent(), _progress(send))) as ydl:
            if isinstance(order, wire.Expand):
                for found in _expand(ydl, order.request):
                    send(wire.FoundVideo(found) if isinstance(found, Video) else wire.FoundRequest(found))
                send(wire.Expanded())
            else:
                send(wire.Fetched(_fetch(ydl, order.video, order.folder)))
    except FetchError as error:
        send(wire.Failed(error.failure))
    except Exception as error:
        send(wire.Failed(classify(error, ydl and ydl.network_error)))


def _progress(send: Send) -> Callable[[dict[str, Any]], None]:
    last = 0.0

    def hook(status: dict[str, Any]) -> None:
        nonlocal last
        now = time.monotonic()
        if status.get("status") == "downloading" and now - last >= _REPORT_EVERY:
            last = now
            total = status.get("total_bytes") or status.get("total_bytes_estimate")
            send(wire.Progress(int(status.get("downloaded_bytes") or 0), int(total) if total else None))

    return hook


def _extractor(ydl: _Ydl, url: str) -> Any:
    """The class of the extractor that yt-dlp would choose."""
    return next(each for each in ydl._ies.values() if each.suitable(url))


def _expand(ydl: _Ydl, request: Request) -> Iterator[Video | Request]:
    known = _known(ydl, request)
    if known is not None:
        yield known
        return
    info = ydl.extract_info(request.url, download=False, process=False)
    for _ in range(MOST_HOPS):
        if info is None or info.get("_type", "video") not in ("url", "url_transparent"):
            break
        known = _known(ydl, Request(info["url"], request.variant))
        if known is not None:
            yield evolve(known, url=request.url)
            return
        info = ydl.extract_info(info["url"], ie_key=info.get("ie_key"), download=False, process=False)
    if info is None or info.get("_type", "video") in ("url", "url_transparent"):
        raise FetchError(Failure(Kind.UNAVAILABLE, f"the page leads on more than {MOST_HOPS} times"))
    if info.get("_type", "video") == "video":
        yield _video(info, request)
        return
    for entry in info["entries"]:
        if entry is None:
            continue
        url = entry.get("url") if entry.get("_type") in ("url", "url_transparent") else entry.get("webpage_url")
        if not url or url == request.url:
            raise FetchError(
                Failure(Kind.UNAVAILABLE, "the page holds several videos that have no address of their own")
            )
        entry_request = Request(url, request.variant)
        yield _known(ydl, entry_request) or entry_request


def _known(ydl: _Ydl, request: Request) -> Video | None:
    """The video behind a URL, where the URL alone tells."""
    extractor = _extractor(ydl, request.url)
    if extractor.ie_key() == "Generic":
        name = PurePosixPath(urlsplit(request.url).path).suffix[1:].lower()
        return _generic(request) if name in KNOWN_EXTENSIONS else None
    identity = extractor.get_temp_id(request.url)
    if identity and extractor.is_single_video(request.url):
        return Video(extractor.ie_key().lower(), identity, request.variant, request.url)
    return None


def _generic(request: Request) -> Video:
    """A video of a site that gives no ids: the name of its page and a digest of where it is."""
    where = unsigned_url(request.url).partition("#")[0]
    parts = urlsplit(where)
    stem = PurePosixPath(unquote(parts.path)).stem or "index"
    digest = hashlib.sha256(where.encode()).hexdigest()[:8]
    return Video("generic", f"{stem}-{digest}", request.variant, request.url, channel_id=parts.hostname or "")


def _video(info: dict[str, Any], request: Request) -> Video:
    source = str(info.get("extractor_key") or "generic").lower()
    known = _generic(request)
    if source != "generic" and info.get("id"):
        known = evolve(known, source=source, id=str(info["id"]))
    return _completed(known, info)


def _completed(video: Video, info: dict[str, Any]) -> Video:
    """A video with what its page says of it."""
    return evolve(
        video,
        title=str(info.get("title") or video.title),
        channel_id=str(info.get("channel_id") or info.get("uploader_id") or video.channel_id),
        duration=float(info["duration"]) if info.get("duration") else video.duration,
    )


def _fetch(ydl: _Ydl, video: Video, folder: Path) -> FetchResult:
    info = ydl.extract_info(video.url, download=True)
    if info and info.get("_type") == "playlist":
        entries = [entry for entry in info["entries"] if entry]
        if len(entries) != 1:
            raise FetchError(Failure(Kind.UNAVAILABLE, f"it has become a list of {len(entries)} videos"))
        info = entries[0]
    downloads = (info or {}).get("requested_downloads") or []
    paths = [folder / each["filepath"] for each in downloads if each.get("filepath")]
    if len(paths) != 1 or not paths[0].is_file() or folder not in paths[0].parents:
        raise FetchError(Failure(Kind.INVALID, "yt-dlp reported success and left no file"))
    path = paths[0]
    completed = _completed(video, info)
    facts = measure.measure(path, completed.duration)
    main = MediaFile(
        path,
        "video",
        facts.container,
        measure.media_type(facts.container),
        path.stat().st_size,
        measure.sha256(path),
    )
    return FetchResult(completed, (main,), facts)
