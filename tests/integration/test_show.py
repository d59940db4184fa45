"""`haulage show` and `haulage status`: what they say of jobs of each state, to people and to machines."""

import hashlib
import json
import re
from pathlib import Path
from unittest.mock import ANY

import pytest

from haulage import Request

TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[+-]\d\d:\d\d")


def story(haulage, *arguments):
    """What is told of a video, with its times left out."""
    result = haulage("show", *arguments)
    assert (result.returncode, result.stderr) == (0, "")
    return TIME.sub("TIME", result.stdout)


def document(haulage, *arguments):
    """The JSON document that it prints."""
    return json.loads(haulage(*arguments, "--json").stdout)


def nothing_known(url, status, job):
    """The document of a job of which nothing but its state is known."""
    unknown = ("source", "video_id", "channel_id", "title", "size", "duration", "width", "height", "resolution")
    return dict.fromkeys(
        (*unknown, "format", "sha256", "error", "twin", "video_codec", "audio_codec", "fetched_by")
    ) | {
        "variant": "",
        "subscription": None,
        "url": url,
        "status": status,
        "attempts": 1,
        "objects": [],
        "job": job,
        "waits": None,
        "owed": [],
        "site": "a.test",
        "tries": [],
    }


def test_a_stored_video(scripted, haulage, watch, pipeline):
    """It has facts, and a place for each copy; the text is the same on a terminal."""
    [job] = pipeline.run(["http://a.test/good/fine"])
    digest = hashlib.sha256(b"fine").hexdigest()
    place = f"{scripted.folder}/library/channel/fine/video.mp4"
    text = story(haulage, "fine")
    size = Path(place).with_suffix(".json").stat().st_size
    assert (
        text
        == f"""\
title     Title of fine
url       http://a.test/good/fine
video     scripted fine
channel   channel
site      a.test
added     TIME
status    downloaded
facts     180p, 1:01, 4 bytes, mp4 (h264, aac)
sha256    {digest}
stored    TIME video, 4 bytes: {place}
stored    TIME record, {size} bytes: {place.replace(".mp4", ".json")}
attempt 1 no failure
"""
    )
    shown = watch("show", "fine", by=scripted, terminal=True)
    assert (shown.end(), TIME.sub("TIME", shown.said)) == (0, text)
    assert story(haulage, "http://a.test/good/fine") == story(haulage, job.id) == text
    record = Path(place).with_suffix(".json")
    told = document(haulage, "show", "fine")
    [added] = scripted.rows("select added_at from video_processing_jobs")
    assert told.pop("added")[:23] == added[0][:23]
    stored = scripted.rows("select stored_at from stored_objects order by number")
    assert [each.pop("stored_at")[:23] for each in told["objects"]] == [moment[:23] for (moment,) in stored]
    assert told == {
        "source": "scripted",
        "video_id": "fine",
        "variant": "",
        "subscription": None,
        "channel_id": "channel",
        "title": "Title of fine",
        "url": "http://a.test/good/fine",
        "status": "downloaded",
        "size": 4,
        "duration": 61.0,
        "width": 320,
        "height": 180,
        "resolution": "180p",
        "format": "mp4",
        "sha256": digest,
        "attempts": 1,
        "error": None,
        "objects": [
            {
                "storage": "library",
                "role": "video",
                "key": "channel/fine/video.mp4",
                "url": place,
                "size": 4,
                "sha256": digest,
            },
            {
                "storage": "library",
                "role": "record",
                "key": "channel/fine/video.json",
                "url": str(record),
                "size": size,
                "sha256": hashlib.sha256(record.read_bytes()).hexdigest(),
            },
        ],
        "job": job.id,
        "site": "a.test",
        "twin": None,
        "video_codec": "h264",
        "audio_codec": "aac",
        "fetched_by": None,
        "waits": None,
        "owed": [],
        "tries": [],
    }


