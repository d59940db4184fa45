"""Pages that tell of videos, as parsers of HTML, JSON and XML read them."""

import json
import urllib.error
import urllib.request
import xml.etree.ElementTree as ET
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from html.parser import HTMLParser
from typing import Any

import pytest

from haulage.testing import LoopbackSite, Recipe

Client = Callable[..., Any]
PUBLISHED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class Elements(HTMLParser):
    """The attributes of each element of a page, by its tag, and the text in it."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, str] = {}
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.found:
            self.texts.setdefault(self.found[-1][0], data)


def test_page_with_json_ld(site: LoopbackSite, ask: Client) -> None:
    """The page describes the site's first video in JSON-LD."""
    got = ask("/page.html")
    assert (got.status, got.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    page = Elements(got.body)
    assert ("script", {"type": "application/ld+json"}) in page.found
    assert json.loads(page.texts["script"]) == {
        "@context": "https://schema.org",
        "@type": "VideoObject",
        "name": "The clip film",
        "contentUrl": site.url("/clip.mp4"),
        "duration": "PT4S",
        "uploadDate": "2026-01-02T03:04:05+00:00",
    }


def test_feed(site: LoopbackSite, ask: Client) -> None:
    """The feed has an item for each video, whose enclosure is the video itself."""
    got = ask("/feed.xml")
    assert (got.status, got.headers["Content-Type"]) == (200, "application/rss+xml; charset=utf-8")
    items = ET.fromstring(got.body).findall("channel/item")
    assert [item.findtext("title") for item in items] == ["The clip film", "The second film", "The third film"]
    assert [item.findtext("guid") for item in items] == ["clip", "second", "third"]
    for item, name in zip(items, ("clip.mp4", "second.mp4", "third.mp4"), strict=True):
        enclosure = item.find("enclosure")
        assert enclosure is not None
        assert enclosure.attrib == {"url": site.url(name), "length": "0", "type": "video/mp4"}
        assert item.findtext("link") == site.url(name)
        assert parsedate_to_datetime(item.findtext("pubDate", "")) == PUBLISHED
        assert ask(f"/{name}", "HEAD").headers["Content-Type"] == "video/mp4"


def test_page_of_many(site: LoopbackSite, ask: Client) -> None:
    """The page has a player for each video of the site, and nothing else that could be one."""
    page = Elements(ask("/videos.html").body)
    sources = [attributes["src"] for tag, attributes in page.found if tag == "video"]
    assert sources == [site.url(name) for name in ("clip.mp4", "second.mp4", "third.mp4")]
    assert "script" not in page.texts


def test_page_behind_a_behaviour(ask: Client) -> None:
    """A page misbehaves like any medium."""
    assert [ask("/503-twice/page.html").status for _ in range(3)] == [503, 503, 200]


def test_pages_of_other_recipes() -> None:
    """Pages tell of what the site was told to serve, whatever its name holds; without anything there are none."""
    with LoopbackSite([Recipe('a & "b" <c>', duration=2.5, container="mov")]) as site:
        with urllib.request.urlopen(site.url("/page.html"), timeout=10) as response:
            about = json.loads(Elements(response.read()).texts["script"])
        with urllib.request.urlopen(site.url("/feed.xml"), timeout=10) as response:
            item = ET.fromstring(response.read()).find("channel/item")
        assert (about["name"], about["duration"]) == ('The a & "b" <c> film', "PT2.5S")
        assert about["contentUrl"] == site.url("/a%20%26%20%22b%22%20%3Cc%3E.mov")
        assert item is not None
        assert item.findtext("title") == 'The a & "b" <c> film'
        assert item.findtext("link") == about["contentUrl"]
    with LoopbackSite([]) as site, pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(site.url("/page.html"), timeout=10)
    with caught.value:
        assert caught.value.code == 404
