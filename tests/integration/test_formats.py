"""All that the loopback site offers, hauled for real: streams, pages, feeds, variants and what goes with a video."""

import hashlib
import json
import re
import subprocess
from datetime import timedelta

import pytest

from haulage.testing import DASH, HLS, ffmpeg

COLUMNS = "download_size, download_format, download_duration, download_resolution, sha256"


@pytest.fixture(scope="module")
def recipes(site):
    """What the media of the site were made from, by a part of their URL."""
    return {**site.recipes, "hls": HLS[-1], "dash": DASH}


def looked_at(path):
    """What `ffmpeg -i` says: seconds, and the size of the picture."""
    told = subprocess.run([ffmpeg(), "-hide_banner", "-i", path], capture_output=True, text=True).stderr
    hours, minutes, seconds = re.search(r"Duration: (\d+):(\d+):([\d.]+)", told).groups()
    picture = re.search(r"Video: .* (\d+)x(\d+)", told)
    length = timedelta(hours=int(hours), minutes=int(minutes), seconds=float(seconds)).total_seconds()
    return length, picture and tuple(map(int, picture.groups()))


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_all_that_the_site_offers_is_stored_and_recorded(site, program, recipes):
    """Each video lies under its channel and id; its columns are those of the recipe, `ffmpeg -i` and hashlib."""
    paths = ("clip.mp4", "hls/master.m3u8", "dash/manifest.mpd", "page.html", "feed.xml", "videos.html")
    result = program.run("get", *map(site.url, paths))
    assert result.returncode == 0, result.stderr
    rows = program.rows(f"select channel_id, video_id, title, {COLUMNS} from videos order by video_id")
    assert [re.sub("-[0-9a-f]{8}$", "", row[1]) for row in rows] == ["clip", "manifest", "master", "second", "third"]
    stored = {path.relative_to(program.folder / "library").as_posix(): path for path in program.stored()}
    assert sorted(stored) == sorted(f"{row[0]}/{row[1]}/video.mp4" for row in rows)
    made = {"manifest": recipes["dash"], "master": recipes["hls"]}
    for channel, video, _, size, container, duration, resolution, digest in rows:
        path, name = stored[f"{channel}/{video}/video.mp4"], video.rpartition("-")[0]
        recipe = made.get(name) or site.recipes[f"{name}.mp4"]
        assert (size, digest) == (path.stat().st_size, sha256(path))
        assert (container, resolution) == ("mp4", f"{recipe.height}p")
        seconds, picture = looked_at(path)
        assert picture == (recipe.width, recipe.height)
        assert duration == pytest.approx(seconds, abs=0.02)
        assert duration == pytest.approx(recipe.duration, abs=0.1)  # sound is coded in frames, and may last longer
        if name not in made:
            assert path.read_bytes() == site.file(f"{name}.mp4").read_bytes()
    parents = "select count(*) from video_processing_jobs where status = 'expanded'"
    assert program.rows(parents) == [(2,)]

    before = len(site.requests)
    again = program.run("get", *map(site.url, paths))
    assert again.returncode == 0
    asked = site.requests[before:]
    assert {request.path for request in asked} <= {"/feed.xml", "/page.html", "/videos.html"}  # and no media
    assert len(program.stored()) == 5


def test_variants_lie_beside_the_default(site, program):
    """Each takes the formats that it says; a limit of 480 lines takes the line of 480."""
    (program.folder / "haulage.yaml").write_text(
        'private_hosts: ["127.0.0.1"]\n'
        "fetcher: {max_height: 480}\n"
        "variants: {720p: {max_height: 720}, audio: {audio_only: true}, mkv: {container: mkv}}\n"
    )
    url = site.url("hls/master.m3u8")
    named = [part for name in ("720p", "audio", "mkv") for part in ("--variant", name)]
    assert program.run("get", url).returncode == 0
    result = program.run("get", *named, url)
    assert result.returncode == 0, result.stderr
    pictures = {path.name: looked_at(path)[1] for path in program.stored()}
    assert pictures == {
        "video.mp4": (HLS[1].width, HLS[1].height),
        "video.720p.mp4": (HLS[2].width, HLS[2].height),
        "video.audio.m4a": None,
        "video.mkv.mkv": (HLS[1].width, HLS[1].height),
    }
    assert len({path.parent for path in program.stored()}) == 1
    found = program.rows("select variant, download_format, download_resolution from videos order by variant")
    assert found == [("", "mp4", "480p"), ("720p", "mp4", "720p"), ("audio", "m4a", None), ("mkv", "mkv", "480p")]


def test_a_stream_that_lacks_a_part_is_never_stored(site, program):
    """It is fetched afresh once, and then it has failed, with the reason."""
    url = site.url("hls-missing/master.m3u8")
    result = program.run("get", url)
    assert result.returncode == 1
    assert result.stdout == f"failed       {url}: a part of the stream is missing: HTTP 404 Not Found\n"
    assert program.rows("select kind, counted from attempts") == [("invalid", 1), ("invalid", 1)]
    assert (program.stored(), program.rows("select count(*) from stored_objects")) == ([], [(0,)])


def test_two_hosts_with_a_file_of_one_name_give_two_videos(site, program):
    """The host tells them apart."""
    urls = [site.url("clip.mp4"), site.url("clip.mp4").replace("127.0.0.1", "localhost")]
    assert program.run("get", *urls).returncode == 0
    assert len(program.stored()) == 2
    assert program.rows("select count(distinct video_id) from videos") == [(2,)]


def test_information_is_stored_when_asked_for(site, program):
    """It lies beside the video as JSON, without what gives access to anything, and has a row of its own."""
    (program.folder / "haulage.yaml").write_text('private_hosts: ["127.0.0.1"]\nfetcher: {info: true}\n')
    url = site.url("page.html?token=hunter2")
    assert program.run("get", url).returncode == 0
    video, info = sorted(program.stored(), key=lambda path: path.suffix != ".mp4")
    assert (video.name, info.name) == ("video.mp4", "video.info.json")
    told = json.loads(info.read_text())
    assert (told["title"], told["webpage_url"]) == (site.recipes["clip.mp4"].title, site.url("page.html"))
    assert "hunter2" not in info.read_text()
    rows = program.rows("select role, size, sha256 from stored_objects order by role")
    [record] = program.records()
    assert rows == [
        ("info", info.stat().st_size, sha256(info)),
        ("record", record.stat().st_size, sha256(record)),
        ("video", video.stat().st_size, sha256(video)),
    ]


def test_a_storage_and_workers_can_be_chosen_for_one_run(site, program):
    """What the command line says counts instead of the config; an unknown storage is told with what there is."""
    (program.folder / "haulage.yaml").write_text(
        'private_hosts: ["127.0.0.1"]\nstorages: {one: one, two: two}\nexecutor: {type: threads, workers: 3}\n'
    )
    assert program.run("get", "--storage", "two", "--workers", "1", site.url("third.mp4")).returncode == 0
    assert program.rows("select distinct storage from stored_objects") == [("two",)]
    assert not (program.folder / "one").exists()
    wrong = program.run("get", "--storage", "tow", site.url("third.mp4"))
    assert wrong.returncode == 2
    assert wrong.stderr.endswith("store_to[0]: unknown storage 'tow'; did you mean 'two'?\n")
    wrong = program.run("get", "--variant", "audio", site.url("third.mp4"))
    assert (wrong.returncode, wrong.stderr) == (2, "haulage: unknown variant 'audio'; the config has none\n")
