"""Bytes for tests, and how they are told apart without showing them."""

import functools
import hashlib
import random

_SHOWN = 32


@functools.lru_cache(maxsize=16)
def content(size: int, seed: int = 0) -> bytes:
    """Make bytes of which no two parts are alike; the same ones each time, and others for another seed."""
    return random.Random(seed * 1_000_003 + size).randbytes(size)  # noqa: S311 - they keep nothing secret


def sha256(data: bytes) -> str:
    """The digest of bytes, in hex."""
    return hashlib.sha256(data).hexdigest()


def shown(data: bytes) -> str:
    """Say which bytes these are, in few words: 24 MiB in a message help nobody."""
    return repr(data) if len(data) <= _SHOWN else f"{len(data)} bytes with SHA-256 {sha256(data)[:16]}"
