"""HTTP/1.1 as it lies on the wire, for who hands it on unchanged: heads as bytes, and bodies piece by piece."""

import socket
from collections.abc import Callable, Iterator, Mapping
from typing import Final, Self

from attrs import frozen

_PIECE: Final = 64 * 1024
_LONGEST: Final = 256 * 1024

Piece = tuple[bytes, bool]
"""Some bytes of a body, and whether they are content; if not, they are the framing of a chunked one."""


@frozen
class Head:
    """The lines before a body.

    Attributes:
        raw: They, and the empty line after them.
        words: The three words of the first line; the last one may have spaces.
        headers: The others, names in lower case.
    """

    raw: bytes
    words: tuple[str, str, str]
    headers: Mapping[str, str]

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Take the lines apart."""
        first, *lines = raw.decode("iso-8859-1").strip("\r\n").split("\r\n")
        one, two, three = [*first.split(" ", 2), "", ""][:3]
        pairs = (line.partition(":") for line in lines)
        return cls(raw, (one, two, three), {name.strip().lower(): value.strip() for name, _, value in pairs})

    @property
    def status(self) -> int:
        """Of an answer."""
        return int(self.words[1])

    def says(self, header: str, word: str) -> bool:
        """Whether a header that lists words has this one."""
        return word in (each.strip().lower() for each in self.headers.get(header, "").split(","))


class Wire:
    """One end of a connection, with what was read from it and not yet used."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self._rest = bytearray()

    def head(self) -> Head | None:
        """Read up to the end of a head; None where the other side has ended the connection."""
        while (end := self._rest.find(b"\r\n\r\n")) < 0:
            if not self._more():
                return None
        return Head.parse(self._take(end + 4))

    def body(self, length: int | None, *, chunked: bool) -> Iterator[Piece]:
        """Read a body; without a length, and not chunked, it is what comes until the end.

        Raises:
            ConnectionError: It ended too early.
        """
        if not chunked:
            yield from self._content(length)
            return
        while True:
            line = self._line()
            yield line, False
            size = int(line.partition(b";")[0], 16)
            yield from self._content(size)
            if size:
                yield self._line(), False
                continue
            while (line := self._line()) != b"\r\n":
                yield line, False
            yield line, False
            return

    @property
    def has_rest(self) -> bool:
        """Whether something was read that is not used."""
        return bool(self._rest)

    def _content(self, length: int | None) -> Iterator[Piece]:
        while length is None or length > 0:
            if not self._rest and not self._more():
                if length is None:
                    return
                raise ConnectionAbortedError("the body ended too early")
            piece = self._take(len(self._rest) if length is None else min(length, len(self._rest)))
            length = None if length is None else length - len(piece)
            yield piece, True

    def _line(self) -> bytes:
        while (end := self._rest.find(b"\r\n")) < 0:
            if not self._more():
                raise ConnectionAbortedError("the body ended too early")
        return self._take(end + 2)

    def _take(self, count: int) -> bytes:
        taken = bytes(self._rest[:count])
        del self._rest[:count]
        return taken

    def _more(self) -> bool:
        if len(self._rest) > _LONGEST:
            raise ConnectionAbortedError("a line or head without an end")
        data = self.connection.recv(_PIECE)
        self._rest += data
        return bool(data)


def flipped(pieces: Iterator[Piece], at: int) -> Iterator[Piece]:
    """The same, with the lowest bit of the byte at this place changed."""
    for data, content in pieces:
        if content and 0 <= at < len(data):
            yield data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :], True
        else:
            yield data, content
        at -= len(data) if content else 0


def trickled(pieces: Iterator[Piece], pause: Callable[[], object]) -> Iterator[Piece]:
    """The same, each byte by itself and followed by a pause."""
    for data, content in pieces:
        for index in range(len(data)):
            yield data[index : index + 1], content
            pause()


class CutHere(Exception):
    """A body has come to where it is cut."""


def cut(pieces: Iterator[Piece], at: int) -> Iterator[Piece]:
    """The same up to this place; raises CutHere there, unless it is shorter."""
    for data, content in pieces:
        if content and at < len(data):
            yield data[:at], True
            raise CutHere
        yield data, content
        at -= len(data) if content else 0
