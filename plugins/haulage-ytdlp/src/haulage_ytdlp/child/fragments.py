"""Go on with a download in fragments that was cancelled, if it is still the same stream; otherwise begin anew.

yt-dlp appends one fragment after the other to `name.part`. A process that is killed may leave half a fragment there, or
one that yt-dlp's own note does not count. So how far it is, is written down only by a process that is asked to end, and
the note is gone before anything is appended again. Going on begins with the last fragment that is there: the list of
fragments must name it at the same place, and its content must be what it was.
"""

import io
import json
import re
from pathlib import Path
from typing import Any, Self

from attrs import asdict, frozen
from yt_dlp.downloader.fragment import FragmentFD
from yt_dlp.networking import Request, Response

from haulage.plugin import Failure, FetchError, Kind, unsigned_url
from haulage_ytdlp.child.resume import Content, Send

_BINARY = re.compile(rb"[\0-\x08\x0e-\x1f]")
"""What no text has, and each container of media in its headers: MPEG-TS, MP4 and WebM, ID3 and ADTS before sound."""

_MOST_OF_NOTHING = 64
"""Bytes that an empty part may have where it is encrypted."""


class StreamChanged(Exception):
    """It is not the stream any more that was begun."""


@frozen
class Fragment:
    """A fragment that was appended.

    Attributes:
        number: Which one of the stream, from 1 on.
        url: Where it is from, without what only signs it.
        start: Its first byte in the file.
        end: The first byte behind it.
        content: What the server said of it; None where it is not stored as it was sent, or has no validator.
    """

    number: int
    url: str
    start: int
    end: int
    content: Content | None

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """Read a note; None where there is none, or no whole one."""
        try:
            noted = json.loads(path.read_text(encoding="utf-8"))
            return cls(**{**noted, "content": noted["content"] and Content(**noted["content"])})
        except (OSError, ValueError, TypeError, KeyError):
            return None


class Fragments:
    """One file that is downloaded in fragments.

    Args:
        name: Where yt-dlp will put it.
        medium: It is one, and no subtitles.
    """

    def __init__(self, name: str, *, medium: bool) -> None:
        self._medium = medium
        self._part = Path(f"{name}.part")
        self._note = Path(f"{name}.fragments.json")
        self._ended: list[Fragment] = []
        self._contents: dict[str, Content | None] = {}
        self._last = Fragment.read(self._note)
        self._held = b""
        self._note.unlink(missing_ok=True)
        for each in self._part.parent.glob(f"{self._part.name}-Frag*"):
            each.unlink()  # half a fragment, of which nobody knows whether it has changed since
        counted = Path(f"{name}.ytdl")
        if self._last is None or self._size() < self._last.end:
            self._last = None
            for each in (Path(name), self._part, counted):
                each.unlink(missing_ok=True)
            return
        with self._part.open("r+b") as part:
            part.seek(self._last.start)
            self._held = part.read(self._last.end - self._last.start)
            part.truncate(self._last.start)
        counted.write_text(json.dumps({"downloader": {"current_fragment": {"index": self._last.number - 1}}}))

    def open(self, request: Request, send: Send) -> Response:
        """Send a request; the fragment that is held already is not sent again where it can be told to be the same.

        Raises:
            StreamChanged: It is another one.
        """
        last = self._last
        if last is None or last.content is None or unsigned_url(request.url) != last.url:
            response = send(request)
            self._contents[request.url] = Content.of(response)
            return response
        headers = {**request.headers, "Range": "bytes=0-0", "If-Range": last.content.validator}
        with send(Request(request.url, headers=headers)) as response:
            if not last.content.is_still(Content.of(response)):
                raise StreamChanged
        self._contents[request.url] = last.content
        return Response(io.BytesIO(self._held), request.url, {"Content-Length": str(len(self._held))})

    def check(self, sent: bytes) -> None:
        """Refuse a page in place of a part of a medium: in the middle of the file, no player and no duration tells.

        Raises:
            FetchError: It is text.
        """
        encrypted = len(sent) <= _MOST_OF_NOTHING and len(sent) % 16 == 0  # by AES, and maybe by chance without
        if self._medium and not encrypted and not _BINARY.search(sent[:1024]):
            raise FetchError(Failure(Kind.INVALID, "a part of the stream is a page or a text, and no medium"))

    def append(self, fragment: dict[str, Any], content: bytes) -> None:
        """Hear what is about to be appended.

        Raises:
            StreamChanged: The first one is not what was the last one before.
        """
        url = Request(fragment["url"]).url
        if self._last is not None:
            if unsigned_url(url) != self._last.url or content != self._held:
                raise StreamChanged
            self._last, self._held = None, b""
        said = self._contents.pop(url, None)
        as_sent = not fragment.get("byte_range") and fragment.get("decrypt_info", {}).get("METHOD", "NONE") == "NONE"
        known = said if said and said.validator and as_sent else None
        start = self._size()
        now = Fragment(fragment["frag_index"], unsigned_url(url), start, start + len(content), known)
        self._ended = [*self._ended[-1:], now]

    def keep(self) -> None:
        """Write down how far it is, since this process ends: up to the last fragment that is there as a whole."""
        if self._last is not None:  # nothing came yet
            with self._part.open("ab") as part:
                part.write(self._held)
            self._ended = [self._last]
        for each in self._ended:
            if each.end <= self._size():
                self._note.write_text(json.dumps(asdict(each)), encoding="utf-8")

    def _size(self) -> int:
        return self._part.stat().st_size if self._part.is_file() else 0


_decrypter = FragmentFD.decrypter


def _observed(downloader: FragmentFD, info: dict[str, Any]) -> Any:
    """See FragmentFD.decrypter: what it returns is given each fragment once, right before that is appended."""
    decrypt = _decrypter(downloader, info)

    def observed(fragment: dict[str, Any], sent: bytes | None) -> bytes | None:
        fragments = downloader.ydl.fragments
        if sent is not None and fragments is not None:
            fragments.check(sent)
        content: bytes | None = decrypt(fragment, sent)
        if content is not None and fragments is not None:
            fragments.append(fragment, content)
        return content

    return observed


FragmentFD.decrypter = _observed
