"""What this package offers to haulage."""

from collections.abc import Iterable

from haulage.plugin import BuildContext, Fetcher, FetcherComponent, hookimpl
from haulage_ytdlp.options import YtDlpOptions


def _build(options: YtDlpOptions, context: BuildContext) -> Fetcher:
    from haulage_ytdlp.fetcher import YtDlpFetcher

    return YtDlpFetcher(options, context)


@hookimpl
def haulage_fetchers() -> Iterable[FetcherComponent]:
    """Offer yt-dlp."""
    yield FetcherComponent("yt-dlp", "Whatever yt-dlp can download.", YtDlpOptions, _build)
