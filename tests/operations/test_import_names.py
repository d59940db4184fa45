"""What objects are by their names, and what an info JSON is believed."""

import json

import pytest

from haulage.contracts.storage import StoredObject
from haulage.operations.importing.gather import Candidate, Left, gather
from haulage.operations.importing.info import LARGEST, read_info
from haulage.operations.importing.layout import parse

GOOD = {
    "_type": "video",
    "id": "abc",
    "extractor_key": "Youtube",
    "title": "T",
    "channel_id": "UC1",
    "webpage_url": "https://a.test/v?x=1",
    "duration": 3,
}


def found(*keys, layout="{title} [{video_id}].{ext}", size=1):
    return list(gather([StoredObject(key, size) for key in sorted(keys)], parse(layout)))


def test_files_of_one_video_come_together():
    """Whatever sorts between them; each has its role, and what says nothing is passed over."""
    keys = ["A [x].mp4", "A [x].info.json", "A [x].en.vtt", "A [x].zh-Hans.srt", "A [x].webp", "A [x].description"]
    between = ["A [x].b [y].mkv", "A [x].b [y].jpg"]
    results = found(*keys, *between, "notes.txt")
    videos = {each.key: each for each in results if isinstance(each, Candidate)}
    assert videos.keys() == {"A [x].mp4", "A [x].b [y].mkv"}
    files = {(each.there.key, each.role, each.extension) for each in videos["A [x].mp4"].files}
    assert files == {
        ("A [x].mp4", "video", "mp4"),
        ("A [x].info.json", "info", "info.json"),
        ("A [x].en.vtt", "subtitle.en", "en.vtt"),
        ("A [x].zh-Hans.srt", "subtitle.zh-Hans", "zh-Hans.srt"),
        ("A [x].webp", "thumbnail", "webp"),
    }
    assert videos["A [x].mp4"].files[0].role == "video"
    assert [each.role for each in videos["A [x].b [y].mkv"].sidecars] == ["thumbnail"]
    assert {each.key for each in results if isinstance(each, StoredObject)} == {"A [x].description", "notes.txt"}


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        (["A [x].mp4.part"], "not finished"),
        (["A [x].mp4.ytdl"], "not finished"),
        (["A [x].mp4.part-Frag12"], "not finished"),
        (["A [x].temp.mp4"], "not finished"),
        (["A [x].f137.mp4"], "not finished"),
        (["A.mp4"], "not of the layout"),
        (["a\n [x].mp4"], "cannot be read as text"),
        (["A [x].mp4", "A [x].mkv"], "several files"),
        (["../A [x].mp4"], "cannot be read as text"),
    ],
)
def test_what_cannot_be_taken_in_is_told(keys, reason):
    """Each with its reason; none of it is a video."""
    results = found(*keys, layout="{*}/{title} [{video_id}].{ext}" if ".." in keys[0] else "{title} [{video_id}].{ext}")
    assert all(isinstance(each, Left) and reason in each.reason for each in results), results
    assert len(results) == len(keys)


def test_a_good_info_json_is_read():
    """Source in lower case, page without its signature."""
    info = read_info(json.dumps({**GOOD, "webpage_url": "https://a.test/v?x=1&X-Amz-Signature=s"}).encode())
    assert (info.source, info.video_id, info.title, info.channel_id) == ("youtube", "abc", "T", "UC1")
    assert (info.duration, "Signature" in info.url) == (3.0, False)


@pytest.mark.parametrize(
    "change",
    [
        {"id": 7},
        {"id": "x" * 501},
        {"title": ["T"]},
        {"webpage_url": "file:///etc/passwd"},
        {"webpage_url": "https://u:p@a.test/"},
        {"duration": True},
        {"duration": -1},
        {"duration": 1e300},
        {"_type": "playlist"},
    ],
)
def test_an_info_json_of_wrong_types_is_not_believed(change):
    """Nor one that leads to what cannot be hauled."""
    with pytest.raises(ValueError, match=r"."):
        read_info(json.dumps({**GOOD, **change}).encode())


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b"[" * 100_000, b" " * (LARGEST + 1), b'{"duration": NaN}'])
def test_what_is_no_info_json_is_not_believed(content):
    """However it is broken."""
    with pytest.raises(ValueError, match=r"."):
        read_info(content)