def test_a_video_that_failed(scripted, haulage, pipeline):
    """Each attempt has a line, with its time, its step, the kind of failure, the cure, and the wait that followed."""
    assert [job.status for job in pipeline.run(["http://a.test/transient/flaky"])] == ["failed"]
    waits = [wait for (wait,) in scripted.rows("select wait from attempts order by number")]
    said = "TIME fetch: transient: the site says transient; mend it"
    assert story(haulage, "flaky").splitlines()[4:] == [
        "site      a.test",
        "added     TIME",
        "status    failed",
        f"attempt 1 {said}; again in {waits[0]:g} s",
        f"attempt 2 {said}; again in {waits[1]:g} s",
        f"attempt 3 {said}",
    ]
    told = document(haulage, "show", "flaky")
    failure = {"kind": "transient", "message": "the site says transient", "cure": "mend it"}
    assert (told["status"], told["attempts"], told["error"], told["objects"]) == ("failed", 3, failure, [])
    rows = scripted.rows("select id, number, ended_at from attempts order by number")
    assert [(each.pop("attempt"), each.pop("number")) for each in told["tries"]] == [row[:2] for row in rows]
    assert [each.pop("ended")[:23] for each in told["tries"]] == [row[2][:23] for row in rows]
    assert told["tries"] == [{**failure, "stage": "fetch", "counted": True, "wait": wait} for wait in waits]


def test_what_waits(scripted, haulage, watch):
    """A video that waits says for how long it will, and `status` tells which site is left alone until when."""
    running = watch("get", "http://b.test/rate_limited/soon", by=scripted)
    running.until("again in 60 s: http://b.test/rate_limited/soon: the site says rate_limited; mend it")
    running.process.terminate()
    assert running.end() == 4
    assert story(haulage, "soon").splitlines()[6:] == [
        "status    pending",
        "waits     until TIME: b.test is closed: the site says rate_limited",
        "attempt 1 TIME fetch: rate_limited: the site says rate_limited; mend it; again in 60 s",
    ]
    told = document(haulage, "show", "soon")
    [attempt] = told["tries"]
    [(opens,)] = scripted.rows("select opens_at from sites")
    assert told["waits"]["until"][:23] == opens[:23]
    assert told["waits"]["reason"] == "b.test is closed: the site says rate_limited"
    assert (attempt["kind"], attempt["counted"], attempt["wait"]) == ("rate_limited", False, 60.0)
    first, second = haulage("status").stdout.splitlines()
    assert first == "1 pending; 0 bytes stored"
    assert TIME.sub("TIME", second) == "closed       b.test until TIME: the site says rate_limited"
    [site] = document(haulage, "status")["sites"]
    assert site.pop("opens")[:19] == scripted.rows("select opens_at from sites")[0][0][:19]
    assert site == {"name": "b.test", "strikes": 1, "reason": "the site says rate_limited"}


def test_what_is_no_video_of_its_own(haulage, pipeline):
    """A duplicate names the one that has the video; a list is expanded; both have nothing else to tell."""
    one, two, many = (f"http://a.test/{path}" for path in ("twin/one", "twin/two", "list/all"))
    jobs = {job.request.url: job for job in pipeline.run([one, two, many])}
    assert story(haulage, two) == (
        f"title     {two}\nurl       {two}\nsite      a.test\nadded     TIME\nstatus    duplicate\n"
        f"same as   {one}\nattempt 1 no failure\n"
    )
    assert story(haulage, many) == (
        f"title     {many}\nurl       {many}\nsite      a.test\nadded     TIME\nstatus    expanded\n"
        "attempt 1 no failure\n"
    )
    duplicate = nothing_known(two, "duplicate", jobs[two].id) | {"twin": jobs[one].id}
    assert document(haulage, "show", two) == duplicate | {"added": ANY}
    assert document(haulage, "show", many) == nothing_known(many, "expanded", jobs[many].id) | {"added": ANY}
    assert document(haulage, "status")["counts"] == {"downloaded": 3, "duplicate": 1, "expanded": 1}


def test_a_name_of_two_videos(haulage, pipeline):
    """They are told apart by the ids of their jobs, which name one each, where the URL means the plain one."""
    url = "http://a.test/good/both"
    plain, small = pipeline.run([url, Request(url, "small")])
    result = haulage("show", "both")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.splitlines()[-1] == (
        f"Error: 'both' means 2 videos; name one by what comes first here: {plain.id} {url}, {small.id} {url} small"
    )
    assert "video     scripted both small\n" in story(haulage, small.id)
    assert "video     scripted both\n" in story(haulage, url)


@pytest.mark.parametrize("name", ["nothing", "http://a.test/good/nothing"])
def test_a_name_of_nothing(haulage, name):
    """It is a mistake, with the command that lists what there is."""
    result = haulage("show", name)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.splitlines()[-1] == f"Error: no video '{name}'; see: haulage list"
