"""Which storages hold what, where subscriptions have others than the rest."""

import pytest

from haulage import Job, Kind, Query, Request, Status
from haulage.contracts.destinations import Destinations, Mirror
from haulage.errors import StorageError

STORAGES = {name: {"type": "odd", "name": name} for name in ("main", "nas", "cold")}


def job(subscription=""):
    request = Request("https://a.test/1")
    return Job(request.id, request, "a.test", subscription=subscription)


MIX = Destinations(("main", "nas"), {"news": ("cold",), "talks": ("cold", "nas"), "songs": ("nas", "main")})


@pytest.mark.parametrize(
    ("subscription", "storages"),
    [
        ("", ("main", "nas")),
        ("news", ("cold",)),
        ("talks", ("cold", "nas")),
        ("songs", ("nas", "main")),
        ("not in the config any more", ("main", "nas")),
    ],
)
def test_each_job_has_its_storages(subscription, storages):
    """Those of its subscription, or those of all; the mirrors among them want it, and no other does."""
    assert MIX(job(subscription)) == storages
    assert {each.storage for each in MIX.mirrors if each.wants(job(subscription))} == set(storages[1:])


def test_a_mirror_is_told_once_and_as_shortly_as_can_be():
    """By those that are different; one that nobody needs is not told."""
    assert MIX.mirrors == (Mirror("main", ("songs",), others=False), Mirror("nas", ("news", "songs")))
    assert MIX.storages == ("main", "nas", "cold")
    assert Destinations(("main",)).mirrors == ()


def held(odd):
    """The videos that each storage holds."""
    return {name: {key.split("/")[-2] for key in odd.OBJECTS[name]} for name in STORAGES}


@pytest.fixture
def mixed(pipeline, serve):
    """Make pipelines with two subscriptions that go elsewhere, and one that does not."""

    def listed(name, *videos):
        return serve(f"{name}.list", "\n".join(serve(f"{each}.mp4", each) for each in videos))

    subscriptions = {
        "news": {"url": listed("news", "n1", "n2"), "store_to": ["cold"]},
        "talks": {"url": listed("talks", "t1"), "store_to": ["cold", "nas"]},
        "plain": listed("plain", "p1"),
    }
    everything = {"storages": STORAGES, "store_to": ["main", "nas"], "subscriptions": subscriptions}
    return lambda **config: pipeline(**{**everything, **config})


def test_videos_go_where_their_subscription_says(mixed, odd, serve):
    """And those of nobody where all others go."""
    with mixed() as running:
        assert {each.status for each in running.sync()} == {Status.DOWNLOADED, Status.EXPANDED}
        assert [each.status for each in running.run([serve("g1.mp4", "g1")])] == [Status.DOWNLOADED]
        assert held(odd) == {
            "main": {"p1.mp4", "g1.mp4"},
            "nas": {"p1.mp4", "g1.mp4", "t1.mp4"},
            "cold": {"n1.mp4", "n2.mp4", "t1.mp4"},
        }
        assert running.tally().owed == {}
        assert list(running.find(Query(owed=running.mirrors))) == []


def test_a_mirror_is_owed_what_it_shall_hold(mixed, odd):
    """And nothing of a subscription that does without it; what is tried again goes there and nowhere else."""
    odd.REFUSALS["nas"] = [("begin", Kind.STORAGE)] * 99
    with mixed(retry={"attempts": 1}) as running:
        list(running.sync())
        assert running.tally().owed == {"nas": 2}
        owed = list(running.find(Query(owed=running.mirrors)))
        assert {job.video.id for job in owed} == {"t1.mp4", "p1.mp4"}
        odd.REFUSALS.clear()
        list(running.run([job.request for job in owed]))
        assert running.tally().owed == {}
        assert held(odd)["nas"] == {"t1.mp4", "p1.mp4"}


def test_a_subscription_that_is_gone_is_like_no_other(mixed, odd):
    """Its videos are owed to the mirrors of all, and who asks for one brings it to their primary storage."""
    with mixed() as running:
        list(running.sync())
    with mixed(subscriptions={}) as running:
        assert running.tally().owed == {"nas": 2}
        [job] = [each for each in running.find() if each.video and each.video.id == "n1.mp4"]
        assert running.store_to(job) == ("main", "nas")
        list(running.run([job.request]))
        assert {name for name, videos in held(odd).items() if "n1.mp4" in videos} == {"main", "nas", "cold"}


def test_all_storages_are_looked_at_before_a_run(mixed, odd):
    """Also one that only a subscription uses, before the first byte is fetched."""
    odd.REFUSALS["cold"] = [("check", Kind.DENIED)]
    with mixed() as running, pytest.raises(StorageError, match="cold refuses at check"):
        list(running.sync(["plain"]))
    assert held(odd)["main"] == set()
