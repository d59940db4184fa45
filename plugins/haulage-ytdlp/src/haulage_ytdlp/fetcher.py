"""The fetcher: gives orders to fetch processes, so that no page and no file is ever parsed in ours."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from haulage.plugin import Context, Failure, Fetcher, FetchError, FetchResult, Kind, Request, Video
from haulage_ytdlp import wire
from haulage_ytdlp.process import Processes

_FAMILIES = {"youtu.be": "youtube", "youtube.com": "youtube", "youtube-nocookie.com": "youtube"}
_DEFAULT_PORTS = {"http": 80, "https": 443}


class YtDlpFetcher(Fetcher):
    """Whatever yt-dlp can download, each job in a process of its own.

    Args:
        environ: The environment variables.
        private_hosts: What the address guard lets through.
    """

    def __init__(self, environ: Mapping[str, str], private_hosts: tuple[str, ...]) -> None:
        self._processes = Processes(environ)
        self._private_hosts = private_hosts

    def site(self, url: str) -> str:
        """See Fetcher. The host, and its port where that is not the usual one; hosts of one family have one name."""
        try:
            parts = urlsplit(url)
            host, port = (parts.hostname or "").lower(), parts.port
        except ValueError:
            host, port = "", None
        if not host:
            return "unknown"
        host = host.removeprefix("www.").removeprefix("m.").removeprefix("music.")
        if host in _FAMILIES:
            return _FAMILIES[host]
        return host if port in (None, _DEFAULT_PORTS.get(parts.scheme)) else f"{host}:{port}"

    def expand(self, request: Request, ctx: Context) -> Iterator[Video | Request]:
        """See Fetcher."""
        process = self._processes.start(wire.Expand(request, self._private_hosts))
        for report in process.reports(ctx.cancel):
            if isinstance(report, wire.FoundVideo):
                yield report.video
            elif isinstance(report, wire.FoundRequest):
                yield report.request

    def fetch(self, video: Video, folder: Path, ctx: Context) -> FetchResult:
        """See Fetcher."""
        process = self._processes.start(wire.Fetch(video, folder.absolute(), self._private_hosts))
        for report in process.reports(ctx.cancel):
            if isinstance(report, wire.Progress):
                ctx.progress(report.done, report.total)
            elif isinstance(report, wire.Fetched):
                return report.result
        raise FetchError(Failure(Kind.BUG, "the fetch process ended without a result"))

    def close(self) -> None:
        """See Fetcher."""
        self._processes.close()
