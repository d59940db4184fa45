"""The laws of a fetcher, held at a web site on this machine."""

import hashlib
import os
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import ClassVar

import pytest

from haulage.cancel import Cancelled
from haulage.contracts.context import BuildContext
from haulage.contracts.fetcher import Fetcher
from haulage.errors import FetchError, Kind
from haulage.registry.components import FetcherComponent
from haulage.testing.call import Call
from haulage.testing.conformance.bench import Bench
from haulage.testing.conformance.component import ComponentTests
from haulage.testing.conformance.content import shown
from haulage.testing.conformance.fetcher_estimates import TOKEN, EstimateLaws, video_of
from haulage.testing.conformance.fetcher_imports import ImportLaws
from haulage.testing.conformance.law import law, refused
from haulage.testing.site import LoopbackSite
from haulage.values import FetchResult, Request, Video

_CANCEL = 5.0
_GRACE = 10.0  # of a machine that is busy; what is not cancelled goes on for longer
_PATIENCE = 30.0


class FetcherTests(EstimateLaws, ImportLaws, ComponentTests):
    """The laws of a fetcher. A class of one's own has a fixture `config`: what stands under `fetcher:`.

    They are held at a `haulage.testing.LoopbackSite`; a fetcher for one site alone gives URLs of its own by fixtures,
    `video_url`, `list_url`, `stalled_url`, `changing` and `failing`, each of which may be None or empty for none.

    Attributes:
        direct: Whether what is fetched from `video_url` is byte by byte what is served there.
    """

    kind = FetcherComponent
    direct: ClassVar[bool] = True
    open_to_authors = ComponentTests.open_to_authors | {
        "direct", "video_url", "list_url", "stalled_url", "changing", "failing",
    }  # fmt: skip

    @pytest.fixture(scope="class")
    @classmethod
    def site(cls) -> Iterator[LoopbackSite]:
        """A web site."""
        with LoopbackSite() as site:
            yield site

    @pytest.fixture
    def video_url(self, site: LoopbackSite) -> str:
        """The URL of a video that can be fetched."""
        return site.url("/clip.mp4")

    @pytest.fixture
    def list_url(self, site: LoopbackSite) -> str | None:
        """The URL of a list with at least two entries."""
        return site.url("/feed.xml")

    @pytest.fixture
    def stalled_url(self, site: LoopbackSite) -> str | None:
        """The URL of a video that never comes to its end."""
        return site.url("/stall/clip.mp4")

    @pytest.fixture
    def changing(self) -> str | None:
        """The path of a video at the site whose first download is cut, and which `site.change` then changes."""
        return "/cut-first/3/40/clip.mp4"

    @pytest.fixture
    def failing(self, site: LoopbackSite) -> Mapping[str, frozenset[Kind]]:
        """URLs that cannot be fetched, and the kinds of failure that fit."""
        return {
            site.url("/404/clip.mp4"): frozenset({Kind.UNAVAILABLE}),
            site.url("/429/60/clip.mp4"): frozenset({Kind.RATE_LIMITED}),
            site.url("/html/clip.mp4"): frozenset({Kind.INVALID, Kind.UNAVAILABLE}),
            site.url("/short/clip.mp4"): frozenset({Kind.TRANSIENT, Kind.INVALID}),
        }

    @pytest.fixture
    def fetcher(self, bench: Bench[FetcherComponent]) -> Iterator[Fetcher]:
        """The fetcher, which may reach this machine."""
        fetcher = _build(bench)
        yield fetcher
        fetcher.close()

    @law
    def test_a_site_is_named_from_the_url_alone(
        self, fetcher: Fetcher, site: LoopbackSite, video_url: str, list_url: str | None
    ) -> None:
        """At once, without any request, the same each time, and for hosts that are not there."""
        urls = [video_url, *([list_url] if list_url else []), "https://no.invalid/watch?v=1", "https://no.invalid/2"]
        before = len(site.requests)
        names = [fetcher.site(url) for url in urls]
        took = min(_seconds(fetcher, urls) for _ in range(5))
        assert len(site.requests) == before, "a site was asked only to be named"
        assert took < 0.02, f"naming a site takes {took / len(urls) * 1000:.1f} ms"
        assert all(names), "a site without a name"
        assert [fetcher.site(url) for url in urls] == names, "a site is named otherwise when asked again"

    @law
    def test_a_video_is_expanded_to_itself(self, fetcher: Fetcher, video_url: str) -> None:
        """A URL that is one video gives that one, with an identity that stays."""
        first, again = (list(fetcher.expand(Request(video_url), Call())) for _ in range(2))
        assert len(first) == 1, f"a URL of one video gave {len(first)} entries"
        [video] = first
        assert isinstance(video, Video), "a URL of one video gave another URL"
        assert video.source, "a video without a source"
        assert video.id, "a video without an id"
        assert [(each.source, each.id) for each in again if isinstance(each, Video)] == [(video.source, video.id)], (
            "a video has another identity when asked again"
        )

    @law
    def test_a_list_is_expanded_lazily(self, fetcher: Fetcher, list_url: str | None) -> None:
        """Entries come one by one, and closing the iterator early ends the work."""
        if list_url is None:
            return
        entries = fetcher.expand(Request(list_url), Call())
        assert not isinstance(entries, list | tuple), "a list is read as a whole before its first entry is given"
        first = list(islice(entries, 1))
        assert len(first) == 1, "a list gave no entry"
        began = time.monotonic()
        getattr(entries, "close", lambda: None)()
        assert time.monotonic() - began < _CANCEL, "closing a list takes long"
        assert len(list(fetcher.expand(Request(list_url), Call()))) >= 2, "a list lost its entries"

    @law
    def test_a_fetch_returns_whole_checked_files(self, fetcher: Fetcher, video_url: str, tmp_path: Path) -> None:
        """Main file first, each below the folder, closed, and as large and with the digest that is told."""
        call = Call()
        result = _fetch(fetcher, video_url, tmp_path, call)
        roles = [file.role for file in result.files]
        assert roles[0] == "video", f"the main file does not come first: {roles}"
        assert len(set(roles)) == len(roles), f"two files have one role: {roles}"
        for file in result.files:
            assert file.path.is_relative_to(tmp_path), "a file lies outside of the folder"
            data = file.path.read_bytes()
            assert len(data) == file.size, f"the file of the role {file.role} has another size than is told"
            assert hashlib.sha256(data).hexdigest() == file.sha256, f"the digest of {file.role} is not that of its file"
            assert file.extension, "a file without an extension"
            assert "/" in file.media_type, f"no media type: {file.media_type!r}"
        if self.direct:
            # Shown in few words: where CI is set, pytest would look for the differences of the bytes for minutes.
            fetched = shown(result.files[0].path.read_bytes())
            assert fetched == shown(_served(video_url)), "other bytes were fetched than are served"
        assert result.video.title or result.video.id, "a video that was fetched has no name"
        assert call.told, "a fetch tells no progress"

    @law
    def test_what_cannot_be_fetched_is_told_by_its_kind(
        self, fetcher: Fetcher, failing: Mapping[str, frozenset[Kind]], tmp_path: Path
    ) -> None:
        """A failure is a FetchError of a kind that fits, on one line, without what signs the URL."""
        for number, (url, kinds) in enumerate(failing.items()):
            folder = tmp_path / str(number)
            folder.mkdir()
            with refused(f"a fetch of {url} went through", FetchError) as raised:
                _fetch(fetcher, f"{url}?token={TOKEN}", folder, Call())
            failure = raised[0].failure  # type: ignore[attr-defined]
            assert failure.kind in kinds, f"{url} failed as {failure.kind}: {failure}"
            assert TOKEN not in f"{failure} {raised[0]!r}", "a failure shows what signs the URL"

    @law
    def test_a_cancel_ends_a_fetch_and_its_processes(
        self, fetcher: Fetcher, stalled_url: str | None, video_url: str, tmp_path: Path
    ) -> None:
        """Within 5 seconds the call raises Cancelled, and no process is left that was not there before."""
        if stalled_url is None:
            return
        warm, folder = tmp_path / "warm", tmp_path / "cancelled"
        warm.mkdir()
        folder.mkdir()
        _fetch(fetcher, video_url, warm, Call())
        before = _descendants()
        call, ended = Call(), threading.Event()
        raised: list[BaseException] = []

        def work() -> None:
            try:
                _fetch(fetcher, stalled_url, folder, call)
            except BaseException as error:
                raised.append(error)
            ended.set()

        threading.Thread(target=work, daemon=True).start()
        until = time.monotonic() + _PATIENCE
        while not ended.is_set() and time.monotonic() < until and not any(done for done, _ in call.told):
            time.sleep(0.02)
        call.cancel.cancel("law")
        assert ended.wait(_CANCEL + _GRACE), "a fetch goes on 5 seconds after its cancel"
        assert raised, "a fetch that was cancelled returned"
        assert isinstance(raised[0], Cancelled), f"a fetch that was cancelled raised {raised[0]!r}"
        until = time.monotonic() + _GRACE
        while (left := _descendants() - before) and time.monotonic() < until:
            time.sleep(0.05)
        assert not left, "a fetch that was cancelled left a process behind"

    @law
    def test_a_fetch_that_was_cancelled_before_never_begins(
        self, fetcher: Fetcher, video_url: str, tmp_path: Path
    ) -> None:
        """It raises Cancelled instead of downloading all the same."""
        call = Call()
        call.cancel.cancel("law")
        video = video_of(fetcher, video_url)
        with refused("a fetch that was cancelled went through", Cancelled):
            fetcher.fetch(video, tmp_path, call)

    @law
    def test_a_resume_never_splices(
        self, fetcher: Fetcher, site: LoopbackSite, changing: str | None, tmp_path: Path
    ) -> None:
        """What was begun of one content is not gone on with in another one."""
        if changing is None:
            return
        url = site.url(changing)
        video = video_of(fetcher, url)
        for _ in range(6):
            try:
                result = fetcher.fetch(video, tmp_path, Call())
                break
            except FetchError:
                site.change(changing)
        else:
            raise AssertionError("a video whose connection was cut is never fetched")
        fetched = shown(result.files[0].path.read_bytes())
        assert fetched == shown(_served(url)), "a download went on in other content than it began"

    @law
    def test_many_threads_may_fetch(self, fetcher: Fetcher, video_url: str, tmp_path: Path) -> None:
        """One instance serves many threads, each in a folder of its own."""
        told: list[object] = []

        def work(folder: Path) -> None:
            try:
                told.append(_fetch(fetcher, video_url, folder, Call()).files[0].sha256)
            except BaseException as error:
                told.append(error)

        threads = []
        for number in range(3):
            folder = tmp_path / str(number)
            folder.mkdir()
            threads.append(threading.Thread(target=work, args=(folder,), daemon=True))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(2 * _PATIENCE)
        assert len(told) == len(threads), "a fetch beside others does not end"
        assert len(set(map(repr, told))) == 1, f"fetches of one video beside each other differ: {told}"
        assert isinstance(told[0], str), f"fetches beside each other fail: {told}"

    @law
    def test_closing_twice_is_harmless(self, bench: Bench[FetcherComponent]) -> None:
        """A fetcher may be closed again."""
        fetcher = _build(bench)
        fetcher.close()
        fetcher.close()


