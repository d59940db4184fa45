"""`haulage sync`: what it prints, and its exit codes."""

import json

import pytest

SUBSCRIPTIONS = """subscriptions:
  news: http://a.test/list/news
  gone: http://a.test/unavailable/gone
"""


@pytest.fixture
def subscribed(scripted):
    """The folder of a config with two subscriptions, of which one has vanished."""
    config = scripted.folder / "haulage.yaml"
    config.write_text(config.read_text() + SUBSCRIPTIONS)
    return scripted.folder


def test_what_is_new_is_hauled_and_shown(haulage, subscribed):
    """As by `get`; the second time nothing is new."""
    result = haulage("sync", "news")
    assert (result.returncode, len(result.stdout.splitlines())) == (0, 3)
    assert "1 expanded, 2 stored" in result.stderr
    result = haulage("sync", "news")
    assert (result.returncode, result.stdout) == (0, "expanded     http://a.test/list/news\n")
    told = [json.loads(line) for line in haulage("sync", "news", "--json").stdout.splitlines()]
    assert [(each["status"], each["subscription"]) for each in told] == [("expanded", "news")]


def test_one_that_vanished_is_named(haulage, subscribed):
    """The others go on, the exit code tells, and nothing is deleted."""
    result = haulage("sync")
    assert result.returncode == 1
    said = [line for line in result.stderr.splitlines() if "gone" in line and "subscription" in line]
    assert said == [
        "subscription gone cannot be read: the site says unavailable; mend it; nothing of it was deleted, and the next"
        " sync asks again"
    ]
    assert "2 stored" in result.stderr
    assert "subscription gone cannot be read" in haulage("sync", "--json").stderr
    logged = [json.loads(line)["message"] for line in haulage("--log-format", "json", "sync").stderr.splitlines()]
    assert said[0] in logged
    assert (subscribed / "library" / "channel" / "first" / "video.mp4").exists()


def test_what_a_subscription_gave_is_told(haulage, subscribed):
    """By `list`, `show` and their documents."""
    assert haulage("get", "http://a.test/good/first").returncode == 0
    assert haulage("sync", "news").returncode == 0
    lines = haulage("list", "--subscription", "news").stdout.splitlines()
    assert [line.split("\t")[:2] for line in lines] == [
        ["expanded", "http://a.test/list/news"],
        ["downloaded", "Title of second"],
    ]
    told = {each["video_id"]: each["subscription"] for each in json.loads(haulage("list", "--json").stdout)}
    assert told == {"first": None, None: "news", "second": "news"}
    assert "from      the subscription news\n" in haulage("show", "second").stdout
    assert "\nfrom" not in haulage("show", "first").stdout


def test_rules_of_a_subscription_let_its_videos_go_alone(haulage, subscribed):
    """A plan names them by their place, in lines that fit on a terminal; a sync does not bring them back."""
    config = subscribed / "haulage.yaml"
    assert haulage("get", "http://a.test/good/ours").returncode == 0
    assert haulage("sync", "news").returncode == 0
    news = "{url: http://a.test/list/news, retention: [{max_age: 1ms}, {keep: [second]}]}"
    config.write_text(config.read_text().replace("http://a.test/list/news", news))
    lines = haulage("prune", "--dry-run").stdout.splitlines()
    assert lines[1] == "subscriptions.news.retention[0].max_age"
    assert lines[2].split()[:2] == ["library", "1"]
    assert lines[3:] == [
        "subscriptions.news.retention[1].keep keeps 1 that subscriptions.news.retention[0].max_age would let go."
    ]
    [going] = json.loads(haulage("prune", "--dry-run", "--json").stdout)["going"]
    assert (going["video_id"], going["subscription"]) == ("first", "news")
    assert haulage("prune", "--yes").returncode == 0
    assert haulage("sync", "news").returncode == 0
    there = {path.parent.name for path in (subscribed / "library").rglob("video.mp4")}
    assert there == {"ours", "second"}


@pytest.mark.parametrize(
    ("arguments", "config", "said"),
    [
        (["nws"], SUBSCRIPTIONS, "haulage: no subscription 'nws'; did you mean 'news'?"),
        (["one", "two"], SUBSCRIPTIONS, "no subscription 'two'; there are gone, news"),
        ([], "", "haulage: the config has no subscriptions; name some, as in: subscriptions: {news: "),
    ],
)
def test_what_is_not_there_is_refused(haulage, scripted, arguments, config, said):
    """Before anything is asked for, with the cure."""
    path = scripted.folder / "haulage.yaml"
    path.write_text(path.read_text() + config)
    result = haulage("sync", *arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert said in result.stderr
    assert haulage("list").stdout == ""
