"""`get --dry-run`: what would be hauled and what that comes to, by the files of a site, and without a download."""

import json
import re

import pytest
from program import WITHIN

from haulage import Pipeline
from haulage.testing import DASH, HLS

SOCKETS = 600 << 10
"""Bytes that the two ends of a connection here may hold at most, of a body that nobody reads."""

PRIVATE = 'private_hosts: ["127.0.0.1", "localhost"]\n'


def planned(program, *arguments, code=0):
    """What is told of each, and of all."""
    result = program.run("get", "--dry-run", "--json", *arguments)
    assert result.returncode == code, result.stderr
    *each, last = map(json.loads, result.stdout.splitlines())
    return each, last["total"]


def rates(site, name, attribute):
    """The bit rates that the list of a stream announces."""
    return [int(rate) for rate in re.findall(rf"\b{attribute}=\"?(\d+)", site.file(name).read_text())]


def size_of(site, name):
    return site.file(name).stat().st_size


def test_a_plan_comes_true(site, program):
    """Sizes are those of the files and streams of the site, keys those of the haul, and no medium is read for them."""
    (program.folder / "haulage.yaml").write_text(PRIVATE + "fetcher: {max_height: 480}\n")
    paths = ("page.html", "hls/master.m3u8", "dash/manifest.mpd", "videos.html", "feed.xml", "cut/clip.mp4")
    urls = [site.url(path) for path in paths]
    before = len(site.requests)
    told, total = planned(program, *urls)
    asked = site.requests[before:]

    files = {name: size_of(site, f"{name}.mp4") for name in ("clip", "second", "third")}
    by_name = {}
    for each in told:
        by_name.setdefault(each["video_id"].rpartition("-")[0], []).append(each)
    assert {name: by_name[name][0]["size"] for name in files} == files
    stream, apart = by_name["master"][0], by_name["manifest"][0]
    assert stream["size"] == pytest.approx(
        rates(site, "hls/master.m3u8", "AVERAGE-BANDWIDTH")[1] * HLS[1].duration / 8, abs=1
    )
    assert (stream["width"], stream["height"], stream["exact"]) == (HLS[1].width, HLS[1].height, False)
    both = rates(site, "dash/manifest.mpd", "bandwidth")
    assert (len(both), apart["format"]) == (2, "0+1")
    assert apart["size"] == pytest.approx(sum(both) * DASH.duration / 8, rel=0.01)
    assert by_name["clip"][0]["title"] == site.recipes["clip.mp4"].title  # the page's
    unknown = [each for each in told if each["hauls"] and each["size"] is None]
    assert [each["url"] for each in unknown] == [urls[-1]]
    assert sum(each["state"] == "twice" for each in told) == 4  # by the list one, by the feed all three
    known = sum(files.values()) + stream["size"] + apart["size"]
    assert (total["videos"], total["unknown"], total["size"], total["exact"]) == (6, 1, known, False)
    assert (total["rate"], total["seconds"]) == (None, None)

    media = [each for each in asked if not each.path.endswith((".html", ".xml", ".m3u8", ".mpd"))]
    assert {each.path.rpartition(".")[2] for each in media} == {"mp4"}  # and no segment
    assert all(each.body_bytes < SOCKETS < size_of(site, "clip.mp4") for each in media)  # small ones are in it whole
    assert program.rows("select count(*) from video_processing_jobs") == [(0,)]
    assert not (program.folder / "library").exists()

    assert program.run("get", *urls).returncode == 1  # one is cut
    stored = {key for (key,) in program.rows("select key from stored_objects where role = 'video'")}
    assert stored == {each["key"] for each in told if each["hauls"] and each["size"] is not None}


def test_a_plan_says_what_became_of_each_before(site, program):
    """What is stored, waits, was let go or has failed is told with what would follow, and nothing of it is changed."""
    names = ("clip.mp4", "second.mp4", "third.mp4", "404/clip.mp4")
    stored, gone, waits, failed = map(site.url, names)
    assert program.run("get", stored, gone, failed).returncode == 1
    with Pipeline.from_config(program.folder / "haulage.yaml") as pipeline:
        pipeline.add([waits])
    program.change("update stored_objects set state = 'deleted' where key like '%second%'")
    rows = program.rows("select * from video_processing_jobs")

    listed, total = planned(program, site.url("feed.xml"))
    assert [(each["state"], each["hauls"]) for each in listed] == [("stored", False), ("pruned", False), ("new", True)]
    assert (total["videos"], total["size"]) == (1, size_of(site, "third.mp4"))
    named, total = planned(program, gone, stored, waits)
    assert [(each["state"], each["hauls"]) for each in named] == [("pruned", True), ("stored", False), ("waits", True)]
    assert total["size"] == size_of(site, "second.mp4") + size_of(site, "third.mp4")
    [one], total = planned(program, failed, code=1)
    assert (one["error"]["kind"], one["hauls"], total["videos"]) == ("unavailable", False, 0)
    assert rows == program.rows("select * from video_processing_jobs")


def test_what_failed_before_is_planned_again_with_its_reason(scripted, haulage):
    """Where it is named; who lists it in a pipe reads it as fields on one line."""
    url = "http://a.test/geo/one"
    assert haulage("get", url).returncode == 1
    told = haulage("get", "--dry-run", url)
    assert told.stdout.rstrip("\n").split("\t") == [
        "failed", "?", "", "", url, "geo: the site says geo; tried again",
    ]  # fmt: skip
    assert told.stderr.splitlines()[0] == "1 to haul: 0 B, and 1 of unknown size; 1 failed"


