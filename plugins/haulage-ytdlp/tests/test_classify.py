"""What goes wrong, in yt-dlp's own exceptions and words, and what it is called."""

import errno
import io
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yt_dlp
from yt_dlp.networking import Response
from yt_dlp.networking.exceptions import (
    CertificateVerifyError,
    HTTPError,
    IncompleteRead,
    NoSupportingHandlers,
    ProxyError,
    RequestError,
    TransportError,
)
from yt_dlp.postprocessor.ffmpeg import FFmpegPostProcessorError
from yt_dlp.utils import (
    ContentTooShortError,
    DownloadError,
    ExtractorError,
    GeoRestrictedError,
    PostProcessingError,
    UnavailableVideoError,
    UnsupportedError,
)
from yt_dlp_words import SAID, Said

from haulage.plugin import Kind
from haulage_ytdlp.child import classify, guard


@pytest.fixture(autouse=True)
def refusals(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the guard refused in this test: nothing, unless the test says so."""
    fresh: list[Any] = []
    monkeypatch.setattr(guard, "refusals", fresh)
    return fresh


def _download_error(text: str) -> DownloadError:
    """As YoutubeDL raises it when the cause is lost."""
    return DownloadError(f"ERROR: [generic] clip: {text}")


def _extractor_error(text: str) -> DownloadError:
    """As YoutubeDL raises it for an error of an extractor."""
    try:
        try:
            raise ExtractorError(text, expected=True, video_id="clip", ie="Generic")
        except ExtractorError as error:
            raise DownloadError(f"ERROR: {error}", (type(error), error, error.__traceback__)) from error
    except DownloadError as error:
        return error


class TestMessages:
    @pytest.mark.parametrize("said", SAID, ids=lambda said: said.text[:60])
    def test_kind(self, said: Said) -> None:
        """Each message has its kind, whether or not the exception behind it survived."""
        assert classify.classify(_download_error(said.text)).kind is said.kind
        assert classify.classify(_extractor_error(said.text)).kind is said.kind
        assert classify.classify(ExtractorError(said.text, expected=True)).kind is said.kind

    @pytest.mark.parametrize("said", [each for each in SAID if each.module], ids=lambda said: said.text[:60])
    def test_words_of_yt_dlp(self, said: Said) -> None:
        """The words are still those of the yt-dlp that is installed."""
        source = (Path(yt_dlp.__file__).parent / said.module).read_text(encoding="utf-8")
        wording = said.words or said.text
        assert wording in source.replace("\\'", "'"), f"yt-dlp says it otherwise in {said.module} now"

    def test_every_pattern_has_one(self) -> None:
        """No alternative of the table goes without a message that it is the first to match."""
        for pattern in classify.PATTERNS:
            rows = classify.PATTERNS[: classify.PATTERNS.index(pattern)]
            mine = [one for one in SAID if not any(row.text.search(one.text) for row in rows)]
            for alternative in pattern.text.pattern.split("|"):
                matching = [one for one in mine if re.search(alternative, one.text, re.IGNORECASE)]
                assert matching, f"no message for {alternative!r}"
                assert {one.kind for one in matching} == {pattern.kind}

    def test_rate_limit_that_begins_like_the_end(self) -> None:
        """The rate limit that begins with "Video unavailable" is waited for, and the video not given up."""
        (limit,) = [one.text for one in SAID if one.text.startswith("Video unavailable") and "by YouTube" in one.text]
        assert classify.classify(_extractor_error(limit)).kind is Kind.RATE_LIMITED
        assert classify.classify(_extractor_error("Video unavailable")).kind is Kind.UNAVAILABLE

    def test_cure(self) -> None:
        """What a person can do is said where there is something."""
        assert classify.classify(_extractor_error("Sign in to confirm you\u2019re not a bot")).cure
        assert classify.classify(_extractor_error("ffmpeg not found. Please install")).cure == "install FFmpeg"

    def test_unknown_words(self) -> None:
        """What an extractor says in words that nobody knows is `unavailable`: it says so of this video."""
        assert classify.classify(_extractor_error("The moon is full")).kind is Kind.UNAVAILABLE

    def test_prefixes(self) -> None:
        """The message is what was said, without yt-dlp's prefixes and its request for a report."""
        error = ExtractorError("The moon is full", video_id="x1", ie="Moon")
        assert "please report this issue" in str(error)
        assert classify.classify(error).message == "The moon is full"
        assert classify.classify(_download_error("The moon is full")).message == "The moon is full"

    def test_one_line(self) -> None:
        """The message is one line of bounded length."""
        message = classify.classify(_download_error("a\nb\r\nc " + "d" * 5000)).message
        assert message.startswith("a b c d")
        assert len(message) <= 500

    @pytest.mark.parametrize(
        "url",
        [
            "https://cdn.example/v.mp4?token=geheim&v=1",
            "https://cdn.example/v.mp4?X-Amz-Signature=geheim&v=1",
            "https://user:geheim@cdn.example/v.mp4?v=1",
            "https://cdn.example/v.mp4?v=1#access_token=geheim",
        ],
    )
    def test_redaction(self, url: str) -> None:
        """A URL in a message keeps its place and loses what gives access."""
        errors = (
            _download_error(f"Unable to open {url} today"),
            ExtractorError(f"Unable to open {url} today"),
            UnsupportedError(url),
            TransportError(f"Unable to open {url} today"),
            CertificateVerifyError(f"Unable to open {url} today"),
            ValueError(f"Unable to open {url} today"),
        )
        for error in errors:
            message = classify.classify(error).message
            assert "geheim" not in message
            assert "https://cdn.example/v.mp4?v=1" in message


def _http_error(status: int, **headers: str) -> HTTPError:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HTTPError(Response(io.BytesIO(b""), "https://example.org/", named, status, "Reason"))


STATUSES = {
    400: Kind.UNAVAILABLE,
    401: Kind.AUTH,
    403: Kind.UNAVAILABLE,
    404: Kind.UNAVAILABLE,
    408: Kind.TRANSIENT,
    410: Kind.UNAVAILABLE,
    425: Kind.TRANSIENT,
    429: Kind.RATE_LIMITED,
    451: Kind.GEO,
    500: Kind.TRANSIENT,
    502: Kind.TRANSIENT,
    503: Kind.TRANSIENT,
    504: Kind.TRANSIENT,
}


class TestStatus:
    @pytest.mark.parametrize(("status", "kind"), STATUSES.items())
    def test_kind(self, status: int, kind: Kind) -> None:
        """Each status of HTTP has its kind, however deep yt-dlp has wrapped it."""
        error = _http_error(status)
        extractor = ExtractorError("Unable to download webpage", cause=error)
        for each in (error, extractor, DownloadError("ERROR: x", (type(extractor), extractor, None))):
            failure = classify.classify(each)
            assert failure.kind is kind
            assert failure.message == f"HTTP {status} Reason"

    def test_every_status_has_one(self) -> None:
        """No status of the table goes untested."""
        assert set(classify._STATUSES) <= set(STATUSES)

    @pytest.mark.parametrize(
        ("header", "wait"),
        [
            ("0", timedelta(0)),
            ("120", timedelta(minutes=2)),
            (" 7 ", timedelta(seconds=7)),
            ("Wed, 21 Oct 2015 07:28:00 GMT", timedelta(0)),
            ("Sunday, 06-Nov-94 08:49:37 GMT", timedelta(0)),
            ("Sun Nov  6 08:49:37 1994", timedelta(0)),
            ("-5", None),
            ("1.5", None),
            ("soon", None),
            ("", None),
        ],
    )
    def test_retry_after(self, header: str, wait: timedelta | None) -> None:
        """Retry-After is seconds or a date, never negative; anything else says nothing."""
        assert classify.classify(_http_error(429, Retry_After=header)).retry_after == wait

    @pytest.mark.parametrize("form", ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"])
    def test_retry_after_date(self, form: str) -> None:
        """A date that lies ahead is as far away as it is, in each form that HTTP has (RFC 9110 section 5.6.7)."""
        header = (datetime.now(UTC) + timedelta(seconds=90)).strftime(form)
        wait = classify.classify(_http_error(503, retry_after=header)).retry_after
        assert wait is not None
        assert timedelta(seconds=80) < wait <= timedelta(seconds=90)

    def test_retry_after_of_a_thousand_years(self) -> None:
        """A number that no clock holds does not fail."""
        assert classify.classify(_http_error(429, Retry_After="9" * 400)).retry_after == timedelta(seconds=999_999_999)


def _with_context(error: BaseException, context: BaseException) -> BaseException:
    error.__context__ = context
    return error


class TestTypes:
    @pytest.mark.parametrize(
        ("error", "kind"),
        [
            (GeoRestrictedError("not here", countries=["DE"]), Kind.GEO),
            (UnsupportedError("https://example.org/"), Kind.UNAVAILABLE),
            (ContentTooShortError(60, 100), Kind.TRANSIENT),
            (IncompleteRead(60, 40), Kind.TRANSIENT),
            (CertificateVerifyError("certificate verify failed"), Kind.ENVIRONMENT),
            (ProxyError("no proxy"), Kind.ENVIRONMENT),
            (TransportError("[Errno 111] Connection refused"), Kind.TRANSIENT),
            (TransportError("Failed to resolve 'example.org'"), Kind.TRANSIENT),
            (TransportError(cause=TimeoutError("timed out")), Kind.TRANSIENT),
            (RequestError("file:// URLs are disabled by default in yt-dlp for security reasons."), Kind.UNAVAILABLE),
            (NoSupportingHandlers([], []), Kind.UNAVAILABLE),
            (OSError(errno.ENOSPC, "No space left on device"), Kind.NO_SPACE),
            (OSError(errno.EDQUOT, "Disk quota exceeded"), Kind.NO_SPACE),
            (
                _with_context(UnavailableVideoError("x"), OSError(errno.ENOSPC, "No space left on device")),
                Kind.NO_SPACE,
            ),
            (PostProcessingError("ffprobe not found. Please install or provide the path"), Kind.ENVIRONMENT),
            (FFmpegPostProcessorError("Error writing trailer: No space left on device"), Kind.NO_SPACE),
            (FFmpegPostProcessorError("Invalid data found when processing input"), Kind.INVALID),
            (RecursionError("maximum recursion depth exceeded"), Kind.UNAVAILABLE),
            (MemoryError(), Kind.UNAVAILABLE),
            (ValueError("oops"), Kind.BUG),
            (KeyError("oops"), Kind.BUG),
        ],
        ids=repr,
    )
    def test_kind(self, error: BaseException, kind: Kind) -> None:
        """Each type of exception has its kind, bare and inside of yt-dlp's own."""
        assert classify.classify(error).kind is kind
        if kind is not Kind.BUG:
            wrapped = DownloadError(f"ERROR: {error}", (type(error), error, None))
            assert classify.classify(wrapped).kind is kind

    def test_bug_has_its_name(self) -> None:
        """What is a bug is named by its type."""
        assert classify.classify(ZeroDivisionError("oops")).message == "ZeroDivisionError: oops"

    def test_how_much_was_there(self) -> None:
        """A cut is described by what came and what was announced, also where only the words are left."""
        words = "the connection ended after 60 of 100 bytes"
        assert classify.classify(ContentTooShortError(60, 100)).message == words
        lost = classify.classify(DownloadError("ERROR: \r[download] Got error: 60 bytes read, 40 more expected"))
        assert (lost.kind, lost.message) == (Kind.TRANSIENT, words)
        chunks = classify.classify(DownloadError("ERROR: \r[download] Got error: 60 bytes read"))
        assert (chunks.kind, chunks.message) == (Kind.TRANSIENT, "the connection ended before the end of the file")

    def test_loop_of_causes(self) -> None:
        """Exceptions that cause each other do not hold it up."""
        one, other = ValueError("one"), ValueError("other")
        one.__cause__, other.__cause__ = other, one
        assert classify.classify(one).kind is Kind.BUG


class TestLostCause:
    def test_network(self) -> None:
        """Where yt-dlp gave up and dropped the cause, the last error of the network is it."""
        lost = DownloadError("ERROR: \r[download] Got error: HTTP Error 429: Too Many Requests")
        failure = classify.classify(lost, _http_error(429, Retry_After="5"))
        assert (failure.kind, failure.retry_after) == (Kind.RATE_LIMITED, timedelta(seconds=5))

    def test_other_trouble(self) -> None:
        """An error of the network that was got over does not explain what happened later."""
        assert classify.classify(_download_error("This video is DRM protected"), _http_error(503)).kind is (
            Kind.UNAVAILABLE
        )


class TestRefusals:
    def test_address(self, refusals: list[Any]) -> None:
        """Where the guard refused an address, that is why, whatever was made of it on the way."""
        refusals.append(guard.AddressRefused("10.0.0.1 is an internal address"))
        failure = classify.classify(_download_error("Unable to download webpage"))
        assert (failure.kind, failure.message) == (Kind.UNAVAILABLE, "10.0.0.1 is an internal address")
        assert "private_hosts" in failure.cure

    def test_program(self, refusals: list[Any]) -> None:
        """Where the guard refused a program, this machine cannot have the video."""
        refusals.append(guard.ProgramRefused("mplayer may not be started"))
        assert classify.classify(_download_error("mplayer exited with code 1")).kind is Kind.ENVIRONMENT

    def test_server_that_answered(self, refusals: list[Any]) -> None:
        """A refusal that was got over does not explain what a server answered later."""
        refusals.append(guard.AddressRefused("::1 is an internal address"))
        assert classify.classify(_http_error(404)).message == "HTTP 404 Reason"
        lost = DownloadError("ERROR: \r[download] Got error: HTTP Error 503: Reason")
        assert classify.classify(lost, _http_error(503)).kind is Kind.TRANSIENT
