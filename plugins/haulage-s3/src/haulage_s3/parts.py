"""The parts that an object is cut into, and what is computed of them."""

import base64
import hashlib
import io
import mmap
from collections.abc import Callable
from typing import Any

from attrs import frozen

MIB = 1 << 20
SMALLEST, LARGEST = 8 * MIB, 32 * MIB
MOST = 10_000
"""How many parts S3 lets an upload have."""

_STEP = 500


def part_size(number: int, size: int | None) -> int:
    """How large a part is, in bytes.

    All are equal where the object's size is known, which some services ask for (R2). Where it is not they grow, so
    that 10,000 of them hold 293 GiB.

    Args:
        number: Which part, from 1.
        size: The size of the object, where it is known.
    """
    if size is not None:
        return max(SMALLEST, -(-size // MOST // MIB) * MIB)
    return min(SMALLEST << (number - 1) // _STEP, LARGEST)


def largest(size: int | None) -> int:
    """How many bytes an upload can hold, if it has parts of these sizes."""
    return MOST * LARGEST if size is not None else sum(part_size(number, None) for number in range(1, MOST + 1))


class Body(io.RawIOBase):
    """The bytes of a part, in memory that goes back to the system at once, and which tells whenever some are sent.

    Memory of the usual kind, freed by other threads than it came from, lies about for later, and many such parts are
    more than the budget says.

    Args:
        room: How many bytes it can hold.
    """

    moved: Callable[[], None] = staticmethod(lambda: None)

    def __init__(self, room: int) -> None:
        self._memory = mmap.mmap(-1, max(room, 1))
        self._size = self._at = 0

    def append(self, data: memoryview) -> None:
        """Copy bytes to its end."""
        self._memory[self._size : self._size + len(data)] = data
        self._size += len(data)

    def readable(self) -> bool:
        """As for every file."""
        return True

    def seekable(self) -> bool:
        """As for every file."""
        return True

    def tell(self) -> int:
        """As for every file."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """As for every file."""
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def readinto(self, buffer: Any, /) -> int:
        """As for every file."""
        self.moved()
        end = min(self._at + len(buffer), self._size)
        count = max(end - self._at, 0)
        buffer[:count] = self._memory[self._at : self._at + count]
        self._at += count
        return count

    def close(self) -> None:
        """Give the memory back."""
        super().close()
        self._memory.close()


@frozen
class Sums:
    """The digests of a part.

    Attributes:
        md5: Always.
        sha256: Where the service shall check it.
    """

    md5: bytes
    sha256: bytes | None

    @property
    def headers(self) -> dict[str, str]:
        """What a request says of its body, for the service to check."""
        said = {"ContentMD5": base64.b64encode(self.md5).decode()}
        return said | ({"ChecksumSHA256": base64.b64encode(self.sha256).decode()} if self.sha256 else {})


class Part:
    """One part while it is filled, and then while it is sent.

    Args:
        number: Which one, from 1.
        room: How many bytes it can hold.
        sha256: Whether the service shall check its SHA-256 too.
    """

    def __init__(self, number: int, room: int, *, sha256: bool) -> None:
        self.number, self.room, self.size = number, room, 0
        self.body = Body(room)
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sha256 = hashlib.sha256() if sha256 else None

    def fill(self, data: memoryview) -> int:
        """Copy as much as there is room for; how much that was is returned."""
        data = data[: self.room - self.size]
        self.body.append(data)
        self._md5.update(data)
        if self._sha256:
            self._sha256.update(data)
        self.size += len(data)
        return len(data)

    @property
    def is_full(self) -> bool:
        """Whether nothing more goes in."""
        return self.size == self.room

    def close(self) -> None:
        """Free the memory."""
        self.body.close()

    def ready(self) -> Body:
        """What is to be sent, from its first byte."""
        self.body.seek(0)
        return self.body

    @property
    def sums(self) -> Sums:
        """Its digests."""
        return Sums(self._md5.digest(), self._sha256.digest() if self._sha256 else None)


def whole_etag(parts: list[Sums]) -> str:
    """The ETag of an object that was sent in parts."""
    return f"{hashlib.md5(b''.join(each.md5 for each in parts), usedforsecurity=False).hexdigest()}-{len(parts)}"


def whole_sha256(parts: list[Sums]) -> str:
    """What S3 calls the SHA-256 of an object that was sent in parts: that of the parts' digests."""
    return base64.b64encode(hashlib.sha256(b"".join(each.sha256 or b"" for each in parts)).digest()).decode()
