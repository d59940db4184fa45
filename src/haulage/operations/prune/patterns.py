"""Which videos the patterns of a rule keep."""

import re
import unicodedata
from collections.abc import Callable, Iterable

from haulage.contracts.totals import Holding


def names(holding: Holding) -> tuple[str, ...]:
    """What a video is called: its id, its id behind its source, the id of its channel, and its title."""
    video = holding.video_id
    return video, f"{holding.source}:{video}", holding.channel_id, holding.title


def keeps(patterns: Iterable[str]) -> Callable[[Holding], bool]:
    """Whether one of the names of a video is like one of the patterns, as a whole, whatever its case.

    "*" is any text, "?" any character, and all others mean themselves.
    """
    like = re.compile("|".join(map(_expression, patterns)), re.IGNORECASE | re.DOTALL).fullmatch

    def is_kept(holding: Holding) -> bool:
        for each in names(holding):  # noqa: SIM110 - a generator would double what an archive takes
            if each and like(_composed(each)):
                return True
        return False

    return is_kept


def _expression(pattern: str) -> str:
    first, *rest = (_piece(each) for each in _composed(pattern).split("*"))
    if not rest:
        return first
    *between, last = rest
    # Each piece at the first place where it is: the others need not be tried, which a long title would make endless.
    return first + "".join(f"(?>.*?{each})" for each in between if each) + f".*{last}"


def _piece(text: str) -> str:
    return ".".join(map(re.escape, text.split("?")))


def _composed(text: str) -> str:
    """Text in one of the ways in which Unicode writes it, as file systems and sites do not agree on one."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)
