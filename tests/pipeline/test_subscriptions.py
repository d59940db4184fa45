"""What subscriptions haul again and again, and how far their lists are read."""

import sys

import pytest

from haulage import ConfigError, Query, Status
from haulage.pipeline import listing


@pytest.fixture(autouse=True)
def pages(monkeypatch):
    """Short ones, so that a few videos are several."""
    monkeypatch.setattr(listing, "KNOWN_AT_ONCE", 3)


@pytest.fixture
def subscribed(pipeline, serve):
    """Make a pipeline that subscribes to lists by name; what is behind their URLs can be changed by `put`."""

    def make(*names, **config):
        urls = {name: serve(f"{name}.list", "") for name in names}
        options = {"workers": 1, "subscriptions": urls, **config}
        return pipeline(**options)

    return make


@pytest.fixture
def videos(serve):
    """The URLs of some videos, newest first: 7 is older than 8."""

    def make(newest, oldest=1):
        return [serve(f"v{number}.mp4", f"video {number}") for number in range(newest, oldest - 1, -1)]

    return make


@pytest.fixture
def pulled():
    """Sync, and return what was taken of lists meanwhile, and how the jobs ended, by URL."""

    def sync(running, *names):
        sys.modules["plain_fetcher"].PULLED.clear()
        ended = {job.request.url: job.status for job in running.sync(names)}
        return list(sys.modules["plain_fetcher"].PULLED), ended

    return sync


def test_a_list_is_read_until_nothing_is_new(subscribed, serve, videos, pulled):
    """To its end at first; then a page, and one more for each page that brings something."""
    with subscribed("news") as running:
        serve("news.list", "\n".join(videos(8)))
        taken, ended = pulled(running)
        assert (len(taken), len(ended)) == (8, 9)
        assert set(ended.values()) == {Status.DOWNLOADED, Status.EXPANDED}
        taken, ended = pulled(running)
        assert (taken, list(ended.values())) == (videos(8, 6), [Status.EXPANDED])
        serve("news.list", "\n".join(videos(9)))
        taken, ended = pulled(running)
        assert taken == videos(9, 4)
        assert [url for url, status in ended.items() if status is Status.DOWNLOADED] == videos(9, 9)


def test_a_page_is_one_of_youtube(subscribed, serve, pulled, monkeypatch):
    """Thirty entries, and not one more is asked for."""
    monkeypatch.undo()
    entries = [serve(f"{number}.none", "") for number in range(70)]
    serve("news.list", "\n".join(entries))
    with subscribed("news") as running:
        serve("news.list", "\n".join(entries))
        assert pulled(running)[0] == entries
        assert pulled(running)[0] == entries[:30]


def test_a_reading_that_broke_off_loses_nothing(subscribed, serve, videos, pulled):
    """Its newest entries are known and older ones are not: the next reading goes to the end."""
    with subscribed("news") as running:
        serve("news.list", "\n".join(videos(2)))
        pulled(running)
        serve("news.list", "\n".join([*videos(11, 6), "broken"]))
        taken, ended = pulled(running)
        assert len(taken) == 6
        assert Status.UNAVAILABLE in ended.values()
        serve("news.list", "\n".join(videos(11)))
        taken, ended = pulled(running)
        assert len(taken) == 11
        assert sum(status is Status.DOWNLOADED for status in ended.values()) == 3
        assert len(pulled(running)[0]) == 3


def test_a_list_of_one_video_is_a_list(subscribed, serve, videos, pulled):
    """The only video of a channel does not take its place: the channel is read again, and may have more then."""
    with subscribed("known") as running:
        url = serve("known.list", "\n".join(videos(1)))
        assert pulled(running)[1] == {url: Status.EXPANDED, videos(1)[0]: Status.DOWNLOADED}
        serve("known.list", "\n".join(videos(2)))
        assert pulled(running)[1] == {url: Status.EXPANDED, videos(2)[0]: Status.DOWNLOADED}


def test_what_another_list_brought_does_not_end_a_reading(subscribed, serve, videos, pulled):
    """A page may be known since somebody else has it too: what comes behind it may still be new."""
    with subscribed("mixed", "news") as running:
        serve("news.list", "\n".join(videos(9, 6)))
        serve("mixed.list", "\n".join(videos(1)))
        pulled(running)
        serve("mixed.list", "\n".join([*videos(9, 6), *videos(2)]))
        ended = pulled(running, "mixed")[1]
        assert {url for url, status in ended.items() if status is Status.DOWNLOADED} == set(videos(2, 2))


