"""Go on with the download of one file that was interrupted, if it is still the same content; otherwise begin anew.

yt-dlp appends to what lies in `name.part` whatever the server has now. So beside it stands what the server said of the
content when it was begun, and every request for the rest says which content is meant (If-Range, RFC 9110 section
13.1.5). What the answer says is checked too, since not every server heeds that.
"""

import json
from collections.abc import Callable
from datetime import timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Self

from attrs import asdict, field, frozen
from attrs.validators import instance_of, optional
from yt_dlp.downloader.http import HttpFD
from yt_dlp.networking import Request, Response
from yt_dlp.networking.exceptions import HTTPError, TransportError
from yt_dlp.utils import int_or_none, parse_http_range

Send = Callable[[Request], Response]

BUFFER = 1 << 18
"""Bytes that are read at once at most: what was read and not yet written is lost when this process is killed."""

_grown = HttpFD.best_block_size
HttpFD.best_block_size = staticmethod(lambda elapsed, size: min(_grown(elapsed, size), BUFFER))


@frozen
class Content:
    """What a server says of a content: enough to know it again.

    Attributes:
        size: In bytes.
        etag: Its entity tag, as the server writes it.
        modified: When it was modified last, as the server writes it, if nothing can have changed since unnoticed.
    """

    size: int = field(validator=instance_of(int))
    etag: str | None = field(validator=optional(instance_of(str)))
    modified: str | None = field(validator=optional(instance_of(str)))

    @classmethod
    def of(cls, response: Response) -> Self | None:
        """That of a response; None where it says too little."""
        headers = response.headers
        size = int_or_none(headers.get("Content-Length"))
        if response.status == 206:
            *_, size = parse_http_range(headers.get("Content-Range"))
        if size is None or headers.get("Content-Encoding"):
            return None
        return cls(size, headers.get("ETag"), _settled(headers.get("Last-Modified"), headers.get("Date")))

    @property
    def validator(self) -> str | None:
        """What names the content in a request for the rest of it; a weak entity tag may not."""
        return self.etag if self.etag and not self.etag.startswith("W/") else self.modified

    def is_still(self, other: "Content | None") -> bool:
        """Whether another one is the same, as far as can be told."""
        if other is None or (self.size, self.etag) != (other.size, other.etag):
            return False
        # Beside a strong entity tag, the date may be left out of an answer that is a part.
        left_out = self.validator == self.etag and None in (self.modified, other.modified)
        return left_out or self.modified == other.modified


def _settled(modified: str | None, now: str | None) -> str | None:
    """The date of a content, unless it may change again within the same second (RFC 9110 section 8.8.2.2)."""
    try:
        passed = parsedate_to_datetime(now or "") - parsedate_to_datetime(modified or "")
    except (ValueError, TypeError, OverflowError):
        return None
    return modified if passed >= timedelta(seconds=1) else None


class Direct:
    """One file that is downloaded by plain requests: one, or one after the other where a site wants it in pieces.

    Args:
        name: Where yt-dlp will put it.
    """

    def __init__(self, name: str) -> None:
        self._part = Path(f"{name}.part")
        self._note = Path(f"{name}.content.json")
        self._content = self._read()
        self._under_way = False
        if self._content is None:
            self._part.unlink(missing_ok=True)
        elif self._held() == self._content.size:
            self._part.rename(name)  # it is whole, and only its name was missing

    def open(self, request: Request, send: Send) -> Response:
        """Send a request for the content, or for the rest of it; the answer is never the rest of another one.

        Raises:
            TransportError: It has become another one between two pieces.
        """
        if self._under_way and self._content is None:
            return send(request)  # the server said too little of the pieces before to compare them
        response = None
        if self._under_way or self._held():
            response, is_rest = self._rest(request, send)
            if is_rest:
                return response
            if self._under_way:
                if response is not None:
                    response.close()
                self._begin(None)
                raise TransportError("the content changed while it was downloaded")
            request.headers.pop("Range", None)  # yt-dlp begins anew when it is given all instead of a part
        if response is None:
            response = send(request)
        self._begin(Content.of(response))
        self._under_way = True
        return response

    def forget(self) -> None:
        """Keep no note: the download is whole, or cannot be gone on with."""
        self._note.unlink(missing_ok=True)

    def _held(self) -> int:
        return self._part.stat().st_size if self._part.is_file() else 0

    def _rest(self, request: Request, send: Send) -> tuple[Response | None, bool]:
        """The rest of the content, or all that is there now; whether it is the rest."""
        assert self._content is not None
        start, *_ = parse_http_range(request.headers.get("Range"))
        if self._content.validator:
            request.headers["If-Range"] = self._content.validator
        try:
            response = send(request)
        except HTTPError as error:
            if error.status != 416:  # it is not as long any more
                raise
            error.close()
            return None, False
        finally:
            request.headers.pop("If-Range", None)
        if response.status != 206:
            return response, False
        first, *_ = parse_http_range(response.headers.get("Content-Range"))
        if first == start and self._content.is_still(Content.of(response)):
            return response, True
        response.close()
        return None, False

    def _read(self) -> Content | None:
        try:
            return Content(**json.loads(self._note.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def _begin(self, content: Content | None) -> None:
        # First the part: it must not lie beside the note of another content, whenever this process is killed.
        self._part.unlink(missing_ok=True)
        self._content = content
        if content is None or not content.validator:
            self.forget()
        else:
            self._note.write_text(json.dumps(asdict(content)), encoding="utf-8")
