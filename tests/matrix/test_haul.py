"""The same haul in each cell of the matrix; of the config only the lines `storages` and `database` differ."""

import json
import os
import subprocess
import sys
from pathlib import Path

from program import ELSEWHERE

CONFIG = """\
private_hosts: [127.0.0.1]
storages: {{library: {storage}}}
database: {database}
"""


def test_haul(storage, metadata, site, place, database, tmp_path):
    """A file, a stream and a feed are stored whole and recorded as they are, once."""
    (tmp_path / "haulage.yaml").write_text(CONFIG.format(storage=place.line, database=database.url))
    asked = [site.url(path) for path in ("clip.mp4", "hls/master.m3u8", "feed.xml")]
    get(tmp_path, place, *asked)

    videos = {each["number"]: each for each in database.rows("select * from videos")}
    copies = database.rows("select * from stored_objects")
    found = place.objects()
    assert {each["title"] for each in videos.values()} == {"clip", "master", "other"}
    assert {each["download_status"] for each in videos.values()} == {"downloaded"}
    assert sorted(found) == sorted(each["key"] for each in copies), "the rows name other objects than there are"
    assert len(found) == 6, "each of the three videos has itself and its record"
    assert place.unfinished() == []

    for copy in copies:
        there, video = found[copy["key"]], videos[copy["video"]]
        assert (copy["storage"], copy["state"]) == ("library", "stored")
        assert (there.size, there.sha256) == (copy["size"], copy["sha256"])
        if there.metadata is not None:
            assert there.media_type == {"video": "video/mp4", "record": "application/json"}[copy["role"]]
            assert there.metadata["attempt"] == copy["attempt"]
            assert there.metadata["video"] == f"{video['source']} {video['video_id']}"
            assert there.metadata.get("sha256", there.sha256) == there.sha256
        if copy["role"] == "record":
            told = json.loads(place.read(copy["key"]))
            assert (told["video_id"], told["title"]) == (video["video_id"], video["title"])
        else:
            assert (there.size, there.sha256) == (video["download_size"], video["sha256"])
            name = video["download_url"].rpartition("/")[2]
            if name in site.recipes:
                assert place.read(copy["key"]) == site.file(name).read_bytes()

    before = media_bytes(site)
    get(tmp_path, place, *asked)
    assert media_bytes(site) == before, "what is stored was downloaded again"
    assert place.objects() == found


def get(folder: Path, place, *urls: str) -> None:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(ELSEWHERE)}
    done = subprocess.run(
        [sys.executable, "-m", "haulage", "get", *urls],
        cwd=folder,
        env={**inherited, **place.environ},
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def media_bytes(site) -> int:
    ended = site.wait_for(lambda requests: all(one.ended is not None for one in requests), 30)
    return sum(one.body_bytes for one in ended if one.path.endswith((".mp4", ".ts")))
