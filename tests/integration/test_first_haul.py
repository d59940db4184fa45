"""The main job, end to end, with real parts: yt-dlp over HTTP, SQLite, and files on disk."""

import hashlib
import json
import re
import subprocess
from datetime import timedelta

import pytest

from haulage.testing import ffmpeg


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_direct_file_is_stored_and_its_facts_are_in_the_database(site, program):
    """What is recorded equals the recipe, `ffmpeg -i` and hashlib, in the columns that people look for."""
    url = site.url("clip.mp4")
    result = program.run("get", url)
    assert result.returncode == 0, result.stderr
    [stored] = program.stored()
    recipe, medium = site.recipes["clip.mp4"], site.file("clip.mp4")
    assert stored.read_bytes() == medium.read_bytes()

    [row] = program.rows(
        "select download_status, download_url, download_size, download_duration, download_resolution,"
        " download_format, width, height, sha256, channel_id, video_id, source from videos"
    )
    assert row[:9] == (
        "downloaded",
        url,
        medium.stat().st_size,
        float(recipe.duration),
        f"{recipe.height}p",
        "mp4",
        recipe.width,
        recipe.height,
        digest(medium),
    )
    channel, video = row[9:11]
    assert stored.relative_to(program.folder / "library").as_posix() == f"{channel}/{video}/video.mp4"
    assert (channel, row[11]) == ("127.0.0.1", "generic")

    told = subprocess.run([ffmpeg(), "-hide_banner", "-i", stored], capture_output=True, text=True).stderr
    hours, minutes, seconds = re.search(r"Duration: (\d+):(\d+):([\d.]+)", told).groups()
    assert timedelta(hours=int(hours), minutes=int(minutes), seconds=float(seconds)).total_seconds() == row[3]
    assert f"{row[6]}x{row[7]}" in told

    query = "select storage, role, state, size, sha256, stored_at from stored_objects where role = 'video'"
    [copy] = program.rows(query)
    assert copy[:5] == ("library", "video", "stored", medium.stat().st_size, digest(medium))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", copy[5])


def test_what_is_stored_is_not_asked_for_again(site, program):
    """A second `get` sends no request at all, says so, and succeeds."""
    url = site.url("second.mp4?again")
    assert program.run("get", url).returncode == 0
    asked = len(site.log("/second.mp4?again"))
    again = program.run("get", url)
    assert again.returncode == 0
    assert len(site.log("/second.mp4?again")) == asked > 0
    assert again.stdout.startswith("had already  second")


def test_a_server_that_fails_twice_is_asked_a_third_time(site, program):
    """The waits of 1 and 2 s are recorded, and are those between the requests in the site's own log."""
    path = "/503-twice/waits/third.mp4"
    result = program.run("get", site.url(path))
    assert result.returncode == 0, result.stderr
    assert program.rows("select number, kind, counted, wait from attempts order by number") == [
        (1, "transient", 1, 1.0),
        (2, "transient", 1, 2.0),
        (3, None, None, None),
    ]
    times = [request.at for request in site.log(path)]
    assert 1.0 <= times[1] - times[0] < 2.0  # no wait twice as long, however busy the machine is
    assert 2.0 <= times[2] - times[1] < 4.0
    assert len(program.stored()) == 1


def test_a_video_that_is_gone_is_asked_for_once(site, program):
    """A 404 is `unavailable` after one attempt, and the exit code says that it was not hauled."""
    path = "/404/gone/clip.mp4"
    result = program.run("get", site.url(path))
    assert result.returncode == 1
    assert result.stdout == f"unavailable  {site.url(path)}: HTTP 404 Not Found\n"
    assert [request.status for request in site.log(path)] == [404]
    assert program.rows("select status from video_processing_jobs") == [("unavailable",)]
    assert program.rows("select kind, wait from attempts") == [("unavailable", None)]


@pytest.mark.parametrize(
    ("path", "kinds"),
    [
        ("/short/clip.mp4", ["transient"] * 3),
        ("/cut/clip.mp4", ["invalid"] * 2),
        ("/lying-html/clip.mp4", ["invalid"] * 2),
        ("/empty/clip.mp4", ["invalid"] * 2),
    ],
)
def test_what_is_not_whole_is_never_stored(site, program, path, kinds):
    """Neither a body that ends early, with or without a length, nor one that is no medium reaches the library."""
    result = program.run("get", site.url(path))
    assert result.returncode == 1
    assert program.stored() == []
    assert [kind for (kind,) in program.rows("select kind from attempts order by number")] == kinds
    assert program.rows("select download_status from videos") == [("failed",)]
    assert program.rows("select count(*) from stored_objects") == [(0,)]


def test_the_same_name_on_two_hosts_is_two_videos(site, program):
    """Where a site gives no ids, the place is part of the identity."""
    first = site.url("clip.mp4")
    second = first.replace("127.0.0.1", "localhost")
    assert program.run("get", first, second).returncode == 0
    assert len(program.stored()) == 2
    assert program.rows("select count(distinct video_id) from videos") == [(2,)]


