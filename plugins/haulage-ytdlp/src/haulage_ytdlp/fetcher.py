"""The fetcher: gives orders to fetch processes, so that no page and no file is ever parsed in ours."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from attrs import evolve

from haulage.plugin import (
    BuildContext,
    Context,
    Estimate,
    Failure,
    Fetcher,
    FetchError,
    FetchResult,
    Finding,
    Growing,
    Kind,
    MediaFacts,
    Request,
    Video,
    keep_secret,
)
from haulage_ytdlp import identity, wire
from haulage_ytdlp.cookies import cookie_values
from haulage_ytdlp.options import YtDlpOptions
from haulage_ytdlp.pace import Pace
from haulage_ytdlp.process import Processes

_FAMILIES = {"youtu.be": "youtube", "youtube.com": "youtube", "youtube-nocookie.com": "youtube"}
_DEFAULT_PORTS = {"http": 80, "https": 443}


def _checked(options: YtDlpOptions, folder: Path) -> YtDlpOptions:
    """The options with an absolute path, if they can be used."""
    if options.proxy and not urlsplit(options.proxy).hostname:
        raise FetchError(Failure(Kind.CONFIG, "fetcher.proxy is no URL", cure="write it like http://proxy:3128"))
    if not options.cookies:
        return options
    path = folder / options.cookies
    try:
        keep_secret(*cookie_values(path))
    except OSError as error:
        raise FetchError(Failure(Kind.CONFIG, f"cannot read the cookies {path}: {error.strerror}")) from error
    return evolve(options, cookies=str(path))


class YtDlpFetcher(Fetcher):
    """Whatever yt-dlp can download, each job in a process of its own.

    Args:
        options: Those of the default variant.
        context: Has the options of the others, and what the address guard lets through.

    Raises:
        FetchError: The file of cookies cannot be read, or the proxy is none (kind `config`).
    """

    def __init__(self, options: YtDlpOptions, context: BuildContext) -> None:
        variants = {"": options, **context.variants}
        self._options = {name: _checked(each, context.folder) for name, each in variants.items()}
        self._private_hosts = context.private_hosts
        self._processes = Processes(context.environ)

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
        process = self._processes.start(wire.Expand(request, *self._of(request.variant)))
        for report in process.reports(ctx.cancel, Pace()):
            if isinstance(report, wire.FoundVideo):
                yield report.video
            elif isinstance(report, wire.FoundRequest):
                yield report.request

    def fetch(self, video: Video, folder: Path, ctx: Context) -> FetchResult:
        """See Fetcher."""
        hosts, options = self._of(video.variant)
        process = self._processes.start(wire.Fetch(video, folder.absolute(), hosts, options))
        for report in process.reports(ctx.cancel, Pace(options.rate_limit)):
            if isinstance(report, wire.Progress):
                ctx.progress(report.done, report.total)
            elif isinstance(report, wire.Growing):
                ctx.growing(Growing(folder / report.name, report.video, report.extension, report.media_type))
            elif isinstance(report, wire.Fetched):
                return report.result
        raise FetchError(Failure(Kind.BUG, "the fetch process ended without a result"))

    def estimate(self, video: Video, ctx: Context) -> Estimate:
        """See SupportsEstimate. The length of a file is asked for where neither the page nor its look at it told it."""
        process = self._processes.start(wire.Inquire(video, *self._of(video.variant)))
        for report in process.reports(ctx.cancel, Pace()):
            if isinstance(report, wire.Estimated):
                return report.estimate
        raise FetchError(Failure(Kind.BUG, "the fetch process ended without an estimate"))

    def measure(self, path: Path, announced: float | None, ctx: Context) -> MediaFacts:
        """See SupportsMeasuring. In a process of its own, which reads every packet."""
        process = self._processes.start(wire.Measure(path.absolute(), announced))
        for report in process.reports(ctx.cancel, Pace()):
            if isinstance(report, wire.Measured):
                return report.facts
        raise FetchError(Failure(Kind.BUG, "the fetch process ended without a measurement"))

    def identify(self, source: str, video_id: str, url: str, variant: str) -> Video | None:
        """See SupportsIdentity."""
        return identity.identify(source, video_id, url, variant)

    def is_id(self, source: str, video_id: str) -> bool:
        """See SupportsIdentity."""
        return identity.is_id(source, video_id)

    def _of(self, variant: str) -> tuple[tuple[str, ...], YtDlpOptions]:
        """What the address guard lets through for a variant, and its options."""
        if variant not in self._options:
            raise FetchError(Failure(Kind.UNAVAILABLE, f"the config has no variant {variant!r} any more"))
        options = self._options[variant]
        proxy = urlsplit(options.proxy).hostname
        return (*self._private_hosts, proxy) if proxy else self._private_hosts, options

    def examine(self) -> Iterable[Finding]:
        """See SupportsExamination: yt-dlp, FFmpeg, a JavaScript runtime, and what a proxy means."""
        from haulage_ytdlp.examine import examine  # only `haulage doctor` needs it

        yield from examine()
        if any(options.proxy for options in self._options.values()):
            said = "it connects in haulage's place, past the address guard"
            yield Finding("proxy", "warning", said, "let it refuse internal addresses by itself")

    def close(self) -> None:
        """See Fetcher."""
        self._processes.close()