def test_a_plan_costs_what_its_bytes_cost_in_each_storage(site, program):
    """Each storage that videos go to is priced by itself, with who says so; without a price that is said."""
    storages = (
        "storages: {archive: {type: local, path: a}, nas: {type: local, path: n}, spare: {type: local, path: s}}\n"
    )
    prices = "prices: {archive: {storage: 2000 USD}, nas: {storage: 500 USD}}\n"
    (program.folder / "haulage.yaml").write_text(f"{PRIVATE}{storages}{prices}store_to: [archive, nas]\n")
    size = size_of(site, "clip.mp4")
    [clip], total = planned(program, site.url("clip.mp4"))
    assert (clip["size"], clip["storage"]) == (size, "archive")
    assert total["monthly_cost"] == pytest.approx(size / 1e9 * 2500)
    costs = {name: each["monthly_cost"] for name, each in total["storages"].items()}
    assert costs == pytest.approx({"archive": size / 1e9 * 2000, "nas": size / 1e9 * 500})
    assert total["storages"]["nas"]["origin"] == "prices of the config"
    told = program.run("get", "--dry-run", "--storage", "spare", site.url("clip.mp4"))
    assert told.stderr.splitlines()[2:] == [
        "what it costs a month is not known",
        "spare: no price known for storage spare: set prices: {spare: {storage: ...}} in",
        "  the config",
    ]


def test_a_plan_takes_as_long_as_the_last_hauls_did(site, program):
    """The rate is that of what was stored over the time that was spent on it."""
    assert program.run("get", site.url("second.mp4")).returncode == 0
    moment = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '{}')"
    began, ended = moment.format("-1 hour"), moment.format("-1 hour", "+0 seconds")
    program.change(
        f"update attempts set began_at = {began}, ended_at = {ended.replace('-1 hour', '-3550 seconds')}",
        f"update stored_objects set stored_at = {began.replace('-1 hour', '-3560 seconds')}",
    )
    _, total = planned(program, site.url("clip.mp4"))
    assert total["rate"] == pytest.approx(size_of(site, "second.mp4") / 50, rel=0.001)
    assert total["seconds"] == pytest.approx(size_of(site, "clip.mp4") / total["rate"])
    told = program.run("get", "--dry-run", site.url("clip.mp4"))
    seconds = round(size_of(site, "clip.mp4") / (size_of(site, "second.mp4") / 50) / 60)
    assert f"\n{seconds} min at 7.466 kB a second, as the last 30 days went\n" in told.stderr


def test_a_plan_fits_on_a_terminal(site, program, watch):
    """No line is wider than eighty columns, and the end of a key is what stays of it; the reason stands below."""
    (program.folder / "haulage.yaml").write_text(
        PRIVATE + 'layout: "{source}/a-folder-with-a-long-name/{channel_id}/{video_id}/video.{ext}"\n'
    )
    shown = watch("get", "--dry-run", site.url("clip.mp4"), site.url("clip.mp4?token=1"), terminal=True)
    assert shown.end(seconds=40) == 0
    lines = [line.rstrip() for line in shown.said.splitlines() if line.strip()]
    assert max(map(len, lines)) <= 80
    assert re.fullmatch(r"would haul {3} 932\.3 kB  mp4 {11}….*/clip-[0-9a-f]{8}/video\.mp4", lines[0])
    assert lines[1].startswith("twice")
    assert lines[2] == "  another URL of a video above"
    assert lines[3] == "1 to haul: 932.3 kB; 1 twice"


def test_no_more_are_looked_at_at_once_than_there_are_workers(site, program):
    """Never more than two, where there are two workers."""
    urls = [site.url(f"drip/300/{number}/clip.mp4") for number in range(5)]
    before = len(site.requests)
    told, _ = planned(program, "--workers", "2", *urls)
    assert [each["state"] for each in told] == ["new"] * 5
    asked = [each for each in site.requests[before:] if "drip" in each.path]
    assert max(sum(one.at <= each.at < one.ended for one in asked) for each in asked) <= 2


def test_a_site_that_refuses_is_asked_no_more(site, program):
    """The rest of its videos is told as not looked at, and so is what the queue knows to be closed."""
    limited, other = site.url("429/60/a/clip.mp4"), site.url("clip.mp4?refused")
    before = len(site.requests)
    told, total = planned(program, "--workers", "1", limited, other, code=1)
    assert [each["error"]["kind"] for each in told] == ["rate_limited", "rate_limited"]
    assert total["videos"] == 0
    assert {each.path for each in site.requests[before:]} == {"/429/60/a/clip.mp4"}
    assert program.run("get", "--dry-run", other).returncode == 0  # a plan closes nothing


def test_a_plan_can_be_stopped(site, program, watch):
    """Ctrl-C ends it within seconds with exit code 4, and neither a job nor a process is left."""
    running = watch("get", "--dry-run", site.url("drip/1/stopped/clip.mp4"))
    site.wait_for(lambda requests: any("stopped" in each.path for each in requests))
    running.interrupt()
    assert running.end(seconds=WITHIN) == 4
    assert running.said.splitlines()[-1] == "stopped; nothing was put into the queue"
    assert program.rows("select count(*) from video_processing_jobs") == [(0,)]
    assert program.processes() == []


def test_entries_that_are_gone_are_told_and_spoil_nothing(site, program, tmp_path):
    """A list may hold such, and the plan is whole all the same; who names one hears it by the exit code."""
    gone = site.url("404/none.html")
    told = program.run("get", "--dry-run", gone, site.url("third.mp4"))
    assert told.returncode == 1
    assert told.stderr.startswith(f"{gone}: HTTP 404 Not Found\n1 to haul: ")
    assert told.stdout.startswith("would haul\t168.8 kB\tmp4\t127.0.0.1/third-")