def test_signing_parameters_are_used_and_forgotten(site, program):
    """A signed URL is fetched with its signature, and neither shown nor kept once the job has ended."""
    url = site.url("clip.mp4?token=s3cr3t-token&quality=high")
    result = program.run("get", "--json", url, "--log-format", "json", "--log-level", "debug")
    assert result.returncode == 0, result.stderr
    assert site.log("/clip.mp4?token=s3cr3t-token&quality=high")
    everything = result.stdout + result.stderr + program.run("list", "--json").stdout
    kept = b"".join(path.read_bytes() for path in program.folder.glob("haulage.db*"))
    assert "s3cr3t" not in everything
    # The write-ahead log still holds pages from while the job ran; what is read is what counts.
    assert "s3cr3t" not in str(program.rows("select * from video_processing_jobs"))
    assert "s3cr3t" not in str(program.rows("select * from videos"))
    assert b"quality=high" in kept
    asked = len(site.log("/clip.mp4?token=s3cr3t-token&quality=high"))
    assert program.run("get", url).stdout.startswith("had already")
    assert len(site.log("/clip.mp4?token=s3cr3t-token&quality=high")) == asked


def test_results_can_be_read_by_machines(site, program):
    """`get --json` prints a line a video, `list --json` one document, and the two agree."""
    result = program.run("get", "--json", site.url("clip.mp4"), site.url("404/machines.mp4"))
    lines = sorted((json.loads(line) for line in result.stdout.splitlines()), key=lambda each: each["url"])
    listed = sorted(program.json("list", "--json"), key=lambda each: each["url"])
    assert lines == listed
    missing, clip = lines
    assert clip["status"] == "downloaded"
    assert clip["attempts"] == 1
    assert clip["objects"][0]["sha256"] == clip["sha256"] == digest(site.file("clip.mp4"))
    assert missing["error"] == {"kind": "unavailable", "message": "HTTP 404 Not Found", "cure": ""}
    assert missing["objects"] == []
    counts = program.json("status", "--json")
    assert counts["counts"] == {"downloaded": 1, "unavailable": 1}
    assert counts["stored_bytes"] == sum(path.stat().st_size for path in [*program.stored(), *program.records()])


def test_every_attempt_is_a_line_of_json(site, program):
    """With `--log-format json` standard error is JSON alone, and tells of the attempts, the failure and the storage."""
    result = program.run("get", "--log-format", "json", site.url("503-twice/logged/clip.mp4"))
    *lines, end = [json.loads(line) for line in result.stderr.splitlines()]
    attempts = {line["attempt"] for line in lines}
    assert len(attempts) == 3
    assert len({line["job"] for line in lines}) == 1
    failures = [line for line in lines if line["message"].startswith("fetch failed")]
    assert [(line["kind"], line["wait"], line["counted"]) for line in failures] == [
        ("transient", 1.0, True),
        ("transient", 2.0, True),
    ]
    stored = [(line["storage"], line["size"]) for line in lines if line["message"].startswith("stored")]
    sizes = [path.stat().st_size for path in [*program.stored(), *program.records()]]
    assert stored == [("library", size) for size in sizes]
    assert sizes[0] == site.file("clip.mp4").stat().st_size
    assert (end["stored_bytes"], end["total_bytes"], end["monthly_cost"]) == (sum(sizes), sum(sizes), None)
    assert [line["kind"] for line in lines if "duration" in line and "status" in line] == ["transient"] * 2 + [None]


def test_urls_are_read_from_a_file_and_from_standard_input(site, program):
    """Comments and empty lines are passed over; each URL is hauled once, wherever it was named."""
    (program.folder / "urls.txt").write_text(f"# clips\n\n{site.url('clip.mp4')}\n  {site.url('second.mp4')}  \n")
    result = program.run("get", "-", "-a", "urls.txt", stdin=f"{site.url('third.mp4')}\n{site.url('clip.mp4')}\n")
    assert result.returncode == 0, result.stderr
    assert sorted(line.split()[1] for line in result.stdout.splitlines()) == ["clip", "second", "third"]
    assert len(program.stored()) == 3


def test_a_strangers_file_is_left_alone(site, program):
    """A file under the key that haulage did not write is a conflict: it is not overwritten, and the cure is named."""
    assert program.run("get", site.url("clip.mp4")).returncode == 0
    [path] = program.stored()
    for kept in program.folder.glob("haulage.db*"):
        kept.unlink()
    path.write_bytes(b"a stranger's")
    result = program.run("get", site.url("clip.mp4"))
    assert result.returncode == 1
    assert path.read_bytes() == b"a stranger's"
    assert "is there already, and haulage did not write it" in result.stdout
    assert "move it away, or choose another layout" in result.stdout


def test_mirrors_get_the_same_file_from_one_download(site, program):
    """With two storages the video is fetched once and lies in both."""
    (program.folder / "haulage.yaml").write_text(
        'storages: {first: a, second: {type: local, path: b}}\nprivate_hosts: ["127.0.0.1"]\n'
    )
    path = "/clip.mp4?mirrors"
    assert program.run("get", site.url(path)).returncode == 0
    copies = [*(program.folder / "a").rglob("video.mp4"), *(program.folder / "b").rglob("video.mp4")]
    assert [digest(copy) for copy in copies] == [digest(site.file("clip.mp4"))] * 2
    asked = len(site.log(path))
    assert asked == 2  # yt-dlp looks at the page before it downloads
    # A mirror that is named later is made from the copy that is there.
    (program.folder / "haulage.yaml").write_text(
        'storages: {first: a, second: b, third: c}\nprivate_hosts: ["127.0.0.1"]\n'
    )
    assert program.run("get", site.url(path)).returncode == 0
    [third] = (program.folder / "c").rglob("video.mp4")
    assert digest(third) == digest(site.file("clip.mp4"))
    assert len(site.log(path)) == asked
    assert not [path for path in (program.folder / ".haulage" / "work").iterdir() if path.is_dir()]