def test_a_list_that_grows_at_its_end_is_read_whole(subscribed, serve, videos, pulled):
    """Where its subscription says so."""
    url = serve("news.list", "\n".join(videos(4)))
    with subscribed(subscriptions={"news": {"url": url, "whole": True}}) as running:
        pulled(running)
        serve("news.list", "\n".join([*videos(4), *videos(5, 5)]))
        taken, ended = pulled(running)
        assert len(taken) == 5
        assert ended[videos(5, 5)[0]] is Status.DOWNLOADED


def test_who_asks_for_the_url_itself_reads_it_whole(subscribed, serve, videos, pulled):
    """And what is found is of the subscription all the same."""
    with subscribed("news") as running:
        url = serve("news.list", "\n".join(videos(4)))
        pulled(running)
        serve("news.list", "\n".join([*videos(4), *videos(5, 5)]))
        sys.modules["plain_fetcher"].PULLED.clear()
        ended = {job.request.url: job.subscription for job in running.run([url])}
        assert len(sys.modules["plain_fetcher"].PULLED) == 5
        assert ended[videos(5, 5)[0]] == "news"


def test_lists_in_a_list_are_read_again(subscribed, serve, videos, pulled):
    """What is new in them belongs to the subscription, and a list that holds the one it is in ends."""
    with subscribed("channel") as running:
        tabs = [serve(f"tab-{name}.list", "\n".join(videos(number, number))) for name, number in (("a", 1), ("b", 2))]
        channel = serve("channel.list", "\n".join(tabs))
        pulled(running)
        serve("tab-b.list", "\n".join([channel, *videos(3, 2)]))
        ended = pulled(running)[1]
        assert ended == {channel: Status.EXPANDED, **dict.fromkeys(tabs, Status.EXPANDED)} | {
            videos(3, 3)[0]: Status.DOWNLOADED
        }
        assert {job.subscription for job in running.find()} == {"channel"}
        assert len(pulled(running)[0]) == 6


def test_a_video_is_of_the_subscription_that_named_it_first(subscribed, serve, videos, pulled):
    """One that was known before is of none, and stays so."""
    with subscribed("a", "b") as running:
        list(running.run(videos(1)))
        serve("a.list", "\n".join(videos(2)))
        serve("b.list", "\n".join(videos(3)))
        pulled(running, "a")
        pulled(running, "b")
        of = {job.request.url: job.subscription for job in running.find()}
        assert [of[url] for url in videos(3)] == ["b", "a", ""]
        assert [job.request.url for job in running.find(Query(subscription="b", status=(Status.DOWNLOADED,)))] == [
            videos(3)[0]
        ]


def test_what_failed_for_good_is_left_alone_and_what_waits_goes_on(subscribed, serve, videos, site, pulled):
    """Also what waits far down in a list that is not read to there again."""
    gone = site.url("404/x/subscribed.mp4")
    with subscribed("news") as running:
        serve("news.list", "\n".join([gone, *videos(8)]))
        jobs = running.sync()
        while next(jobs).request.url != gone:
            pass
        jobs.close()
        asked = len(site.log("/404/x/subscribed.mp4"))
        assert sum(1 for _ in running.find(Query(unfinished=True))) > 5
        taken, ended = pulled(running)
        assert len(taken) == 3
        assert sum(status is Status.DOWNLOADED for status in ended.values()) == 8
        assert gone not in ended
        assert len(site.log("/404/x/subscribed.mp4")) == asked
        assert next(running.find(Query(unfinished=True)), None) is None


def test_a_list_that_vanished_keeps_what_it_gave(subscribed, serve, videos, site, pulled):
    """Its job says why, the others go on, and nothing is deleted."""
    vanished = site.url("404/x/vanished.list")
    news = serve("news.list", "\n".join(videos(2)))
    with subscribed(subscriptions={"vanished": vanished, "news": news}) as running:
        ended = pulled(running)[1]
        assert ended[vanished] is Status.UNAVAILABLE
        assert [ended[url] for url in videos(2)] == [Status.DOWNLOADED] * 2
    with subscribed(subscriptions={"news": site.url("404/x/vanished.list?news")}) as running:
        assert list(pulled(running)[1].values()) == [Status.UNAVAILABLE]
        assert running.tally().stored["library"].objects == 4


@pytest.mark.parametrize(
    ("names", "said"), [(["new"], "no subscription 'new'; did you mean 'news'?"), ([], "has no subscriptions")]
)
def test_what_is_not_subscribed_is_refused(subscribed, names, said):
    """With the cure."""
    with (
        subscribed(*(["news"] if names else [])) as running,
        pytest.raises(ConfigError, match=said.replace("?", r"\?")),
    ):
        list(running.sync(names))
