"""The loopback site: a real web site on 127.0.0.1 with media of its own, which misbehaves on demand."""

import contextlib
import hashlib
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from email.utils import format_datetime
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Final, Self
from urllib.parse import quote, unquote, urlsplit

from haulage.errors import HaulageError
from haulage.testing.media import MEDIA_TYPES, Recipe, make
from haulage.testing.misbehaviour import answer
from haulage.testing.pages import PAGES, PUBLISHED
from haulage.testing.replies import Ask, Medium, NotServed, Reply, refusal
from haulage.testing.requests import RequestLog, Served
from haulage.testing.server import Server
from haulage.testing.streams import STREAMS

CLIPS: Final = (
    Recipe("clip"),
    Recipe("second", duration=3, width=426, height=240, hue=90),
    Recipe("third", duration=2, width=320, height=180, hue=180),
)
"""What a site serves unless it is told otherwise."""


class LoopbackSite:
    """A web site for tests, demos and benchmarks; it serves inside its `with` block, which is entered once.

    Media lie at `/clip.mp4`, and behind each behaviour of `haulage.testing.misbehaviour`: `/short/clip.mp4`.
    Beside them lie streams, `/hls/master.m3u8` and `/dash/manifest.mpd`, and pages: `/page.html` shows the first of the
    recipes' videos, `/videos.html` and `/feed.xml` all of them.
    All is made, with ffmpeg, when it is first needed, into a temporary folder that goes with the site.
    Leaving the block ends every connection, in the middle of a reply too. Safe to use from many threads.

    Attributes:
        recipes: What the media are made of, by file name.
    """

    def __init__(self, recipes: Iterable[Recipe] = CLIPS) -> None:
        self.recipes: Mapping[str, Recipe] = MappingProxyType({one.file_name: one for one in recipes})
        self._log = RequestLog()
        self._media: dict[tuple[str, bool], Medium] = {}
        self._making = threading.Lock()
        self._visits: dict[str, tuple[int, float]] = {}
        self._changed: frozenset[str] = frozenset()
        self._visiting = threading.Lock()
        self._refusal: Reply | None = None
        self._server: Server | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="haulage-site-")
        self._server = Server(self._respond, self._log)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._server is not None
        assert self._folder is not None
        self._server.stop()
        self._folder.cleanup()

    def url(self, path: str) -> str:
        """The URL of a path of this site."""
        assert self._server is not None, "the site serves inside its with block"
        return f"http://127.0.0.1:{self._server.port}/{path.removeprefix('/')}"

    def redirect(self, target: str) -> str:
        """The URL of this site that redirects to another URL, or to a path of this site (with its slash)."""
        return self.url(f"/redirect/{quote(target, safe='')}")

    @property
    def requests(self) -> tuple[Served, ...]:
        """All requests, oldest first, those under way among them.

        Once a client has read a byte of a reply it is counted here, and once it has read the end, so is that.
        """
        return self._log.entries()

    def log(self, path: str) -> tuple[Served, ...]:
        """The requests for exactly this path, or URL of this site."""
        wanted = urlsplit(path)
        target = f"{wanted.path}?{wanted.query}" if wanted.query else wanted.path
        return tuple(one for one in self.requests if one.path == target)

    def wait_for(self, condition: Callable[[tuple[Served, ...]], bool], timeout: float = 60) -> tuple[Served, ...]:
        """Wait until the requests fulfil a condition, and return them.

        Raises:
            TimeoutError: They did not within `timeout` seconds.
        """
        return self._log.wait_for(condition, timeout)

    def clear(self) -> None:
        """Forget the requests that have ended. What behaviours count, as 503-twice does, is not forgotten."""
        self._log.forget_ended()

    def change(self, path: str) -> None:
        """Put the video of `Recipe.changed` behind a path, or URL of this site; once more puts the first one back.

        A reply that is under way goes on as it began.

        Raises:
            KeyError: The path does not end with the file name of a recipe.
        """
        path = urlsplit(path).path
        self.recipes[unquote(path.rpartition("/")[2])]
        with self._visiting:
            self._changed ^= {path}

    @contextlib.contextmanager
    def refusing(self, status: int, *, retry_after: int | None = None) -> Iterator[None]:
        """Answer with this status to whatever comes while the block runs; what is under way goes on.

        Args:
            status: Of HTTP, 429 for one.
            retry_after: Seconds, for the header of this name; None for none.
        """
        headers = () if retry_after is None else (("Retry-After", str(retry_after)),)
        self._refusal = refusal(status, headers=headers)
        try:
            yield
        finally:
            self._refusal = None

    def file(self, name: str) -> Path:
        """The local file of a medium, as `medium` finds it; it is there until the site ends."""
        return self.medium(name).path

    def medium(self, name: str, *, changed: bool = False) -> Medium:
        """What the site serves under a name, `clip.mp4`, `hls/360p-000.ts` or `page.html`; made if need be.

        Raises:
            KeyError: There is nothing of this name, or nothing that it changes to.
            HaulageError: It could not be made.
        """
        with self._making:
            if (name, changed) not in self._media:
                self._make(name, changed)
            return self._media[name, changed]

    def _make(self, name: str, changed: bool) -> None:
        assert self._folder is not None, "the site serves inside its with block"
        folder = Path(self._folder.name)
        stream = name.partition("/")[0]
        if changed:
            (folder / "changed").mkdir(exist_ok=True)
            self._add(name, make(self.recipes[name].changed(), folder / "changed"), changed=True)
        elif name in self.recipes:
            self._add(name, make(self.recipes[name], folder))
        elif name in PAGES and self.recipes:
            path = folder / name
            videos = {self.url(quote(each)): recipe for each, recipe in self.recipes.items()}
            path.write_text(PAGES[name](videos), encoding="utf-8")
            self._add(name, path)
        elif stream in STREAMS and not any(each.startswith(f"{stream}/") for each, _ in self._media):
            (folder / stream).mkdir(exist_ok=True)
            STREAMS[stream](folder / stream)
            for path in (folder / stream).iterdir():
                self._add(f"{stream}/{path.name}", path)

    def _add(self, name: str, path: Path, *, changed: bool = False) -> None:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        modified = format_datetime(PUBLISHED + timedelta(days=1) if changed else PUBLISHED, usegmt=True)
        media_type = MEDIA_TYPES[path.suffix.removeprefix(".")]
        self._media[name, changed] = Medium(path, path.stat().st_size, digest, media_type, modified)

    def _medium(self, changed: bool, name: str) -> Medium:
        try:
            return self.medium(name, changed=changed)
        except KeyError:
            raise NotServed from None

    def _respond(self, method: str, target: str, headers: Mapping[str, str]) -> Reply:
        if answered := self._refusal:
            return answered
        now = time.monotonic()
        path = target.partition("?")[0]
        with self._visiting:
            earlier, first = self._visits.get(path, (0, now))
            self._visits[path] = (earlier + 1, first)
            media = partial(self._medium, path in self._changed)
        try:
            return answer(Ask(method, path, headers, earlier, now - first, media))
        except (HaulageError, ValueError) as error:
            return refusal(500, str(error))