def _build(bench: Bench[FetcherComponent]) -> Fetcher:
    context = BuildContext("checked", bench.folder, dict(os.environ), private_hosts=("127.0.0.1",))
    fetcher: Fetcher = bench.record.build(bench.options, context)
    return fetcher


def _seconds(fetcher: Fetcher, urls: list[str]) -> float:
    began = time.perf_counter()
    for url in urls:
        fetcher.site(url)
    return time.perf_counter() - began


def _fetch(fetcher: Fetcher, url: str, folder: Path, call: Call) -> FetchResult:
    return fetcher.fetch(video_of(fetcher, url), folder, call)


def _served(url: str) -> bytes:
    with urllib.request.urlopen(url) as reply:  # noqa: S310 - of our own site
        data: bytes = reply.read()
    return data


def _descendants() -> frozenset[int]:
    """The processes that come of this one, without those that have ended and wait to be told of."""
    with subprocess.Popen(["ps", "-A", "-o", "pid=,ppid=,stat="], stdout=subprocess.PIPE, text=True) as asking:  # noqa: S607
        table, _ = asking.communicate()
    parents = {int(pid): int(parent) for pid, parent, state in map(str.split, table.splitlines()) if state[0] != "Z"}
    found, before = {os.getpid()}, set[int]()
    while found != before:
        before = found
        found = found | {pid for pid, parent in parents.items() if parent in found}
    return frozenset(found - {asking.pid})
