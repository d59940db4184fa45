"""Pages that tell of videos, for what finds videos in pages; they are given recipes by the videos' absolute URLs."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from html import escape
from typing import Final

from haulage.testing.media import MEDIA_TYPES, Recipe

PUBLISHED: Final = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
"""When each video was published, to pages and in Last-Modified."""


def page(videos: Mapping[str, Recipe]) -> str:
    """A page about the first video, which its JSON-LD describes."""
    url, recipe = next(iter(videos.items()))
    about = {
        "@context": "https://schema.org",
        "@type": "VideoObject",
        "name": recipe.title,
        "contentUrl": url,
        "duration": f"PT{recipe.duration:g}S",
        "uploadDate": PUBLISHED.isoformat(),
    }
    return _html(f'<script type="application/ld+json">{json.dumps(about)}</script>', "<p>A video.</p>")


def many(videos: Mapping[str, Recipe]) -> str:
    """A page with a player for each video."""
    return _html("", "\n".join(f'<video src="{escape(url)}" controls></video>' for url in videos))


def feed(videos: Mapping[str, Recipe]) -> str:
    """An RSS feed with an item for each video."""
    items = "\n".join(_item(url, recipe) for url, recipe in videos.items())
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0"><channel>
<title>All films</title><link>{escape(next(iter(videos)))}</link><description>What this site has.</description>
{items}
</channel></rss>
"""


PAGES: Final[Mapping[str, Callable[[Mapping[str, Recipe]], str]]] = {
    "feed.xml": feed,
    "page.html": page,
    "videos.html": many,
}
"""What writes each page."""


def _item(url: str, recipe: Recipe) -> str:
    # A length of 0 is how a feed says that it does not know.
    return (
        f"<item><title>{escape(recipe.title)}</title><link>{escape(url)}</link>"
        f'<guid isPermaLink="false">{escape(recipe.name)}</guid><pubDate>{format_datetime(PUBLISHED)}</pubDate>'
        f'<enclosure url="{escape(url)}" length="0" type="{MEDIA_TYPES[recipe.container]}"/></item>'
    )


def _html(head: str, body: str) -> str:
    return f"<!DOCTYPE html>\n<html><head><title>Films</title>{head}</head>\n<body>\n{body}\n</body></html>\n"
