"""What subscriptions may say."""

from pathlib import Path

import pytest
from offered_components import OFFERED, Offered

from haulage.config.effective import effective
from haulage.config.load import load
from haulage.errors import ConfigError


def loaded(text):
    return load(text, "haulage.yaml", Path("/srv/videos"), {}, Offered(*OFFERED))


def problems(text):
    """What is wrong with a config."""
    with pytest.raises(ConfigError) as caught:
        loaded(text)
    return [each.removeprefix("haulage.yaml:") for each in caught.value.problems]


def test_a_url_is_a_subscription_too():
    """The short form is the long form with a URL alone."""
    short = loaded("subscriptions: {news: https://a.test/list}\n").subscriptions
    assert short == loaded("subscriptions: {news: {url: https://a.test/list}}\n").subscriptions
    assert (short["news"].url, short["news"].variant, short["news"].whole) == ("https://a.test/list", "", False)


def test_every_problem_is_told_at_once():
    """Each with its place, and with what may have been meant."""
    assert problems(
        """variants: {audio: {audio_only: true}}
storages: {nas: nas, cold: cold}
subscriptions:
  one: https://a.test/list
  two: {url: https://a.test/list, variant: audio}
  three: {url: https://a.test/list}
  four: {url: "ftp://a.test/list", variant: adio}
  five: {variant: audio}
  six: 3
  eight: {url: "https://a.test/8", store_to: [cold, nsa, cold]}
  nine: {url: "https://a.test/9", store_to: []}
  Se ven: {url: https://user:secret@a.test/list, whol: true}
"""
    ) == [
        "6:11: subscriptions.three.url: subscription 'one' has the same URL already; write one",
        "7:10: subscriptions.four.url: 'ftp://a.test/list' is not a URL that can be hauled; write it like"
        " https://example.com/video",
        "7:36: subscriptions.four.variant: unknown variant 'adio'; did you mean 'audio'?",
        "8:3: subscriptions.five: missing option 'url'",
        "9:3: subscriptions.six: expected a mapping, got 3",
        "10:53: subscriptions.eight.store_to[1]: unknown storage 'nsa'; did you mean 'nas'?",
        "10:58: subscriptions.eight.store_to[2]: 'cold' is there twice",
        "11:35: subscriptions.nine.store_to: expected at least one storage",
        "12:3: subscriptions.Se ven: 'Se ven' is no name for a subscription; use a-z 0-9 _ -, and a letter or a digit"
        " first",
        "12:12: subscriptions.Se ven.url: https://a.test/list: a user name or password may not stand in a URL",
        "12:50: subscriptions.Se ven.whol: unknown option 'whol'; did you mean 'whole'?",
    ]


def test_rules_of_a_subscription_are_rules_like_any():
    """By the place where they stand, about its videos alone; two for the same contradict each other."""
    head = "subscriptions:\n  news: {url: https://a.test/list, retention: [{max_age: 30d}, {keep_last: 3}]}\n"
    rules = loaded(f"{head}retention: [{{max_age: 90d}}]\n").rules
    assert {place: (rule.subscription, rule.max_age and rule.max_age.days) for place, rule in rules.items()} == {
        ("retention", 0): (None, 90),
        ("subscriptions", "news", "retention", 0): ("news", 30),
        ("subscriptions", "news", "retention", 1): ("news", None),
    }
    assert problems(
        f"{head}retention: [{{subscription: news, max_age: 90d}}, {{subscription: nws, keep_last: 1}}]\n"
    ) == [
        "2:49: subscriptions.news.retention[0].max_age: retention[0] has a max_age for the same videos already;"
        " write one",
        "3:50: retention[1].subscription: unknown subscription 'nws'; did you mean 'news'?",
    ]
    assert problems(
        "subscriptions: {news: {url: https://a.test/list, retention: [{subscription: news, keep_last: 1},"
        " {max_ag: 1d}]}}\n"
        "retention: [{keep_last: 1, storage: nsa}]\n"
    ) == [
        "1:99: subscriptions.news.retention[1].max_ag: unknown option 'max_ag'; did you mean 'max_age'?",
        "2:28: retention[0].storage: unknown storage 'nsa'; there is only library",
    ]
    assert problems(
        "subscriptions: {news: {url: https://a.test/list, retention: [{subscription: news, keep_last: 1}]}}\n"
    ) == [
        "1:63: subscriptions.news.retention[0].subscription: the rule is about the subscription that it stands under;"
        " leave it out"
    ]


def test_storages_that_are_named_for_all_count_for_subscriptions_too():
    """As `haulage get --storage` says: whatever any store_to says."""
    text = "storages: {a: a, b: b}\nsubscriptions: {news: {url: https://a.test/list, store_to: [b]}}\n"
    folder, host = Path("/srv/videos"), Offered(*OFFERED)
    assert load(text, "haulage.yaml", folder, {}, host).subscriptions["news"].store_to == ("b",)
    assert load(text, "haulage.yaml", folder, {}, host, {"store_to": ("a",)}).subscriptions["news"].store_to == ()


def test_two_urls_of_one_request_are_the_same():
    """What only signs a URL makes no other list of it."""
    said = problems("subscriptions: {a: 'https://a.test/l?Signature=1', b: 'https://a.test/l?Signature=2'}\n")
    assert said == ["1:52: subscriptions.b.url: subscription 'a' has the same URL already; write one"]


def test_a_list_of_them_has_no_names():
    """They are a mapping."""
    assert problems("subscriptions: [https://a.test/list]\n") == ["1:1: subscriptions: expected a mapping, got a list"]


def test_what_they_come_to_is_explained():
    """Key by key, with the line that gives each."""
    text = "subscriptions:\n  news: https://a.test/list\n"
    told = {each.key: each for each in effective(text, "haulage.yaml", Path("/srv/videos"), {}, Offered(*OFFERED))}
    assert told["subscriptions.news.whole"].value is False
    assert (told["subscriptions.news.url"].value, told["subscriptions.news.url"].place) == (
        "https://a.test/list",
        "haulage.yaml:2",
    )
