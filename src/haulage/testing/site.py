"""The loopback site: a real web site on 127.0.0.1 with media of its own, which misbehaves on demand."""

import hashlib
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from email.utils import formatdate
from pathlib import Path
from types import MappingProxyType
from typing import Final, Self
from urllib.parse import quote, urlsplit

from haulage.errors import HaulageError
from haulage.testing.media import MEDIA_TYPES, Recipe, make
from haulage.testing.misbehaviour import Ask, Medium, NotServed, Reply, answer, refusal
from haulage.testing.requests import RequestLog, Served
from haulage.testing.server import Server

CLIPS: Final = (
    Recipe("clip"),
    Recipe("second", duration=3, width=426, height=240, hue=90),
    Recipe("third", duration=2, width=320, height=180, hue=180),
)
"""What a site serves unless it is told otherwise."""


class LoopbackSite:
    """A web site for tests, demos and benchmarks; it serves inside its `with` block, which is entered once.

    Media lie at `/clip.mp4`, and behind each behaviour of `haulage.testing.misbehaviour`: `/short/clip.mp4`.
    They are made with ffmpeg when they are first needed, into a temporary folder that goes with the site.
    Leaving the block ends every connection, in the middle of a reply too. Safe to use from many threads.

    Attributes:
        recipes: What the media are made of, by file name.
    """

    def __init__(self, recipes: Iterable[Recipe] = CLIPS) -> None:
        self.recipes: Mapping[str, Recipe] = MappingProxyType({one.file_name: one for one in recipes})
        self._log = RequestLog()
        self._media: dict[str, Medium] = {}
        self._making = threading.Lock()
        self._visits: dict[str, tuple[int, float]] = {}
        self._visiting = threading.Lock()
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

    def wait_for(self, condition: Callable[[tuple[Served, ...]], bool], timeout: float = 10) -> tuple[Served, ...]:
        """Wait until the requests fulfil a condition, and return them.

        Raises:
            TimeoutError: They did not within `timeout` seconds.
        """
        return self._log.wait_for(condition, timeout)

    def clear(self) -> None:
        """Forget the requests that have ended. What behaviours count, as 503-twice does, is not forgotten."""
        self._log.forget_ended()

    def file(self, name: str) -> Path:
        """The local file of a medium, made if need be; it is there until the site ends.

        Raises:
            KeyError: There is no recipe of this name.
            HaulageError: It could not be made.
        """
        return self._make(self.recipes[name]).path

    def _make(self, recipe: Recipe) -> Medium:
        assert self._folder is not None, "the site serves inside its with block"
        name = recipe.file_name
        with self._making:
            if name not in self._media:
                path = make(recipe, Path(self._folder.name))
                with path.open("rb") as file:
                    digest = hashlib.file_digest(file, "sha256").hexdigest()
                facts = path.stat()
                modified = formatdate(facts.st_mtime, usegmt=True)
                media_type = MEDIA_TYPES[recipe.container]
                self._media[name] = Medium(path, facts.st_size, media_type, f'"{digest[:32]}"', modified)
            return self._media[name]

    def _medium(self, name: str) -> Medium:
        if name not in self.recipes:
            raise NotServed
        return self._make(self.recipes[name])

    def _respond(self, method: str, target: str, headers: Mapping[str, str]) -> Reply:
        now = time.monotonic()
        path = target.partition("?")[0]
        with self._visiting:
            earlier, first = self._visits.get(path, (0, now))
            self._visits[path] = (earlier + 1, first)
        try:
            return answer(Ask(method, path, headers, earlier, now - first, self._medium))
        except (HaulageError, ValueError) as error:
            return refusal(500, str(error))
